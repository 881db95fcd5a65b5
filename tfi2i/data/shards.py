"""Sources over folders that `tfi2i datasets prepare` wrote: few large files in the place of many small ones.

Such a folder is a set of tensorflow-datasets in ArrayRecord files, which can be read in any order, and a file
`PREPARED` that says what it is. Images are kept as their files hold them, or, where the index names a `Preprocess`, as
arrays that are brought to size for training. Importing this module imports tensorflow_datasets.
"""

import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from tfi2i.data import images
from tfi2i.data.folders import PREPARED, Unpaired, halved, substitutes
from tfi2i.data.named import cache_folder
from tfi2i.errors import NoImages, UserError

FORMAT = 1


class Shards:
    """Examples of one split: {"A", "B"}, {"image"}, or of labelled ones also "label", as those of a folder.

    resized: the dict of `Preprocess` fields by which all images were brought to size, or None.
    """

    def __init__(self, folder: str | os.PathLike, split: str):
        self._arguments = (folder, split)
        index = _index(folder)
        self.resized = index["resized"] if split.startswith("train") else None
        self._labelled = index["kind"] == "labelled"
        if self._labelled:
            self.attributes = tuple(index["attributes"])
            self.exclusive = tuple(map(tuple, index["exclusive"]))
        try:
            self._records = tfds.builder_from_directory(os.fspath(folder)).as_data_source(split)
        except Exception as error:  # of tensorflow-datasets or array_record: files that are missing or cut off
            raise UserError(f"{folder}: the split {split} cannot be opened ({error}); prepare it anew") from error

    def __reduce__(self):
        return type(self), self._arguments

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        record = self._records[range(len(self))[index]]
        name = Path(self._arguments[0], self._arguments[1], record["name"].decode(errors="surrogateescape"))
        parts = {key: images.decoded(record[key], name) for key in ("A", "B", "AB", "image") if key in record}
        if "AB" in parts:
            return halved(parts["AB"], name)
        return {**parts, "label": record["label"].astype(np.float32)} if self._labelled else parts

    def name(self, index: int) -> str:
        return self._records[range(len(self))[index]]["name"].decode(errors="surrogateescape")

    def labels(self) -> np.ndarray:
        return np.stack([self._records[index]["label"] for index in range(len(self))]).astype(np.float32)


def open_shards(folder: str | os.PathLike, split: str, kinds: tuple[str, ...]):
    """Opens a split of a prepared folder as a source.

    Args:
        kinds: those of sets that may be opened, such as ("domains", "pairs").

    Raises:
        UserError: a set of another kind, or files that are damaged; `NoImages` where there is no such split.
    """
    index = _index(folder)
    if index["kind"] not in kinds:
        raise UserError(f"{folder} was prepared with --kind={index['kind']} (expected {' or '.join(kinds)})")
    found = next((part for part in substitutes(split) if part in index["splits"]), None)
    if found is None:
        raise NoImages(f'{folder}: no images of the split "{split}" (received {", ".join(index["splits"])})')
    if index["kind"] == "domains":
        return Unpaired(*(Shards(folder, found + domain) for domain in "AB"))
    return Shards(folder, found)


def local(folder: str) -> str:
    """Returns a copy, among the downloads, of a prepared folder in an object store (gs://...).

    ArrayRecord files are read by seeking, which object stores don't offer. The copy is made once, aside, then renamed,
    and known by the folder's index.

    Raises:
        UserError: there is no prepared folder, or it can't be read.
    """
    import tensorflow as tf

    stores = tf.io.gfile
    try:
        if not stores.exists(f"{folder}/{PREPARED}"):
            raise UserError(f"{folder}: no {PREPARED} there (expected what `tfi2i datasets prepare` has written)")
        with stores.GFile(f"{folder}/{PREPARED}") as file:
            identity = json.loads(file.read())["identity"]
        copy = cache_folder() / "prepared" / identity
        if not copy.exists():
            _copy(folder, copy, stores)
    except (tf.errors.OpError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder}: cannot be read ({' '.join(str(error).split())})") from error
    return os.fspath(copy)


def _copy(folder: str, copy: Path, stores) -> None:
    aside = copy.with_name(f".{uuid.uuid4().hex}.tmp")
    aside.mkdir(parents=True)
    try:
        for name in stores.listdir(folder):
            stores.copy(f"{folder}/{name}", os.fspath(aside / name))
        if not copy.exists():  # another process may have been quicker
            os.replace(aside, copy)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _index(folder: str | os.PathLike) -> dict:
    try:
        index = json.loads(Path(folder, PREPARED).read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            raise ValueError(f"format {index['format']}, expected {FORMAT}")
        return index
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{Path(folder, PREPARED)}: cannot be read ({error}); prepare the folder anew") from error
