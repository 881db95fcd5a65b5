"""What a measurement leaves: numbers with their intervals, and all that is needed to repeat or to doubt them."""

import itertools
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.training.records import write_text

# Of all other metrics the lower number is the better one.
HIGHER_IS_BETTER = {
    *("PSNR", "SSIM", "SSIM_RGB", "MS-SSIM", "PSNR_Y", "SSIM_Y", "psnr_y", "ssim_y"),
    *("IS", "CIS", "IS_of_styles", "LPIPS_diversity", "LPIPS_apart", "diversity"),
    *("accuracy", "kept", "log_likelihood", "per_pixel", "per_class", "class_iou"),
}


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a run, or of a folder of pictures; as JSON with the same fields.

    Attributes:
        run, dataset, split: of which model, on what; of two folders fake, real and None.
        images: how many.
        values: {way: {metric: measured}}; a way is a direction, "AtoB", or an edit, or what else the protocol tells
            apart; `measured` has "value", "low" and "high", a 95 % bootstrap interval, "n" images, and "std" over
            images or, for KID, over subsets.
        not_measured: {metric: reason} of what was asked for by "all" and couldn't be had.
        protocol: how, in words.
        settings, seed: the options.
        versions: of the programs.
        sha256: of the networks, of the pictures, and of the weights that judged.
    """

    run: str | None
    dataset: str
    split: str | None
    images: int
    values: dict
    not_measured: dict
    protocol: str
    settings: dict
    seed: int
    sha256: dict
    versions: dict = field(default_factory=lambda: versions())

    def as_json(self):
        """As evaluation.json holds it; a number that is not finite, such as the PSNR of equal pictures, is null."""
        return json.dumps(_plain(asdict(self)), indent=2) + "\n"

    def write(self, path):
        """Writes it as JSON; what another evaluation has left there is kept beside it, as NAME_1.json and so on."""
        path, text = Path(path), self.as_json()
        if path.exists() and path.read_text(encoding="utf-8") != text:
            numbered = (path.with_stem(f"{path.stem}_{k}") for k in itertools.count(1))
            path.rename(next(free for free in numbered if not free.exists()))
        write_text(path, text)

    def __str__(self):
        rows = [
            f"{way} {name:18}{m['value']:10.4f}  [{m['low']:.4f}, {m['high']:.4f}]  n={m['n']}"
            for way, metrics in self.values.items()
            for name, m in metrics.items()
        ]
        for reason in dict.fromkeys(self.not_measured.values()):
            names = [name for name, own in self.not_measured.items() if own == reason]
            rows.append(f"not measured: {', '.join(names)}: {reason}")
        where = f"split {self.split}" if self.split else f"against {self.settings['real']}"
        about = (
            f"{self.images} images of {self.dataset}, {where}. {self.protocol} In brackets: 95 % intervals (bootstrap)."
        )
        return "\n".join([*rows, about])


def versions():
    """{program: version} of what the numbers depend on."""
    found = {name: version(name) for name in ("tfi2i", "tensorflow", "keras", "numpy", "scipy", "Pillow")}
    return found | {"python": platform.python_version()}


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def score_of(values, best):
    """The number by which a checkpoint is the best, the lower the better: the mean of a metric over ways.

    Args:
        values: {way: {metric: measured}}.
        best: "METRIC", or "WAY.METRIC" for that way alone.

    Raises: `UserError` if there is no such number.
    """
    *way, metric = best.lower().rsplit(".", 1)
    found = {
        (of, name): measured["value"]
        for of, metrics in values.items()
        for name, measured in metrics.items()
        if name.lower() == metric and way in ([], [of.lower()])
    }
    if not found or not np.isfinite(list(found.values())).all():
        names = sorted({f"{of}.{name}" for of, metrics in values.items() for name in metrics})
        raise UserError(f"--best={best} (expected one of --eval_metrics with a finite value: {', '.join(names)})")
    mean = float(np.mean(list(found.values())))
    return -mean if {name for _, name in found} & HIGHER_IS_BETTER else mean
