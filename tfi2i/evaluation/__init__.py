"""Numbers for a run, each with the protocol it was measured by."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfi2i.errors import UserError
from tfi2i.evaluation.metrics import METRICS, l1


@dataclass(frozen=True)
class Evaluation:
    """values: {direction: {metric: {"mean", "std"}}} over the images of the split; protocol: how, in words."""

    run: str
    dataset: str
    split: str
    images: int
    values: dict
    protocol: str

    def __str__(self):
        rows = []
        for direction, metrics in self.values.items():
            rows += [f"{direction} {name:12}{v['mean']:10.4f}  +- {v['std']:.4f}" for name, v in metrics.items()]
        return "\n".join([*rows, f"{self.images} images of {self.dataset}, split {self.split}. {self.protocol}"])


def evaluate(run, split="test", dataset=None, stochastic=False, progress=True):
    """How near a run's translations are to the truth, in each direction; also written to RUN/evaluation.json.

    Where A and B of an example belong together: L1, PSNR and SSIM against the other one, and `l1_copy`, the L1 of the
    input itself, which a translation must beat. A model of many styles is given the style of the truth; `l1_random` is
    its L1 with a random one. Where they don't belong together there is no truth: `l1_change` is how far the
    translation is from its input, `l1_cycle` how far the way back ends from where it began. For models of many styles
    `diversity` is the L1 between the answers to two random styles.

    Args:
        run: the run's folder.
        split: "test", "val" or "train".
        dataset: a name or folder other than the one the run was trained on.
        stochastic: with dropout on, the paper's noise.

    Returns: `Evaluation`. Raises: `UserError` where run or data are not there.
    """
    from tfi2i.data.pipeline import Prepared, Preprocess, is_paired, open_source, to_float
    from tfi2i.directions import directions_of
    from tfi2i.run import Job, load
    from tfi2i.training.records import write_text

    job = Job.load(run)
    if not (dataset or job.dataset):
        raise UserError(f"which data? {run} was imported and knows none; give --dataset=NAME or a folder")
    directions = directions_of(load(run), stochastic)
    preprocess = Preprocess.of(job.config)
    source = open_source(dataset or job.dataset, split, preprocess, task=job.task, paired=is_paired(job.config))
    examples = Prepared(source, preprocess, training=False, multiple=job.config.stride, cache_bytes=0)
    found = {name: [] for name in directions}
    for i in tqdm(range(len(examples)), unit="image", disable=not progress, dynamic_ncols=True):
        example = [to_float(image) for image in examples[i]]
        for name, direction in directions.items():
            image, other = example[direction.source], example[direction.target]
            if examples.aligned:
                measured = _against_truth(direction, image, other, seed=i)
            else:
                back = next((d for d in directions.values() if d.source == direction.target), None)
                measured = _without_truth(direction, back, image, seed=i)
            found[name].append(measured)
    values = {name: _summary(measured) for name, measured in found.items()}
    protocol = _protocol(examples, preprocess, stochastic, any(d.style_dim for d in directions.values()))
    result = Evaluation(str(run), dataset or job.dataset, split, len(examples), values, protocol)
    write_text(Path(run) / "evaluation.json", json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    return result


def _against_truth(direction, image, truth, seed):
    fake = direction(image, direction.style_of(truth))
    measured = {name: metric(fake, truth) for name, metric in METRICS.items()}
    if image.shape == truth.shape:
        measured["l1_copy"] = l1(image, truth)
    if direction.style_dim:
        one, other = (direction(image, style) for style in direction.random_styles(2, seed))
        measured |= {"l1_random": l1(one, truth), "diversity": l1(one, other)}
    return measured


def _without_truth(direction, back, image, seed):
    one, *other = (direction(image, style) for style in direction.random_styles(2, seed))
    measured = {"l1_change": l1(one, image)} if one.shape == image.shape else {}
    if back:
        measured["l1_cycle"] = l1(back(one, back.style_of(image)), image)
    if other:
        measured["diversity"] = l1(one, *other)
    return measured


def _summary(measured):
    """{metric: {"mean", "std"}} over images."""
    columns = {name: [row[name] for row in measured] for name in measured[0]}
    return {name: {"mean": float(np.mean(v)), "std": float(np.std(v))} for name, v in columns.items()}


def _protocol(examples, preprocess, stochastic, styles):
    height, width = examples[0][1].shape[:2]
    random = "; random styles are the same for the same image number" if styles else ""
    return (
        f"{width} x {height} px ({preprocess.preprocess}, nothing random{random}); each image normalised by its own "
        f"statistics, dropout {'on' if stochastic else 'off'}; output not quantised. L1 on [-1, 1]; PSNR in dB over "
        "RGB; SSIM on luma, 7 x 7 uniform window. Mean and standard deviation over images."
    )
