"""Numbers for a run, each with the protocol it was measured by."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfi2i.evaluation.metrics import METRICS


@dataclass(frozen=True)
class Evaluation:
    """values: {metric: {"mean", "std"}} over the images of the split; protocol: how they were measured, in words."""

    run: str
    dataset: str
    split: str
    images: int
    values: dict
    protocol: str

    def __str__(self):
        rows = "\n".join(f"{name:6}{v['mean']:10.4f}  +- {v['std']:.4f}" for name, v in self.values.items())
        return f"{rows}\n{self.images} images of {self.dataset}, split {self.split}. {self.protocol}"


def evaluate(run, split="test", dataset=None, stochastic=False, progress=True):
    """L1, PSNR and SSIM of a run's translations against their targets; also written to RUN/evaluation.json.

    Args:
        run: the run's folder.
        split: "test", "val" or "train".
        dataset: a name or folder other than the one the run was trained on.
        stochastic: with dropout on, the paper's noise.

    Returns: `Evaluation`. Raises: `UserError` where run or data are not there.
    """
    from tfi2i.data.pipeline import Prepared, Preprocess, open_source, to_float
    from tfi2i.run import Job, load
    from tfi2i.training.records import write_text

    job = Job.load(run)
    G = load(run).generators(stochastic)["G"]
    preprocess = Preprocess.of(job.config)
    source = open_source(dataset or job.dataset, split, preprocess, task=job.task)
    pairs = Prepared(source, preprocess, training=False, multiple=job.config.stride, cache_bytes=0)
    found = {name: [] for name in METRICS}
    for i in tqdm(range(len(pairs)), unit="image", disable=not progress, dynamic_ncols=True):
        x, y = (to_float(image) for image in pairs[i])
        fake = np.asarray(G(x[None], training=False))[0]
        for name, metric in METRICS.items():
            found[name].append(metric(fake, y))
    values = {name: {"mean": float(np.mean(v)), "std": float(np.std(v))} for name, v in found.items()}
    result = Evaluation(
        str(run), dataset or job.dataset, split, len(pairs), values, _protocol(pairs, preprocess, stochastic)
    )
    write_text(Path(run) / "evaluation.json", json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    return result


def _protocol(pairs, preprocess, stochastic):
    height, width = pairs[0][1].shape[:2]
    return (
        f"{preprocess.direction} at {width} x {height} px ({preprocess.preprocess}, nothing random); each image "
        f"normalised by its own statistics, dropout {'on' if stochastic else 'off'}; output not quantised. L1 on "
        "[-1, 1]; PSNR in dB over RGB; SSIM on luma, 7 x 7 uniform window. Mean and standard deviation over images."
    )
