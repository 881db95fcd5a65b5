"""What the Inception network sees in a set of pictures, computed once and kept on disk.

A set is any sequence of uint8 pictures (H, W, 1 or 3), read lazily: a batch of them is in memory at a time, and their
features are a memory-mapped file, so that sets may be larger than memory.
"""

import hashlib
import tempfile
import uuid
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfi2i.errors import UserError
from tfi2i.evaluation.inception import CLASSES, FEATURES

BATCH = 32


def features_of(pictures, inception, cache=None, batch=BATCH, progress=False):
    """Features and logits of a set.

    Args:
        pictures: the set.
        inception: an `Inception`, or whatever has its `identity` and is called as it is.
        cache: a folder; a second call with equal pixels and an equal `identity` reads what the first one wrote there.
            None: a temporary file that goes with the arrays.

    Returns: float32 (N, 2048) and (N, 1008), read-only, on disk.
    Raises: `UserError` for an empty set, for what is no picture, and where a feature isn't finite.
    """
    if not len(pictures):
        raise UserError("a set of pictures to measure is empty (expected at least one, received none)")
    if cache is None:
        with tempfile.TemporaryFile() as file:  # the mapping outlives it
            found = _computed(pictures, inception, batch, progress, lambda shape: _mapped(file, shape))
    else:
        file = Path(cache) / f"{hash_of(pictures, inception.identity)[:32]}.npy"
        if not file.exists():
            _write(file, pictures, inception, batch, progress)
        found = np.load(file, mmap_mode="r")
    return found[:, :FEATURES], found[:, FEATURES:]


def hash_of(pictures, *facts):
    """SHA-256 of the pixels and sizes of a set, and of further strings, in hexadecimal."""
    digest = hashlib.sha256("\n".join(facts).encode())
    for picture in pictures:
        digest.update(f"\n{picture.dtype} {picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture))
    return digest.hexdigest()


def _write(file, pictures, inception, batch, progress):
    """Aside, and then in its place: another process may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{uuid.uuid4().hex}.npy")
    try:
        made = lambda shape: np.lib.format.open_memmap(aside, "w+", np.float32, shape)  # noqa: E731
        _computed(pictures, inception, batch, progress, made).flush()
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def _mapped(file, shape):
    return np.memmap(file, np.float32, "w+", shape=shape)


def _computed(pictures, inception, batch, progress, made):
    count = len(pictures)
    found = made((count, FEATURES + CLASSES))
    for start in tqdm(range(0, count, batch), unit="batch", disable=not progress, dynamic_ncols=True):
        chosen = range(start, min(start + batch, count))
        rows = np.concatenate(inception([pictures[i] for i in chosen]), axis=1)
        if not np.isfinite(rows).all():
            bad = chosen[int(np.flatnonzero(~np.isfinite(rows).all(1))[0])]
            raise UserError(
                f"the Inception network's features of picture {bad} are not finite (expected numbers, received NaN or "
                "infinity); the file of weights or this machine's TensorFlow is at fault, for pixels are whole numbers"
            )
        found[start : start + len(rows)] = rows
    return found
