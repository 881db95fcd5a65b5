"""A run's networks as artefacts that are in place only once they are proven."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.exporting.about import about, metadata
from tfi2i.exporting.artefact import SUMS, number_of, open_artefact, sha256
from tfi2i.exporting.litert import (
    CALIBRATED,
    QUANTIZATIONS,
    convert,
    fully_delegated,
    operators,
    with_metadata,
)
from tfi2i.exporting.network import SIGNATURE, answers
from tfi2i.exporting.proof import EXACT, LEAST_PSNR, as_sent, proven, proven_pixels
from tfi2i.exporting.report import Exported, write_report
from tfi2i.exporting.serving import WARM_UP, write_configs, write_warm_up
from tfi2i.training.records import write_text

FORMATS = ("saved_model", "litert", "onnx")
PROOF_IMAGES, CALIBRATION_IMAGES = 4, 64
_A_DAY = 86_400  # seconds after which what an interrupted export left behind is taken away


def export(
    run,
    formats=("saved_model", "litert"),
    quantizations=("float32",),
    out="exports",
    *,
    size=None,
    dynamic=False,
    attention=False,
    pictures=None,
    licence="unknown",
    min_psnr=None,
    benchmark=True,
):
    """Exports a run: OUT/NAME/1, or the next number, NAME that of the run; see `export_networks` for what is in it.

    Args:
        run: the run's folder.
        formats: of `FORMATS`.
        quantizations: keys of `QUANTIZATIONS`, of the LiteRT files.
        size: (height, width) of the LiteRT files' images; default: the size of the run's crops.
        dynamic: LiteRT files that take any size instead, where that leaves them whole on the delegate.
        attention: with U-GAT-IT's attention map as a second output.
        pictures: a folder of images for the proof and to quantise by, instead of the run's data.
        licence: of the weights, to be written into the files.
        min_psnr, benchmark: see `export_networks`.

    Returns: `Exported`.
    Raises: `UserError` for a wrong format or size, `ExportMismatch` where an artefact is not the model.
    """
    from tfi2i.exporting.examples import RANDOM, examples
    from tfi2i.run import Job, load

    if "int8" in quantizations:
        print(
            "tfi2i: warning: int8 keeps norms in 8 bits, too, which loses much, and leaves the delegate in parts; "
            "mixed_int8 is as small",
            file=sys.stderr,
        )
    model, job = load(run), Job.load(run)
    networks = _attentive(model, run) if attention else model.generators()
    side = model.config.crop_size // getattr(model.config, "scale", 1)
    size = _checked_size(networks, size or (side, side), model.config.stride)
    if calibrated := set(quantizations) & set(CALIBRATED):
        representative, source = examples(networks, model, job, size, "train", CALIBRATION_IMAGES, pictures)
        if source == RANDOM:
            raise UserError(
                f"--quantize={','.join(sorted(calibrated))} measures ranges on real images, and {run} has none at "
                "hand; give --images=FOLDER"
            )
    else:
        representative = None
    return export_networks(
        networks,
        about(model, job, Path(run).resolve().name, licence),
        examples(networks, model, job, size, "test", PROOF_IMAGES, pictures),
        formats,
        quantizations,
        out,
        size=None if dynamic else size,
        representative=representative,
        min_psnr=min_psnr,
        benchmark=benchmark,
    )


def export_networks(
    networks,
    about,
    examples,
    formats=("saved_model", "litert"),
    quantizations=("float32",),
    out="exports",
    *,
    size=None,
    representative=None,
    min_psnr=None,
    benchmark=True,
):
    """Exports networks: OUT/NAME/N, N the next number; it appears at once, whole and proven, or not at all.

    In it: the SavedModel; NAME.float32.tflite and so on, of several ways NAME_AtoB.float32.tflite, each with its
    metadata as .json beside it; NAME.onnx; export.json, export.md and export.png, what was found; proof.npz, some
    inputs and the model's answers, for `verify`; SHA256SUMS. Without a SavedModel the folder is N-devices, since a
    server takes whole numbers for its own.

    Every artefact is read back from disk and compared with the model. An export that is killed leaves .export-N behind,
    which no server looks at and a later export takes away.

    Args:
        networks: {way: functional keras.Model of an image (B, H, W, C) in [-1, 1], vectors (B, S) or both}.
        about: `About`.
        examples: ({way: {input: array}}, where they are from), for the proof.
        size: (H, W) of the LiteRT files' images; None: any.
        representative: as `examples`' first, for quantisations that need ranges.
        min_psnr: in dB, in place of `LEAST_PSNR`.
        benchmark: also measure how long an image takes.
    """
    _check_names("--format", formats, FORMATS)
    _check_names("--quantize", quantizations, QUANTIZATIONS)
    inputs, source = examples
    expected = {
        way: {name: np.asarray(array) for name, array in answers(network, list(inputs[way].values())).items()}
        for way, network in networks.items()
    }
    place, aside = _reserved(Path(out) / about.name, "" if "saved_model" in formats else "-devices")
    try:
        writing = _Writing(networks, about, inputs, number_of(place.name), aside, size, representative, min_psnr)
        for name in formats:
            getattr(writing, name)(quantizations)
        np.savez(aside / "proof.npz", **_flat("inputs", inputs), **_flat("expected", expected))
        artefacts = [prove(aside, record, inputs, expected) for record in writing.records]
        exported = Exported(place, about, tuple(networks), source, artefacts)
        write_report(aside, exported, networks, inputs, expected, benchmark)
        names = sorted(path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file())
        # But for the warm-up requests: a server's user writes others.
        write_text(aside / SUMS, "".join(f"{sha256(aside / name)}  {name}\n" for name in names if name != WARM_UP))
        os.rename(aside, place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if "saved_model" in formats:
        write_configs(place.parent, about.name)
    return exported


def prove(folder, record, inputs, expected):
    """Opens one artefact of an export and compares it with the model's answers, within the record's bound.

    Args:
        folder: the version's.
        record: {"file", "format", "way", "bound", ...} of export.json.
        inputs, expected: {way: {name: array}}.

    Returns: the record with "difference". Raises: `ExportMismatch`, `UserError`.
    """
    path, ways = folder / record["file"], [record["way"]] if record["way"] else list(inputs)
    found = {}
    for way in ways:
        found[way] = proven(
            open_artefact(path, record["way"] or _way(ways, way)), inputs[way], expected[way], record["bound"]
        )
        if record["format"] == "SavedModel":
            for form in ("_uint8", "_bytes"):
                served = open_artefact(path, _way(ways, way), form)
                found[way][f"levels{form}"] = proven_pixels(served, inputs[way], expected[way], record["scale"])
    return record | {"difference": found}


def _way(ways, way):
    """The name of a signature's way; a lone one is the default signature."""
    return way if len(ways) > 1 else None


class _Writing:
    """Writes the artefacts of one export aside and notes what each is."""

    def __init__(self, networks, about, inputs, number, folder, size, representative, min_psnr):
        self.networks, self.about, self.inputs, self.number, self.folder = networks, about, inputs, number, folder
        self.size, self.representative, self.min_psnr = size, representative, min_psnr
        self.records = []

    def saved_model(self, _):
        from tfi2i.exporting.saved_model import sums_of_convolutions, write_saved_model

        if sums := [name for network in self.networks.values() for name in sums_of_convolutions(network)]:
            print(
                f"tfi2i: warning: {', '.join(sums)} of {self.about.name} add bare convolutions, which TensorFlow's CPU "
                "kernels can't do twice at once; serve it with TF_ENABLE_ONEDNN_OPTS=0",
                file=sys.stderr,
            )
        write_saved_model(self.networks, self.folder, stride=self.about.stride, scale=self.about.scale)
        write_warm_up(self.folder / WARM_UP, self.about.name, self._requests())
        self._record(".", "SavedModel", None, "float32")

    def litert(self, quantizations):
        for way, network in self.networks.items():
            for quantization in quantizations:
                representative = _one_by_one(self.representative[way]) if quantization in CALIBRATED else None
                content = convert(network, *(self.size or (None, None)), quantization, representative)
                described = metadata(self.about, self.number, way, network, self.size or (None, None), quantization)
                path = self.folder / f"{self._stem(way)}.{quantization}.tflite"
                path.write_bytes(with_metadata(content, described))
                write_text(path.with_suffix(".json"), json.dumps(described, indent=1) + "\n")
                delegated = fully_delegated(path)
                if not delegated and self.size is None:
                    raise UserError(
                        f"--dynamic: of unknown size {self.about.name} is not one partition of the delegate; give "
                        "--size=HxW instead"
                    )
                self._record(
                    path.name, "LiteRT", way, quantization, fully_delegated=delegated, operators=operators(path)
                )

    def onnx(self, _):
        from tfi2i.exporting.onnx import write_onnx

        for way, network in self.networks.items():
            path = self.folder / f"{self._stem(way)}.onnx"
            write_onnx(network, path, metadata(self.about, self.number, way, network, (None, None), "float32"))
            self._record(path.name, "ONNX", way, "float32")

    def _requests(self):
        """One of each default signature, with the first example of the first way."""
        way, scale = next(iter(self.networks)), self.about.scale
        floats = {name: array[:1] for name, array in self.inputs[way].items()}
        pixels, files = (as_sent(floats, form, scale) for form in ("_uint8", "_bytes"))
        return [(SIGNATURE, floats), ("serve_uint8", pixels), ("serve_bytes", files)]

    def _stem(self, way):
        return self.about.name + (f"_{way}" if len(self.networks) > 1 else "")

    def _record(self, file, format, way, quantization, **more):
        path = self.folder / file
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        least = LEAST_PSNR.get(quantization)
        bound = EXACT if least is None else {"psnr": least if self.min_psnr is None else self.min_psnr}
        record = {"file": file, "format": format, "way": way, "quantization": quantization, "scale": self.about.scale}
        record["bytes"] = sum(each.stat().st_size for each in files)
        self.records.append(record | {"bound": bound} | more)


def _one_by_one(inputs):
    """[{name: array of batch 1}] of {name: array}."""
    count = len(next(iter(inputs.values())))
    return [{name: array[k : k + 1] for name, array in inputs.items()} for k in range(count)]


def _flat(prefix, by_way):
    return {f"{prefix}/{way}/{name}": array for way, arrays in by_way.items() for name, array in arrays.items()}


def _reserved(folder, suffix):
    """(the folder of the next version, a new folder beside it to write in); two exports at once get two numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".export-*"):
        if time.time() - left.stat().st_mtime > _A_DAY:
            shutil.rmtree(left, ignore_errors=True)
    number = 1 + max((number_of(path.name.removeprefix(".export-")) for path in folder.iterdir()), default=0)
    while True:
        try:
            (aside := folder / f".export-{number}").mkdir()
        except FileExistsError:
            number += 1
            continue
        if not any(number_of(path.name) == number for path in folder.iterdir()):
            return folder / f"{number}{suffix}", aside
        aside.rmdir()  # it was finished while we looked
        number += 1


def _attentive(model, run):
    if not hasattr(model, "generators_with_attention"):
        raise UserError(f"--attention: {run} has no attention maps (expected a run of ugatit)")
    return model.generators_with_attention()


def _checked_size(networks, size, stride):
    height, width = size
    if not (height > 0 and width > 0) or height % stride or width % stride:
        raise UserError(f"--size={height}x{width} doesn't fit the network (expected multiples of {stride})")
    for network in networks.values():
        for tensor in network.inputs:
            if len(tensor.shape) == 4 and tensor.shape[1] and tuple(tensor.shape[1:3]) != (height, width):
                tall, wide = tensor.shape[1:3]
                raise UserError(f"--size={height}x{width} doesn't fit the network (it takes {tall}x{wide} alone)")
    return height, width


def _check_names(option, given, known):
    if unknown := [name for name in given if name not in known]:
        raise UserError(f"{option}={','.join(unknown)} (expected some of {', '.join(known)}, with commas)")
