"""The proof that an artefact computes what the model computes: real inputs, the model's answers, and bounds."""

import io
import math
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from tfi2i.data.prepared import to_pixels

# The largest differences that pass. Convolutions sum in another order elsewhere: deep generators differ by 2e-5.
EXACT = {"max": 1e-4, "mean": 1e-5}
# Of quantised files the peak signal-to-noise ratio against the model in dB, with a peak of 2, must be at least this.
LEAST_PSNR = {"float16": 60.0, "dynamic": 35.0, "mixed_int8": 25.0, "int8": 20.0}


class ExportMismatch(RuntimeError):
    """An artefact whose output is not the model's."""


@dataclass(frozen=True)
class Difference:
    """How far two outputs are apart over all values: absolute, of values in [-1, 1]; psnr in dB, None where equal."""

    max: float
    mean: float
    psnr: float | None


def difference(expected, received):
    """The `Difference` of two arrays of one shape, in units of the peak where that is above 1 (attention maps).

    Raises: `ExportMismatch` for another shape, or values that aren't finite.
    """
    if expected.shape != received.shape:
        raise ExportMismatch(f"shape {received.shape} (expected {expected.shape})")
    if not np.isfinite(received).all():
        raise ExportMismatch("values that are not finite (nan or inf)")
    peak = max(1.0, np.abs(expected).max())
    error = np.abs(expected.astype(np.float64) - received) / peak
    rms = math.sqrt(np.mean(error**2))
    return Difference(float(error.max()), float(error.mean()), 20 * math.log10(2 / rms) if rms else None)


def proven(artefact, inputs, expected, bound):
    """Runs an artefact and compares all its outputs with the model's.

    Args:
        artefact: `Artefact`, opened from disk.
        inputs, expected: {name: array}, of the network and its answers.
        bound: {"max", "mean"}, or {"psnr"}.

    Returns: {output: `Difference` as a dict}. Raises: `ExportMismatch` beyond the bound.
    """
    try:
        received = artefact(**inputs)
        if received.keys() != expected.keys():
            raise ExportMismatch(f"outputs {', '.join(received)} (expected {', '.join(expected)})")
        found = {name: difference(expected[name], received[name]) for name in expected}
        for name, each in found.items():
            _check(name, each, bound)
    except ExportMismatch as mismatch:
        raise ExportMismatch(f"{artefact.path} is not the model: {mismatch}") from None
    return {name: asdict(each) for name, each in found.items()}


def _check(name, found, bound):
    if "psnr" in bound:
        if found.psnr is not None and not found.psnr >= bound["psnr"]:
            raise ExportMismatch(
                f"{name} has {found.psnr:.1f} dB against it (expected at least {bound['psnr']:g}); leave this "
                "quantisation out, give --images that are like its users', or lower --min_psnr"
            )
    elif not (found.max <= bound["max"] and found.mean <= bound["mean"]):
        raise ExportMismatch(
            f"{name} differs by at most {found.max:.3g} (expected {bound['max']:g}), on average {found.mean:.3g} "
            f"(expected {bound['mean']:g})"
        )


def proven_pixels(artefact, inputs, expected, scale):
    """The same of a SavedModel's 8-bit or encoded signature: at most one level from the model's answer, rounded.

    Args:
        scale: of super-resolution, else 1.

    Returns: the largest difference in levels.
    """
    form = "_bytes" if "image_bytes" in artefact.outputs else "_uint8"
    received = artefact(**as_sent(inputs, form, scale))["image_bytes" if form == "_bytes" else "image"]
    if form == "_bytes":
        received = np.stack([_decoded(content) for content in received])
    wanted = to_pixels(expected["image"])
    if received.shape != wanted.shape or received.dtype != np.uint8:
        raise ExportMismatch(f"{artefact.path} is not the model: {form} gives {received.dtype} {received.shape}")
    levels = np.abs(received.astype(int) - wanted).max()
    if levels > 1:
        raise ExportMismatch(f"{artefact.path} is not the model: {form} is {levels} levels away (expected at most 1)")
    return int(levels)


def as_sent(inputs, form, scale=1):
    """A network's inputs as a client sends them to its signature "_uint8" or "_bytes"; `scale` of super-resolution."""
    sent = {}
    for name, array in inputs.items():
        if array.ndim == 4:
            pixels = to_pixels(array)
            sent |= (
                {"image": pixels} if form == "_uint8" else {"image_bytes": np.array([*map(_encoded, pixels)], object)}
            )
        else:
            sent[name] = array
    if scale > 1:
        sent["scale"] = np.full(len(next(iter(inputs.values()))), scale, np.float32)
    return sent


def _encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def _decoded(content):
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels[..., None] if pixels.ndim == 2 else pixels
