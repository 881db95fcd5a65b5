"""A run: the folder that a training leaves behind, and what was decided for it.

runs/NAME/
  config.json    everything that was decided: enough to rebuild the model and go on without a single flag
  checkpoints/   full training state, the last two and the best
  networks/      what a user keeps: the networks that translate, as .keras, with SHA256SUMS
  logs/          metrics.csv and TensorBoard events; evaluation.csv where there was --eval_every
  samples/       fixed test images as grids over time, and index.html to look at them
  f.keras        of a model that builds on another network (DTN), that network
"""

import dataclasses
import hashlib
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from tfi2i import zoo
from tfi2i.errors import UserError
from tfi2i.nn.blocks import as_tested
from tfi2i.options import option, validate
from tfi2i.training.records import write_text


@dataclass(frozen=True)
class Recipe:
    """How to run, whatever the model."""

    steps: int | None = option(
        None, "optimisation steps; default: the preset's, else n_epochs + n_epochs_decay", least=1
    )
    seed: int = option(0, "of everything random", least=0)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"] = option(
        "float32",
        "what the networks compute in; auto: mixed_bfloat16 where the hardware has it and the preset was seen to learn "
        "as well in it, else float32",
    )
    average: float = option(
        0.0,
        "decay, such as 0.999, of a moving average of the weights, which is then sampled and kept; 0: none",
        least=0,
    )
    xla: Literal["auto", "on", "off"] = option(
        "auto", "compile with XLA; auto: on GPUs, not on CPUs, where it is slower"
    )
    devices: int = option(0, "GPUs to use; 0: all there are", least=0)
    worker_timeout: int = option(60, "of several workers: after how many seconds a silent one is lost", least=1)
    log_every: int = option(50, "steps between two lines of metrics.csv", least=1)
    sample_every: int = option(500, "steps between two sample grids", least=1)
    checkpoint_every: int = option(500, "steps between two checkpoints", least=1)
    eval_every: int = option(0, "steps between two evaluations as by `tfi2i evaluate`; 0: none", least=0)
    eval_metrics: str = option("basic", "what is measured then: --metrics of `tfi2i evaluate`")
    eval_images: int = option(100, "on how many test images; 0: all", least=0)
    best: str = option("", "metric of --eval_metrics by which the best checkpoint is kept, such as FID or AtoB.L1")
    max_skipped: int = option(20, "stop after so many updates in a row that were not finite", least=1)
    skip_bad: bool = option(False, "go on without images that can't be read, and count them")
    no_deterministic: bool = option(False, "allow faster operations whose results may differ from run to run")

    def __post_init__(self):
        validate(self)
        if self.average >= 1:
            raise UserError(f"--average={self.average} (expected less than 1, such as 0.999)")
        if self.best and not self.eval_every:
            raise UserError(f"--best={self.best} (expected with --eval_every=N, which says how often it is measured)")


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what, and how: the contents of config.json."""

    model: str
    config: Any
    recipe: Recipe
    dataset: str | None  # a name of the catalog, or a folder; None: the networks were imported
    task: str | None = None

    def save(self, folder):
        versions = {"tfi2i": _version(), "tensorflow": tf.__version__, "keras": keras.__version__}
        record = {"format": 1, **dataclasses.asdict(self), "versions": versions | {"python": platform.python_version()}}
        write_text(Path(folder) / "config.json", json.dumps(record, indent=2) + "\n")

    @classmethod
    def load(cls, folder):
        """Reads RUN/config.json. Raises `UserError` if the folder holds none, or one of another kind."""
        path = Path(folder) / "config.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            model = zoo.model_class(record["model"])
            config = model.in_run(model.Config(**record["config"]), folder)
            recipe = Recipe(**record["recipe"])
            return cls(record["model"], config, recipe, record["dataset"], record["task"])
        except FileNotFoundError:
            raise UserError(
                f"not a run: {folder} (expected a folder with config.json, made by `tfi2i train`)"
            ) from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"config.json can't be read: {path} ({error}); was it edited?") from error


def write_networks(model, folder):
    """Writes the trained networks, as tested, to FOLDER/NAME.keras, and SHA256SUMS (for `sha256sum -c`) last."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for name in model.trained:
        aside = folder / f".{name}.keras"
        as_tested(getattr(model, name), statistics=model.statistics).save(aside)
        sums.append((hashlib.sha256(aside.read_bytes()).hexdigest(), name))
    for _, name in sums:
        os.replace(folder / f".{name}.keras", folder / f"{name}.keras")
    write_text(folder / "SHA256SUMS", "".join(f"{digest}  {name}.keras\n" for digest, name in sums))


def load(run):
    """The trained model of a run, ready to translate, evaluate and export.

    Reads config.json and networks/ only, so that those two are all a run needs to be passed on; of a DTN with an f of
    the user's f.keras too.

    Raises: `UserError` where they are missing or don't match their SHA-256.
    """
    job, folder = Job.load(run), Path(run) / "networks"
    if not (folder / "SHA256SUMS").exists():
        raise UserError(f"no trained networks yet: {folder}; they are written with the first checkpoint")
    model = zoo.model_class(job.model)(job.config)
    model.trained = ()
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, file = line.split("  ")
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != digest:
            raise UserError(f"damaged file: {folder / file} (its SHA-256 is not the one in SHA256SUMS); restore it")
        getattr(model, Path(file).stem).set_weights(keras.models.load_model(folder / file).get_weights())
        model.trained += (Path(file).stem,)
    return model


def _version():
    from importlib.metadata import version

    return version("tfi2i")
