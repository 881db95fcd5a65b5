"""Writing a folder of images as few large files, which `shards` reads: for network disks and object stores.

Importing this module imports tensorflow_datasets.
"""

import contextlib
import dataclasses
import io
import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfi2i.data.folders import PREPARED, SPLITS, AlignedPairs, ImageFolder, PairedFolders, open_folder
from tfi2i.data.labelled import LabelledFiles, open_labelled
from tfi2i.data.prepared import Preprocess, resized
from tfi2i.data.shards import FORMAT
from tfi2i.errors import NoImages, UserError

KINDS = ("pairs", "domains", "images", "labelled")
MODES = ("resize_and_crop", "scale_width_and_crop", "scale_shortside_and_crop", "square")
_BYTES = tfds.features.Tensor(shape=(), dtype=np.str_)  # any bytes, as tensorflow-datasets spells it


def prepare(
    source: str | os.PathLike,
    out: str | os.PathLike,
    kind: str,
    splits: Sequence[str] | None = None,
    shards: int | None = None,
    preprocess: Preprocess | None = None,
) -> dict[str, int]:
    """Writes the images of a folder to another, aside and then renamed; every image is decoded once, to see that it is
    whole.

    Args:
        source: a folder of the user's, laid out as for training.
        out: a new folder, on a disk or in an object store (gs://...), where the index is written last.
        kind: one of KINDS, what the folder holds.
        splits: of "train", "val", "test"; by default those that are there.
        shards: files a split; by default tensorflow-datasets decides.
        preprocess: bring the training images to size by it and keep them as arrays; else all are kept as they are.

    Returns: images of each split.

    Raises:
        UserError: `out` exists, no layout fits, a wrong option, or an image is broken.
    """
    target = os.fspath(out)
    _check(target, kind, splits, shards, preprocess)
    sources = _sources(source, kind, splits)
    examples = {part: _Examples(*of_split, preprocess) for part, of_split in sources.items()}
    fewest = min(examples, key=lambda part: len(examples[part]))
    if shards is not None and shards > len(examples[fewest]):
        most = len(examples[fewest])
        raise UserError(f"--shards={shards} (expected at most {most}, as many as there are images of {fewest})")
    first = next(iter(examples.values()))
    resized_by = None if preprocess is None else dataclasses.asdict(preprocess)
    index = {"format": FORMAT, "identity": uuid.uuid4().hex, "kind": kind, "resized": resized_by}
    index["splits"] = [split for split in SPLITS if {split, f"{split}A"} & examples.keys()]
    if kind == "labelled":
        index |= {"attributes": first.source.attributes, "exclusive": first.source.exclusive}
    with _aside(target) as folder:
        written = _write(folder, examples, shards)
        (written / PREPARED).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        _place(written, target)
    return {part: len(some) for part, some in examples.items()}


class _Examples:
    """The records of a split, in order, made as they are asked for: (index, record)."""

    def __init__(self, source, split, preprocess):
        self.source, self.files = source, _files(source)
        self.preprocess = preprocess if split == "train" else None
        # All splits of a set have the same parts: where halves are brought to size for training, all are halved.
        self.as_arrays = self.preprocess is not None or (preprocess is not None and "AB" in self.files)
        parts = ("A", "B") if self.as_arrays and "AB" in self.files else self.files
        self.features = dict.fromkeys(("name", *parts), _BYTES)
        if isinstance(source, LabelledFiles):
            self.features["label"] = tfds.features.Tensor(shape=(len(source.attributes),), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[tuple[int, dict]]:
        for index in range(len(self)):
            example = self.source[index]  # raises for a broken image, also where its bytes are kept
            record = {"name": os.fsencode(self.source.name(index))}
            for name in self.features.keys() - {"name", "label"}:
                if not self.as_arrays:
                    record[name] = self.files[name][index].read_bytes()
                elif self.preprocess:
                    record[name] = _array(resized(example[name], self.preprocess, training=True))
                else:
                    record[name] = _array(example[name])
            if "label" in self.features:
                record["label"] = example["label"].astype(np.uint8)
            yield index, record


def _check(target, kind, splits, shards, preprocess):
    if kind not in KINDS:
        raise UserError(f"--kind={kind} (expected one of {', '.join(KINDS)})")
    if tf.io.gfile.exists(target):
        raise UserError(f"{target} exists; name a new folder")
    if shards is not None and shards < 1:
        raise UserError(f"--shards={shards} (expected at least 1)")
    for split in splits or ():
        if split not in SPLITS:
            raise UserError(f"--split={split} (expected one or more of {', '.join(SPLITS)}, with commas)")
    if preprocess is not None and preprocess.preprocess not in MODES:
        raise UserError(f"--preprocess={preprocess.preprocess} (expected one of {', '.join(MODES)} with --load_size)")
    if preprocess is not None and kind == "labelled":
        raise UserError("--load_size: labelled images are kept as they are (expected --kind=pairs, domains or images)")


def _sources(folder, kind, splits) -> dict:
    """{name of the part: (source, split)}; two domains are two parts, "trainA" and "trainB"."""
    openers = {
        "pairs": lambda split: open_folder(folder, split, paired=True),
        "domains": lambda split: open_folder(folder, split, paired=False),
        "images": lambda split: ImageFolder(folder, split),
        "labelled": lambda split: open_labelled(folder, split),
    }
    found, seen = {}, []
    for split in splits or SPLITS:
        try:
            source = openers[kind](split)
        except NoImages:
            if splits:
                raise
            continue
        parts = {f"{split}A": source.a, f"{split}B": source.b} if hasattr(source, "a") else {split: source}
        files = [_files(part) for part in parts.values()]
        if files in seen and not splits:  # "val" and "test" stand in for each other
            continue
        seen.append(files)
        found |= {name: (part, split) for name, part in parts.items()}
    if not found:
        raise NoImages(f"{folder}: no images of the kind {kind} in any split")
    return found


def _files(source) -> dict:
    """{part of a record: its files}."""
    if isinstance(source, PairedFolders):
        return {"A": source.paths_a, "B": source.paths_b}
    if not hasattr(source, "paths"):
        raise UserError("expected a folder of image files; digits in one file need no shards")
    return {"AB" if isinstance(source, AlignedPairs) else "image": source.paths}


def _array(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, pixels, allow_pickle=False)
    return content.getvalue()


def _write(folder: Path, examples: dict, shards) -> Path:
    """Returns the folder, below the one given, that holds the shards and what describes them."""
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
        builder = tfds.dataset_builders.store_as_tfds_dataset(
            name="tfi2i",
            version="1.0.0",
            description="Images for image-to-image translation, in the order of their names.",
            features=tfds.features.FeaturesDict(next(iter(examples.values())).features),
            split_datasets=examples,
            data_dir=folder,
            file_format="array_record",
            download_config=tfds.download.DownloadConfig(num_shards=shards),
            disable_shuffling=True,
        )
    return Path(builder.data_dir)


@contextlib.contextmanager
def _aside(target) -> Iterator[Path]:
    """A folder that is gone afterwards: beside the target, or for an object store a temporary one."""
    if "://" in target:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    folder = Path(target).absolute().with_name(f".{uuid.uuid4().hex}.tmp")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(written: Path, target) -> None:
    if "://" not in target:
        os.rename(written, target)
        return
    tf.io.gfile.makedirs(target)
    for path in sorted(written.iterdir(), key=lambda path: path.name == PREPARED):  # the index last: then all is there
        tf.io.gfile.copy(os.fspath(path), f"{target}/{path.name}")
