"""The runs of a comparison, and whether the same inputs can go through all of them."""

import math
from pathlib import Path
from typing import Any

from tfi2i import run as run_folder
from tfi2i.data.prepared import KINDS, Preprocess, kind_of_data
from tfi2i.data.sources import open_source
from tfi2i.errors import UserError

# What the models of a kind of data are shown with: those of one word can share inputs.
SHOWN = {
    "pairs": "translations",
    "domains": "translations",
    "labelled": "edits of labelled pictures",
    "images": "images of noise",
    "high_resolution": "enlargements",
}


class Run:
    """One run of a comparison.

    Attributes:
        folder, job: where it is, and its config.json.
        label: what it is called on the page.
        color: which of the page's colours is its own.
        parameters: {network: number of weights}, once it was loaded.
    """

    def __init__(self, folder, color):
        self.folder, self.color = Path(folder), color
        self.job = run_folder.Job.load(folder)
        self.label = self.folder.resolve().name
        self.parameters: dict[str, int] = {}

    def load(self) -> Any:
        """The trained model."""
        model = run_folder.load(self.folder)
        self.parameters = {name: getattr(model, name).count_params() for name in model.trained}
        return model

    @property
    def shown(self):
        return SHOWN[kind_of_data(self.job.config)]


def open_runs(folders, dataset=None):
    """The `Run` of each folder. Raises `UserError` where one is none, or where they can't share inputs."""
    places = [Path(folder).resolve() for folder in folders]
    twice = next((folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1), None)
    if twice:
        raise UserError(f"{twice} is named twice (expected different runs); name each once")
    runs = [Run(folder, color) for color, folder in enumerate(folders)]
    first = runs[0]
    for other in runs[1:]:
        if other.shown != first.shown:
            raise UserError(
                f"no inputs in common: {first.folder} ({first.job.model}) makes {first.shown}, {other.folder} "
                f"({other.job.model}) {other.shown} (expected runs of one kind); compare them apart"
            )
        if not dataset and _data_of(other) != _data_of(first):
            raise UserError(
                f"no inputs in common: {first.folder} learned from {_data_of(first)}, {other.folder} from "
                f"{_data_of(other)} (expected one data set); give the one for all with --dataset=NAME or a folder"
            )
        for what in ("task", "attribute", "scale"):
            one, another = _fact(first, what), _fact(other, what)
            if one != another:
                raise UserError(
                    f"no inputs in common: {first.folder} has {what} {one}, {other.folder} {another} (expected the "
                    "same); compare them apart"
                )
    if not (dataset or first.job.dataset):
        raise UserError(f"which data? {first.folder} was imported and knows none; give --dataset=NAME or a folder")
    _tell_apart(runs)
    return runs


def shared_examples(runs, split, dataset=None):
    """What all runs are given: the examples of a split, prepared as the first run prepares its own, A before B.

    Pairs are opened as pairs if one of the runs learned from pairs, so that the truth is known to all.

    Raises: `UserError` where the data are missing, or a run's networks can't take what fits the first one's.
    """
    channels = [_channels_by_domain(run.job.config) for run in runs]
    preprocess = Preprocess.of(runs[0].job.config)
    input_nc, output_nc = (max(counts) for counts in zip(*channels, strict=True))
    preprocess = Preprocess(
        **{**vars(preprocess), "direction": "AtoB", "input_nc": input_nc, "output_nc": output_nc},
    )
    opener = next((run for run in runs if kind_of_data(run.job.config) == "pairs"), runs[0])
    source = open_for(opener, split, dataset, preprocess)
    kind = KINDS[kind_of_data(opener.job.config)][1]
    stride = math.lcm(*(run.job.config.stride for run in runs))
    examples = kind(source, preprocess, training=False, multiple=stride, cache_bytes=0)
    for run in runs:
        if examples.size and examples.size % run.job.config.stride:
            raise UserError(
                f"{run.folder}: its networks take sides that are multiples of {run.job.config.stride}, and pictures "
                f"are prepared as for {runs[0].folder}, at {examples.size} px; name another run first"
            )
    return examples


def open_for(run, split, dataset=None, preprocess=None):
    """The source of a split as a run opens it; of `dataset`, if it is given, instead of the run's own."""
    return open_source(dataset or run.job.dataset, split, run.job.config, preprocess, task=run.job.task)


def spread(count, total):
    """At most `count` of range(total), evenly spread, so that a set in the order of its classes shows them all."""
    return [k * total // min(count, total) for k in range(min(count, total))]


def _data_of(run):
    return run.job.dataset or "no set that it knows of (it was imported)"


def _fact(run, what):
    if what == "task":
        return run.job.task or "none"
    return getattr(run.job.config, what, None)


def _channels_by_domain(config):
    """(channels of A, of B)."""
    preprocess = Preprocess.of(config)
    counts = preprocess.input_nc, preprocess.output_nc
    return counts if preprocess.direction == "AtoB" else counts[::-1]


def _tell_apart(runs):
    """Labels runs of the same name by as many of the folders above as it takes."""
    parts = [run.folder.resolve().parts for run in runs]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(runs):
        depth += 1
    if depth > 1:
        for run, part in zip(runs, parts, strict=True):
            run.label = "/".join(part[-depth:])
