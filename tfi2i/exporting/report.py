"""export.json: what an artefact is, what its files hash to, and how far from the model it was found to be."""

import hashlib
import json
import math
from importlib.metadata import version
from pathlib import Path

from tfi2i.errors import UserError
from tfi2i.exporting.saved_model import SIGNATURE
from tfi2i.training.records import write_text


def record_path(artefact: Path) -> Path:
    """FOLDER/1 has FOLDER/1/export.json, which travels with it; G.tflite has G.export.json beside it."""
    return artefact / "export.json" if artefact.is_dir() else artefact.with_suffix(".export.json")


def write_report(report, *, stride: int) -> Path:
    """Writes the export.json of a verified artefact.

    Args:
        report: what `verify` returned.
        stride: height and width of images must be multiples of it.
    """
    artefact = report.artefact
    record = {
        "format": artefact.format,
        "files": _files(artefact.path),
        "signature": {"name": SIGNATURE, "inputs": artefact.inputs, "outputs": artefact.outputs},
        "dtype": "float32",
        "value_range": [-1, 1],
        "stride": stride,
        "difference_from_model": {
            "images": report.images,
            "max": report.max_error,
            "mean": report.mean_error,
            "psnr_db": report.psnr if math.isfinite(report.psnr) else None,  # equal to the bit; JSON has no infinity
        },
        "versions": {package: version(package) for package in ("tfi2i", "tensorflow", "keras")},
    }
    path = record_path(artefact.path)
    write_text(path, json.dumps(record, indent=2) + "\n")
    return path


def read_record(artefact: Path) -> dict:
    """The record of an artefact, or {} where it has none.

    Raises: `UserError` where a file is not the one that was verified.
    """
    path = record_path(artefact)
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        described = record["files"].items() <= _files(artefact).items()  # a server's user may add files to a SavedModel
    except (ValueError, LookupError, AttributeError) as error:
        raise UserError(f"damaged file: {path} ({type(error).__name__}); export again") from error
    if not described:
        raise UserError(f"damaged export: {artefact} (its files are not the ones in {path.name}); export it again")
    return record


def _files(artefact):
    """{name: {"bytes", "sha256"}} of a LiteRT file, or of all files of a SavedModel."""
    if artefact.is_file():
        return {artefact.name: _described(artefact)}
    paths = sorted(path for path in artefact.rglob("*") if path.is_file() and path != record_path(artefact))
    return {path.relative_to(artefact).as_posix(): _described(path) for path in paths}


def _described(path):
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
