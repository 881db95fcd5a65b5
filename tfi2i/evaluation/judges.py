"""Metrics of the 8-bit pictures that a model answers with, as somebody who was given those files would measure them:
distances of pairs, and what networks of their own see: FID, KID, IS, CIS, LPIPS, the FCN score, the identity of faces.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from tfi2i.data.prepared import to_float
from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.answers import Pictures
from tfi2i.evaluation.pairs import pair_metrics
from tfi2i.evaluation.settings import word_of
from tfi2i.evaluation.similarity import METRICS as OF_PAIRS
from tfi2i.evaluation.weights import cache

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
    """values: {way: {metric: measured}}; not_measured: {metric, or "way metric" if of that way alone: reason};
    protocol: sentences; sha256: {network: of its weights}."""

    values: dict = field(default_factory=dict)
    not_measured: dict = field(default_factory=dict)
    protocol: list = field(default_factory=list)
    sha256: dict = field(default_factory=dict)

    def leave_out(self, names, reasons, some):
        """Notes why metrics are missing, by {way: reason}; `some`: of other ways they are there."""
        for way, reason in reasons.items():
            for name in names:
                self.not_measured[f"{way} {name}" if some else name] = reason


def judged(answers, case, count=None, known=()):
    """Measures what the words of the settings ask for of these metrics.

    Args:
        answers: function -> {way: `Answers`}; called if there is something to measure.
        case: `Case`.
        count: how many images of each set to take, all by default.
        known: words that stand for something else already.

    Returns: `Judged`. Raises: `UserError` where a metric that was asked for by its name can't be had of any way.
    """
    found, words = Judged(), case.settings.words
    wanted = [name for name in JUDGES if {name, "all"} & set(words) and name not in known]
    ways = {way: of.first(count) if count else of for way, of in answers().items()} if wanted else {}
    for judge_of in dict.fromkeys(JUDGES[name] for name in wanted):  # some measure several
        names = [name for name in wanted if JUDGES[name] is judge_of]
        values, reasons = {}, {}
        try:
            judge = judge_of(case, names)
        except (NotMeasured, UserError) as reason:
            reasons = dict.fromkeys(ways, str(reason))
        for way in [way for way in ways if way not in reasons]:
            try:
                values[way] = judge.measure(ways[way])
            except (NotMeasured, UserError) as reason:
                reasons[way] = str(reason)
        if values:
            found.protocol.append(judge.protocol)
            found.sha256 |= judge.sha256
        elif by_name := [name for name in names if name in words]:
            raise UserError(f"--metrics={','.join(by_name)}: {next(iter(reasons.values()))}")
        for way, metrics in values.items():
            found.values.setdefault(way, {}).update(metrics)
        found.leave_out(names, reasons, some=bool(values))
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
    from tfi2i.evaluation.lpips import PAIRS, Lpips, diversity, diversity_of_set

    lpips = Lpips(case.settings.lpips, case.settings.weights)

    def measure(answers):
        _check_styles(answers)
        inputs = range(min(DIVERSITY_INPUTS, len(answers.fakes)))
        in_styles = (np.stack([answers.styled(i, k) for k in range(2 * PAIRS)]) for i in inputs)
        found = {"LPIPS_diversity": diversity(lpips, in_styles, case.settings.seed)}
        for name, pictures in (("LPIPS_apart", answers.fakes), ("LPIPS_apart_real", answers.reals)):
            found[name] = diversity_of_set(lpips, pictures.first(DIVERSITY_INPUTS), seed=case.settings.seed)
        return found

    of_styles = (
        f"LPIPS_diversity of {PAIRS} pairs of answers in random styles to an input, {DIVERSITY_INPUTS} inputs (MUNIT)"
    )
    of_inputs = "LPIPS_apart of 1,000 pairs of answers to different inputs (DRIT), ..._real of real pictures"
    return Judge(measure, f"{of_styles}; {of_inputs}; {lpips.metric.protocol}.", lpips.sha256)


def _inception(case, words):
    from tfi2i.evaluation.inception import Inception
    from tfi2i.evaluation.sets import set_metrics

    inception = Inception(case.settings.inception, case.settings.resize, case.settings.weights)

    def measure(answers):
        return set_metrics(answers.reals, answers.fakes, words, inception, cache("features"), seed=case.settings.seed)

    names = ", ".join(word.upper() for word in words)
    sha256 = {"inception": inception.sha256}
    return Judge(measure, f"{names} on {inception.identity.replace(' sha256:', ', SHA-256 ')}.", sha256)


def _cis(case, words):
    from tfi2i.evaluation.features import features_of
    from tfi2i.evaluation.inception import Inception
    from tfi2i.evaluation.inception_score import conditional_inception_score

    inception = Inception(case.settings.inception, case.settings.resize, case.settings.weights)

    def measure(answers):
        _check_styles(answers)
        inputs = min(CIS_INPUTS, len(answers.fakes))
        in_styles = Pictures(inputs * CIS_STYLES, lambda n: answers.styled(*divmod(n, CIS_STYLES)))
        _, logits = features_of(in_styles, inception)
        found = conditional_inception_score(np.reshape(logits, (inputs, CIS_STYLES, -1)), case.settings.seed)
        return {"CIS": found["CIS"], "IS_of_styles": found["IS"]}

    words = f"CIS, IS_of_styles: of {CIS_STYLES} answers to each of {CIS_INPUTS} inputs as in MUNIT, in nats"
    sha256 = {"inception": inception.sha256}
    return Judge(
        measure, f"{words}, but on {inception.identity}, which knows ImageNet's classes, not the set's.", sha256
    )


def _identity(case, words):
    from tfi2i.evaluation.identity import FaceNetwork, identity_distance

    settings = case.settings
    if not settings.face_network:
        raise NotMeasured("no face network (expected --face_network=FILE)")
    network = FaceNetwork(settings.face_network, settings.face_input, settings.identity_layers)

    def measure(answers):
        if answers.inputs is None:
            raise NotMeasured("the answers have no input whose identity they could keep")
        pairs = zip(answers.inputs, answers.fakes, strict=True)
        distances = [identity_distance(network, *(to_float(one)[None] for one in pair))[0] for pair in pairs]
        return {"identity_distance": interval.measured(distances, settings.seed)}

    return Judge(measure, f"identity_distance: 1 - cosine of the features of {network.identity}.")


def _fcn(case, words):
    """The FCN score where labels become photos, the metrics of segmentation where photos become labels."""
    from tfi2i.evaluation import palettes
    from tfi2i.evaluation.segmentation import Segmentation

    settings, opened = case.settings, {}
    named = None if settings.palette == "auto" else palettes.open_palette(settings.palette)

    def measure(answers):
        labels, fakes, palette = _label_maps(answers, named)
        to_photo = labels is answers.inputs
        if to_photo and palette.name not in opened:
            opened[palette.name] = _segmenter(case, palette, fakes[0].shape[1])
        # Of folders, label maps may be larger, as those of Cityscapes are: the papers then compare in their size.
        segmentation = Segmentation(palette, opened[palette.name] if to_photo else None, resized=case.job is None)
        photos = answers.reals if to_photo and answers.paired else None
        for i in range(len(fakes)):
            segmentation.add(labels[i], fakes[i], photos[i] if photos else None)
        return segmentation.summary()

    reader = (
        "a U-Net that `tfi2i evaluate` trained on the training pairs"
        if settings.segmenter == "own"
        else settings.segmenter
    )
    words = "per_pixel, per_class, class_iou: accuracy and intersection over union of classes as in pix2pix (sec. 4.1)"
    return Judge(measure, f"{words}; photos are read by {reader}, ..._real is what it reads in real photos.")


def _label_maps(answers, palette):
    """(the true label maps, the translations that belong to them, their palette)."""
    from tfi2i.evaluation import palettes

    if answers.inputs is None:
        palette = palette or palettes.guessed(answers.reals)
        palette.check(answers.reals)
        side = "B"
    else:
        side, palette = palettes.labels_of_pairs(_Both(answers.inputs, answers.reals), palette)
    if side == "A":
        return answers.inputs, answers.paired or answers.fakes, palette
    return *_paired(answers), palette


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


def _check_styles(answers):
    if answers.styled is None:
        raise NotMeasured("one answer to each input (expected a model of many styles)")


NETWORKS = {
    **dict.fromkeys(("fid", "kid", "is"), _inception),
    "cis": _cis,
    "lpips": _lpips,
    "diversity": _diversity,
    "fcn": _fcn,
    "identity": _identity,
}
JUDGES = {word_of(name): partial(_pairs, name) for name in OF_PAIRS} | NETWORKS
