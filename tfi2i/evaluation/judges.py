"""Metrics of the 8-bit pictures that a model answers with, as somebody who was given those files would measure them:
distances of pairs, and what networks of their own see: FID, KID, IS, CIS, LPIPS, the FCN score, the identity of faces.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.evaluation.pairs import pair_metrics
from tfi2i.evaluation.settings import word_of
from tfi2i.evaluation.similarity import METRICS as OF_PAIRS

DIVERSITY_INPUTS = CIS_INPUTS = 100  # of MUNIT (sec. 5.2)
CIS_STYLES = 10  # a tenth of MUNIT's


class NotMeasured(Exception):
    """Why a metric can't be had: for `all` a reason to leave it out, for who asked for it by name an error."""


@dataclass(frozen=True)
class Judge:
    """measure: `Answers` -> {metric: measured}; protocol: in words; sha256: {network: of its weights}."""

    measure: Callable
    protocol: str
    sha256: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What is judged: a model's `Job` and its run's folder, or None of two folders of pictures; by which `Settings`."""

    job: object
    run: Path | None
    settings: object


@dataclass
class Judged:
    """values: {way: {metric: measured}}; not_measured: {metric: reason}; sha256: {network: of its weights}."""

    values: dict = field(default_factory=dict)
    not_measured: dict = field(default_factory=dict)
    protocol: list = field(default_factory=list)
    sha256: dict = field(default_factory=dict)


def judged(answers, case, count=None, known=()):
    """Measures what the words of the settings ask for of these metrics.

    Args:
        answers: function -> {way: `Answers`}; called if there is something to measure.
        case: `Case`.
        count: how many images of each set to take, all by default.
        known: words that stand for something else already.

    Returns: `Judged`. Raises: `UserError` where a metric that was asked for by its name can't be had.
    """
    found, words = Judged(), case.settings.words
    wanted = [name for name in JUDGES if {name, "all"} & set(words) and name not in known]
    ways = {way: of.first(count) if count else of for way, of in answers().items()} if wanted else {}
    for judge_of in dict.fromkeys(JUDGES[name] for name in wanted):  # some measure several
        names = [name for name in wanted if JUDGES[name] is judge_of]
        try:
            judge = judge_of(case, names)
            for way, of in ways.items():
                found.values.setdefault(way, {}).update(judge.measure(of))
            found.protocol.append(judge.protocol)
            found.sha256 |= judge.sha256
        except (NotMeasured, UserError) as reason:
            if by_name := [name for name in names if name in words]:
                raise UserError(f"--metrics={','.join(by_name)}: {reason}") from reason
            found.not_measured |= dict.fromkeys(names, str(reason))
    return found


def _pairs(name, case, words):
    """A distance of pairs beyond what the protocol of a kind of model measures of them before they are 8-bit."""
    crop = case.settings.crop

    def measure(answers):
        return pair_metrics(*_paired(answers), [name], crop=crop, seed=case.settings.seed)

    border = f", without a border of {crop} pixels" if crop else ""
    return Judge(measure, f"{name} {OF_PAIRS[name].protocol}, of 8-bit pictures{border}.")


def _lpips(case, words):
    from tfi2i.evaluation.lpips import Lpips

    lpips = Lpips(case.settings.lpips, case.settings.weights)

    def measure(answers):
        return pair_metrics(*_paired(answers), [], lpips, case.settings.crop, case.settings.seed)

    return Judge(measure, f"{lpips.metric.protocol}.", lpips.sha256)


def _diversity(case, words):
    from tfi2i.evaluation.lpips import PAIRS, Lpips, diversity

    lpips = Lpips(case.settings.lpips, case.settings.weights)

    def measure(answers):
        if answers.styled is None:
            raise NotMeasured("the model has one answer to each input (expected a model of many styles)")
        inputs = range(min(DIVERSITY_INPUTS, len(answers.fakes)))
        in_styles = (np.stack([answers.styled(i, k) for k in range(2 * PAIRS)]) for i in inputs)
        return {"LPIPS_diversity": diversity(lpips, in_styles, case.settings.seed)}

    words = (
        f"LPIPS_diversity: LPIPS between {PAIRS} pairs of answers in random styles to each of {DIVERSITY_INPUTS} inputs"
    )
    return Judge(measure, f"{words}, as in MUNIT (v0.1, {lpips.net}).", lpips.sha256)


def _fcn(case, words):
    """The FCN score where labels become photos, the metrics of segmentation where photos become labels."""
    from tfi2i.evaluation import palettes
    from tfi2i.evaluation.segmentation import Segmentation

    settings, used = case.settings, {}
    palette = None if settings.palette == "auto" else palettes.open_palette(settings.palette)

    def measure(answers):
        reals, fakes = _paired(answers)
        side, found = palettes.labels_of_pairs(_Both(answers.inputs, reals), palette)
        segmenter = _segmenter(case, found, fakes[0].shape[1]) if side == "A" else None
        used["palette"] = found.name
        segmentation = Segmentation(found, segmenter)
        for i in range(len(fakes)):
            if side == "A":
                segmentation.add(answers.inputs[i], fakes[i], reals[i])
            else:
                segmentation.add(reals[i], fakes[i])
        return segmentation.summary()

    words = "per_pixel, per_class, class_iou: accuracy and intersection over union of classes as in pix2pix (sec. 4.1)"
    segmenters = {"own": "a U-Net trained by `tfi2i evaluate` on the training pairs"}
    said = segmenters.get(settings.segmenter, settings.segmenter)
    return Judge(measure, f"{words}; photos are read by {said}, ..._real are what it reads in real photos.")


def _segmenter(case, palette, size):
    from tfi2i.data.sources import open_source
    from tfi2i.evaluation import palettes
    from tfi2i.evaluation.segmenter import open_segmenter, own

    name = case.settings.segmenter
    if name != "own":
        return open_segmenter(name, palette, case.settings.segmenter_input)
    if case.job is None:
        raise NotMeasured("no training pairs for a segmenter of its own; give --segmenter=FILE.keras or hub:PRESET")
    training = open_source(case.job.dataset, "train", case.job.config, task=case.job.task)
    side, _ = palettes.labels_of_pairs(training, palette)
    return own(training, side, palette, size, Path(case.run) / "evaluation")


class _Both:
    """Two sets of pictures as pairs {"A", "B"}."""

    def __init__(self, a, b):
        self._a, self._b = a, b

    def __len__(self):
        return len(self._a)

    def __getitem__(self, i):
        return {"A": self._a[i], "B": self._b[i]}


def _paired(answers):
    if answers.paired is None:
        raise NotMeasured("the truth of no answer is known (expected pairs)")
    return answers.reals, answers.paired


NETWORKS = {"lpips": _lpips, "diversity": _diversity, "fcn": _fcn}
JUDGES = {word_of(name): partial(_pairs, name) for name in OF_PAIRS} | NETWORKS
