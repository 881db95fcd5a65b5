"""A run's generators as artefacts that are in place only once they are proven."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.exporting.litert import export_litert
from tfi2i.exporting.report import record_path, write_report
from tfi2i.exporting.saved_model import export_saved_model, next_version
from tfi2i.exporting.verify import verify

FORMATS = ("saved_model", "litert")


def export(run, formats=FORMATS, out="exports", size=None):
    """Exports every generator of a run: OUT/NAME/1 (SavedModel) and OUT/NAME.tflite (LiteRT), NAME that of the run.

    A model of two directions has two, NAME_AtoB and NAME_BtoA. Styles and labels are a second input, `style` or
    `label`; a model that makes images of noise has `noise` for its only one.

    Each artefact is written aside, read back, compared with the model on random images, and only then moved in place.

    Args:
        run: the run's folder.
        formats: of `FORMATS`.
        size: (height, width) of the LiteRT file; default: the size of the run's crops.

    Returns: [Report], one an artefact, of `verify`.
    Raises: `UserError` for a wrong format or size, `ExportMismatch` where an artefact is not the model.
    """
    from tfi2i.run import load

    if unknown := set(formats) - set(FORMATS):
        raise UserError(f"--format={','.join(sorted(unknown))} (expected {', '.join(FORMATS)}, or both with a comma)")
    model, out = load(run), Path(out)
    stride = model.config.stride
    side = model.config.crop_size // getattr(model.config, "scale", 1)
    height, width = size or (side, side)
    if height % stride or width % stride:
        raise UserError(f"--size={height}x{width} doesn't fit the network (expected multiples of {stride})")
    generators = model.generators()
    reports = []
    out.mkdir(parents=True, exist_ok=True)
    for key, generator in generators.items():
        name = Path(run).resolve().name + (f"_{key}" if len(generators) > 1 else "")
        inputs = random_inputs(generator, height, width)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as aside:
            if "saved_model" in formats:
                artefact = export_saved_model(generator, Path(aside) / name)
                report = _proven(generator, artefact, inputs, stride)
                (out / name).mkdir(exist_ok=True)
                reports.append(_placed(report, out / name / str(next_version(out / name))))
            if "litert" in formats:
                artefact = export_litert(generator, Path(aside) / f"{name}.tflite", height, width)
                report = _proven(generator, artefact, inputs, stride)
                os.replace(record_path(artefact), record_path(out / artefact.name))
                reports.append(_placed(report, out / artefact.name))
    return reports


def random_inputs(generator, height, width):
    """Two random images, two random vectors, or both, as the generator takes them."""
    random = np.random.default_rng(0)
    return [
        random.uniform(-1, 1, (2, height, width, tensor.shape[-1])).astype("float32")
        if len(tensor.shape) == 4
        else random.standard_normal((2, tensor.shape[-1]), np.float32)
        for tensor in generator.inputs
    ]


def _proven(generator, artefact, inputs, stride):
    report = verify(generator, artefact, *inputs)
    write_report(report, stride=stride)
    return report


def _placed(report, place):
    """Moves a proven artefact to its place; returns its report, which then names that place."""
    os.replace(report.artefact.path, place)
    return replace(report, artefact=replace(report.artefact, path=place))
