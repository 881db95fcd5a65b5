"""The files of a folder in a few bytes each: a million images need no million objects."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

_AT_ONCE = 4096  # names handled at a time: Python's numbers, and what it joins bytes with, take more than names do
_NUMBER = re.compile(rb"0*([0-9]+)")


class Paths(Sequence):
    """The paths of files below one folder; their names alone are kept, as one string of bytes.

    `paths[i]` is a Path, `paths[2:5]` are Paths. Can be pickled and shared by threads.

    Args:
        folder: that of all.
        names: relative to it, encoded as the file system does.
    """

    def __init__(self, folder: str | os.PathLike, names: Sequence[bytes]):
        ends = np.fromiter(map(len, names), np.int64, len(names)).cumsum()
        kind = np.uint32 if not len(ends) or ends[-1] < 2**32 else np.int64
        parts = range(0, len(names), _AT_ONCE)
        self.folder = Path(folder)
        self._text = b"".join([b"".join(names[k : k + _AT_ONCE]) for k in parts])
        self._starts, self._ends = np.concatenate([[0], ends])[:-1].astype(kind), ends.astype(kind)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        index = range(len(self))[index]
        return self.folder / os.fsdecode(self._text[self._starts[index] : self._ends[index]])

    def __eq__(self, other) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Path.__eq__, self, other))

    __hash__ = None

    def take(self, indices: np.ndarray) -> "Paths":
        """Those with these indices, or of a mask of bool, in this order; the names are shared."""
        some = object.__new__(Paths)
        some.folder, some._text = self.folder, self._text
        some._starts, some._ends = self._starts[indices], self._ends[indices]
        return some

    def names(self) -> Iterator[bytes]:
        """The names as they were given."""
        for first in range(0, len(self), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            for start, end in zip(self._starts[some].tolist(), self._ends[some].tolist(), strict=True):
                yield self._text[start:end]

    def stems(self) -> list[bytes]:
        """The names without their extensions, as `Path.stem` has them."""
        return [name.rpartition(b"/")[2].rpartition(b".")[0] for name in self.names()]


def joined(parts: Sequence[Paths]) -> Paths:
    """Several, one after the other, as one."""
    root = os.path.commonpath([part.folder for part in parts])
    names = []
    for part in parts:
        below = os.fsencode(os.path.relpath(part.folder, root))
        names += [below + b"/" + name for name in part.names()]
    return Paths(root, names)


def natural_order(path: bytes) -> bytes:
    """The sort key that puts 2.jpg before 10.jpg; equal for 2.jpg and 02.jpg.

    A number becomes a zero, which no name can hold and which ends the text before it, how long it is, and its digits.
    """
    return _NUMBER.sub(_number, path)


def _number(match: re.Match) -> bytes:
    digits = match[1]
    return b"\0%c%b" % (len(digits), digits)
