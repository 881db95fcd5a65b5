"""Numbers for a run, each with the protocol it was measured by."""

import dataclasses
import importlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfi2i.data.prepared import kind_of_data
from tfi2i.errors import UserError


@dataclass(frozen=True)
class Evaluation:
    """values: {way: {metric: {"mean", "std"}}} over the images of the split; protocol: how, in words.

    A way is a direction, "AtoB", or an edit, or what else the protocol tells apart.
    """

    run: str
    dataset: str
    split: str
    images: int
    values: dict
    protocol: str

    def __str__(self):
        rows = []
        for way, metrics in self.values.items():
            rows += [f"{way} {name:14}{v['mean']:10.4f}  +- {v['std']:.4f}" for name, v in metrics.items()]
        return "\n".join([*rows, f"{self.images} images of {self.dataset}, split {self.split}. {self.protocol}"])


def evaluate(run, split="test", dataset=None, stochastic=False, progress=True):
    """How good a run's answers are, by the protocol of its kind of model; also written to RUN/evaluation.json.

    Two domains (`two_domains`): distances to the truth where it is known. Attributes (`attributes`): single edits
    against the truth, and what an independent classifier sees. Super-resolution (`super_resolution`): PSNR and SSIM on
    Y. Generation (`generation`): the log-likelihood of test images under a Parzen window on samples.

    Args:
        run: the run's folder.
        split: "test", "val" or "train"; for single images also "all", every one of a folder.
        dataset: a name or folder other than the one the run was trained on.
        stochastic: with dropout on, the paper's noise.

    Returns: `Evaluation`. Raises: `UserError` where run or data are not there.
    """
    from tfi2i.data.prepared import prepared
    from tfi2i.data.sources import open_source
    from tfi2i.run import Job, load
    from tfi2i.training.records import write_text

    job = Job.load(run)
    dataset = dataset or job.dataset
    if not dataset:
        raise UserError(f"which data? {run} was imported and knows none; give --dataset=NAME or a folder")
    source = open_source(dataset, split, job.config, task=job.task)
    examples = prepared(source, job.config, training=False, multiple=job.config.stride, cache_bytes=0)
    measure, protocol = protocol_of(job.config).measurement(load(run), examples, job, run, stochastic)
    found = {}
    for i in tqdm(range(len(examples)), unit="image", disable=not progress, dynamic_ncols=True):
        for way, measured in measure(i).items():
            found.setdefault(way, []).append(measured)
    values = {way: _summary(measured) for way, measured in found.items()}
    result = Evaluation(str(run), dataset, split, len(examples), values, protocol)
    write_text(Path(run) / "evaluation.json", json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    return result


def protocol_of(config):
    """The module that says, for models of a config's kind, what a run shows of them and how they are measured.

    samples(model, testing) -> rows of pixels: the sample grid of a run.
    score(model, testing) -> what decides which checkpoint is the best, the lower the better, or None.
    measurement(model, examples, job, run, stochastic) -> (function from the number of an example to
        {way: {metric: number}}, the protocol in words).
    """
    return importlib.import_module(f"tfi2i.evaluation.{_PROTOCOLS[kind_of_data(config)]}")


_PROTOCOLS = {
    "pairs": "two_domains",
    "domains": "two_domains",
    "labelled": "attributes",
    "images": "generation",
    "high_resolution": "super_resolution",
}


def _summary(measured):
    """{metric: {"mean", "std"}} over images; a metric that an image has no number for is left out of its mean."""
    columns = {name: [row[name] for row in measured if name in row] for row in measured for name in row}
    return {name: {"mean": float(np.mean(v)), "std": float(np.std(v))} for name, v in columns.items()}
