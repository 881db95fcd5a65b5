"""Say what this machine has and what would hold a training up: a line each, with what to do.

Exit status 1 where something must be mended before anything can be trained.
"""

import os
import platform
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError

GIGABYTE = 1e9
MEMORY = 4 * GIGABYTE  # below it trainings of the papers' sizes swap
DISK = 10 * GIGABYTE  # a data set, a few runs and exports
STEPS = 60  # of the short training, half of which are timed
WAITING = 0.2  # the share of a step that data may take


class Finding(NamedTuple):
    """What was found; `level` is "ok", "note" or "bad"."""

    level: str
    found: str
    advice: str = ""

    def __str__(self):
        return f"{self.level:5}{self.found}" + (f": {self.advice}" if self.advice else "")


def add_arguments(parser, argv):
    parser.add_argument("--dir", metavar="DIR", default=".", help="where runs are to lie [.]")
    parser.add_argument("--no_training", action="store_true", help="leave out the short training, which takes seconds")


def run(args):
    if not Path(args.dir).is_dir():
        raise UserError(f"no such folder: --dir={args.dir}")
    levels = set()
    checks = [packages, devices, precision, memory, lambda: disk(args.dir)]
    for check in checks if args.no_training else [*checks, lambda: feed(args.dir)]:
        finding = check()
        levels.add(finding.level)
        print(finding, flush=True)
    return 1 if "bad" in levels else 0


def packages():
    """Whether what tfi2i needs is there, in versions that it was made for."""
    from packaging.requirements import Requirement

    wrong = []
    for requirement in map(Requirement, metadata.requires("tfi2i")):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            there = None
        if there is None or not requirement.specifier.contains(there, prereleases=True):
            wrong.append(f"'{requirement.name}{requirement.specifier}' (received {there or 'none'})")
    if wrong:
        return Finding("bad", f"packages: expected {', '.join(wrong)}", "pip install them, or tfi2i anew")
    names = ", ".join(f"{name} {metadata.version(name)}" for name in ("tfi2i", "tensorflow", "keras"))
    return Finding("ok", f"Python {platform.python_version()}, {names}")


def devices():
    """What a training runs on."""
    import_tensorflow()
    import tensorflow as tf

    cores = f"{os.cpu_count()} CPU cores"
    if gpus := tf.config.list_physical_devices("GPU"):
        names = {tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus}
        return Finding("ok", f"{len(gpus)} GPU ({', '.join(sorted(names))}), {cores}")
    if Path("/proc/driver/nvidia/version").exists():
        return Finding("bad", f"{cores}; an NVIDIA driver, but TensorFlow sees no GPU", "pip install 'tfi2i[gpu]'")
    return Finding(
        "note",
        f"{cores}, no GPU",
        "quick presets train in minutes, what a paper's takes says docs/scale.md; `tfi2i list MODEL` names both",
    )


def precision():
    from tfi2i.precision import computes_bfloat16

    if computes_bfloat16():
        return Finding("ok", "bfloat16 in hardware", "--precision=mixed_bfloat16 may be twice as fast on wide networks")
    return Finding("ok", "no bfloat16 in hardware that is known of", "keep --precision=float32")


def memory():
    """Free memory, where the system tells."""
    import re

    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return Finding("ok", "memory: this system doesn't tell how much is free")
    free = 1024 * int(re.search(r"MemAvailable: +(\d+) kB", text)[1])
    if free < MEMORY:
        return Finding(
            "note", f"{free / GIGABYTE:.1f} GB of memory free", "close programs, or take smaller --crop_size"
        )
    return Finding("ok", f"{free / GIGABYTE:.1f} GB of memory free")


def disk(folder):
    if not os.access(folder, os.W_OK):
        return Finding("bad", f"{Path(folder).resolve()} can't be written in", "give another --dir, or --run of train")
    free = shutil.disk_usage(folder).free
    found = f"{free / GIGABYTE:.1f} GB of disk free in {Path(folder).resolve()}"
    return (
        Finding("note", found, "checkpoints of a paper's size take gigabytes, see docs/scale.md")
        if free < DISK
        else Finding("ok", found)
    )


def feed(folder):
    """A short training, of which half is timed: does it run, and does it wait for its data?"""
    from tfi2i import loop, zoo
    from tfi2i.run import Job, Recipe

    preset = zoo.preset("pix2pix", "quick")
    recipe = Recipe(steps=STEPS, log_every=STEPS // 2, sample_every=STEPS, checkpoint_every=STEPS)
    with tempfile.TemporaryDirectory(prefix=".tfi2i-doctor-", dir=folder) as run:
        logs = loop.train(Job("pix2pix", preset.config, recipe, preset.dataset), run, progress=False)
    rate, waiting = logs["images_per_second"], logs["data_share"]
    found = f"pix2pix trained {STEPS} steps: {rate:.0f} images/s, {waiting:.0%} of the time waiting for data"
    if waiting > WAITING:
        return Finding("note", found, "close other programs; of large files: tfi2i datasets prepare")
    return Finding("ok", found)
