"""How many images a second come from JPEG files to the device: by this package's pipeline, and by PyTorch's loader.

Each subject reads the same files, brings them to size, cuts and mirrors them at random and gives float32 batches on
[-1, 1]. This package keeps what it has decoded and resized; "cold" is without that, as in the first epoch. PyTorch's
loader keeps nothing, so all its epochs are alike; there Pillow does the work in processes of its own.
"""

import itertools
import os
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tfi2i.benchmark.export import PEERS, machine, row
from tfi2i.benchmark.interleaved import Timed, measure
from tfi2i.data import images
from tfi2i.data.folders import ImageFiles
from tfi2i.data.named import open_named
from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import PreparedImages
from tfi2i.data.sharding import prepare
from tfi2i.data.shards import Shards
from tfi2i.errors import UserError

CACHED, COLD, SHARDS, PYTORCH = "cached", "cold", "cold, prepared", "PyTorch DataLoader"
PREFETCHED = 8  # batches that a pipeline may have ready when its turn begins; a call asks for several times as many


@dataclass(frozen=True)
class Measured:
    """timed: {subject: Timed}, seconds of a call, which makes `images` of them; others: as `interleaved.measure`."""

    images: int
    timed: dict[str, Timed]
    others: float

    def rate(self, name):
        """Images a second: the median, and the first and the third quartile."""
        t = self.timed[name]
        return self.images / t.median, tuple(self.images / q for q in reversed(t.quartiles))

    def as_dict(self):
        return {
            name: {
                "images_per_second": self.rate(name)[0],
                "quartiles": self.rate(name)[1],
                "times_pytorch": self.timed[name].times_as_fast_as(self.timed[PYTORCH])
                if PYTORCH in self.timed
                else None,
            }
            for name in self.timed
        } | {"others": self.others}


def benchmark(data_dir, count, size, preprocess, batch_size, threads, rounds, peer):
    """Measures all subjects in one interleaved run.

    Args:
        data_dir: a folder of images, or None to make `count` JPEG files of `size`, (height, width), from a drawn set.
        preprocess: `Preprocess`, whose mode is "resize_and_crop".
        threads: processor cores of each subject; PyTorch's processes.
        peer: "pytorch" or "none".

    Returns: `Measured`.
    Raises: `UserError` for a wrong option, a folder without images, or where PyTorch is missing.
    """
    if peer not in PEERS:
        raise UserError(f"--peer={peer} (expected one of {', '.join(PEERS)})")
    if peer == "pytorch" and not find_spec("torch"):
        raise UserError("--peer=pytorch needs PyTorch: pip install 'tfi2i[benchmark]'; or --peer=none")
    with tempfile.TemporaryDirectory() as folder:
        files = images.listing(data_dir)[:count] if data_dir else _drawn(Path(folder) / "train", count, size)
        linked = _linked(files, Path(folder) / "linked" / "train")
        prepare(linked.parent, Path(folder) / "shards", "images", preprocess=preprocess)
        batches = -(-max(len(files), 4 * PREFETCHED * batch_size) // batch_size)
        arguments = (files, preprocess, batch_size, threads, batches)
        subjects = {
            CACHED: (_tensorflow, (*arguments, 2**31)),
            COLD: (_tensorflow, (*arguments, 0)),
            SHARDS: (_tensorflow, (Path(folder) / "shards", *arguments[1:], 0)),
        }
        if peer == "pytorch":
            subjects[PYTORCH] = (_pytorch, arguments)
        timed, others = measure(subjects, rounds)
    return Measured(batches * batch_size, timed, others)


def _drawn(folder, count, size):
    """JPEG files of a drawn set, enlarged, with noise that gives them the detail of a photo."""
    folder.mkdir(parents=True)
    source, rng = open_named("synthetic_seasons", "train", size=256).a, np.random.default_rng(0)
    for k in range(count):
        photo = images.resize(source[k % len(source)]["image"], *size).astype(np.int16)
        noise = rng.normal(0, 6, (*size, 1)).astype(np.int16)
        images.write(folder / f"{k}.jpg", (photo + noise).clip(0, 255).astype(np.uint8))
    return images.listing(folder)


def _linked(files, folder):
    folder.mkdir(parents=True)
    for k, file in enumerate(files):
        (folder / f"{k}{file.suffix}").symlink_to(file.absolute())
    return folder


def _tensorflow(files, preprocess, batch_size, threads, batches, cache_bytes):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    source = ImageFiles(files) if isinstance(files, list) else Shards(files, "train")
    examples = PreparedImages(source, preprocess, True, cache_bytes=cache_bytes)
    if cache_bytes:
        for index in range(len(examples)):
            examples[index]
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    taken = iter(stream(examples, batch_size, 0).with_options(options))

    def call():
        for _ in range(batches):
            batch = next(taken)["x"]
        return batch.numpy()

    return call


def _pytorch(files, preprocess, batch_size, threads, batches):
    import torch

    torch.set_num_threads(threads)
    loader = torch.utils.data.DataLoader(
        _Files(files, preprocess),
        batch_size,
        sampler=_Endless(len(files)),
        num_workers=threads,
        persistent_workers=True,
        prefetch_factor=max(2, PREFETCHED // threads),
    )
    taken = iter(loader)

    def call():
        for _ in range(batches):
            batch = next(taken)
        return batch.permute(0, 2, 3, 1).numpy()

    return call


class _Files:
    """A PyTorch data set: the official program's transforms without torchvision, which calls the same of Pillow."""

    def __init__(self, files, preprocess):
        self.files, self.load_size, self.crop_size = files, preprocess.load_size, preprocess.crop_size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        import torch
        from PIL import Image

        with Image.open(self.files[index]) as file:
            image = file.convert("RGB").resize((self.load_size,) * 2, Image.Resampling.BICUBIC)
        left, top = torch.randint(self.load_size - self.crop_size + 1, (2,)).tolist()
        image = image.crop((left, top, left + self.crop_size, top + self.crop_size))
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return pixels.to(torch.float32).div_(255).sub_(0.5).div_(0.5)


class _Endless:
    """The order of a PyTorch loader: permutation after permutation."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        rng = np.random.default_rng(0)
        return itertools.chain.from_iterable(rng.permutation(self.count).tolist() for _ in itertools.count())


def table(measured, preprocess, batch_size, threads, rounds, files):
    """The result as Markdown, with what it was measured on."""
    with_torch = PYTORCH in measured.timed
    lines = [row(["pipeline", "images/s", "quartiles", *(["to PyTorch"] if with_torch else [])])]
    lines.append(row(["---"] * (4 if with_torch else 3)))
    for name, timed in measured.timed.items():
        rate, quartiles = measured.rate(name)
        cells = [name, f"{rate:.0f}", "-".join(f"{q:.0f}" for q in quartiles)]
        if with_torch:
            cells.append("{:.2f} ({:.2f})".format(*timed.times_as_fast_as(measured.timed[PYTORCH])))
        lines.append(row(cells))
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "Pillow", *(["torch"] * with_torch)))
    notes = [
        f"{files}, to {preprocess.load_size}, cut to {preprocess.crop_size}, batches of {batch_size}, {threads} cores: "
        f"the median of {rounds} turns, its quartiles, and times as fast as PyTorch's loader, of the medians and, in "
        "brackets, the median of the turns' own. Cached: decoded and resized images in memory, as from the second "
        "epoch on; cold: as in the first; prepared: the first on what `tfi2i datasets prepare --load_size` wrote. "
        "PyTorch's loader decodes in every epoch.",
        f"{machine()}; {packages}. Other programs took at most {measured.others:.0%} of the machine in a round.",
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def cores():
    """Of this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
