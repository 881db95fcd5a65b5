"""Whether an export still is what was proven: its files, and what they answer, on this machine."""

import json
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.exporting.artefact import SUMS, check_sums, newest


def verify(path: str | Path) -> list[dict]:
    """Checks the hashes of all files of an export, then runs every artefact on the kept inputs and compares.

    Args:
        path: exports/NAME, whose newest version counts, or a version's folder.

    Returns: the artefacts' records as in export.json, with the differences found now.
    Raises: `UserError` for a file that is missing or changed, `ExportMismatch` for answers beyond the bounds.
    """
    from tfi2i.exporting.export import prove

    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"no export: {folder} (expected exports/NAME, or a version's folder in it)")
    if not (folder / SUMS).is_file():
        folder = newest(folder) or folder
    if not (folder / SUMS).is_file():
        raise UserError(f"no export: {path} (expected a folder with {SUMS}, as `tfi2i export` writes it)")
    check_sums(folder)
    record = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    with np.load(folder / "proof.npz") as proof:
        inputs, expected = (_of_ways(proof, kind, record["ways"]) for kind in ("inputs", "expected"))
    return [prove(folder, artefact, inputs, expected) for artefact in record["artefacts"]]


def _of_ways(proof, kind, ways):
    """{way: {name: array}} of the keys KIND/WAY/NAME."""
    found = {way: {} for way in ways}
    for key in proof.files:
        prefix, way, name = key.split("/")
        if prefix == kind:
            found[way][name] = proof[key]
    return found
