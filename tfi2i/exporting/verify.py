"""The proof that an artefact computes what the model computes."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfi2i.exporting.artefact import Artefact, open_artefact


class ExportMismatch(RuntimeError):
    """An artefact whose output is not the model's."""


@dataclass(frozen=True)
class Report:
    """How far an artefact is from its model, over all values of all images.

    Attributes:
        artefact: opened from disk.
        images: how many were compared.
        max_error, mean_error: absolute, of values in [-1, 1].
        psnr: in dB, with a peak of 2; infinite where both are equal.
    """

    artefact: Artefact
    images: int
    max_error: float
    mean_error: float
    psnr: float


def verify(
    generator,
    artefact: str | Path,
    *inputs: np.ndarray,
    max_error: float = 1e-4,
    mean_error: float = 1e-5,
) -> Report:
    """Reads an artefact back from disk and compares its output with the generator's.

    Args:
        generator: the functional keras.Model that was exported.
        artefact: path of a SavedModel or a LiteRT file.
        inputs: those of the generator, float32: images (B, H, W, C) in [-1, 1], of the size that the artefact takes,
            and vectors (B, S).
        max_error, mean_error: the largest absolute differences that pass. Convolutions sum in another order elsewhere,
            so deep generators differ by 2e-5.

    Raises: `ExportMismatch` above these bounds; `UserError` where the artefact cannot be opened.
    """
    opened = open_artefact(artefact)
    expected = np.asarray(generator(list(inputs) if len(inputs) > 1 else inputs[0], training=False), np.float64)
    received = opened(*inputs)
    if received.shape != expected.shape:
        raise ExportMismatch(f"{opened.path} returns shape {received.shape} (expected {expected.shape})")
    report = _compare(opened, expected, received)
    if not (report.max_error <= max_error and report.mean_error <= mean_error):  # so that NaN fails, too
        raise ExportMismatch(
            f"{opened.path} differs from the model by at most {report.max_error:.3g} (expected {max_error:.3g}), "
            f"on average {report.mean_error:.3g} (expected {mean_error:.3g})"
        )
    return report


def _compare(artefact, expected, received):
    error = np.abs(received - expected)
    rms = math.sqrt(np.mean(error**2))
    psnr = 20 * math.log10(2 / rms) if rms else math.inf
    return Report(artefact, len(expected), float(error.max()), float(error.mean()), psnr)
