"""A large collection of picture files: its names, a share of them, reading ahead, and a manifest of what failed."""

import collections
import csv
import os
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from glob import has_magic, iglob
from pathlib import Path

from tfi2i.data import images
from tfi2i.data.paths import Paths
from tfi2i.errors import UserError

MANIFEST_COLUMNS = ("path", "reason")
AHEAD = 4  # pictures read before they are asked for: of MAX_PIXELS each they are under a gigabyte in 8 bits
_STRAY = re.compile(r"\.[0-9a-f]{32}\.tmp")  # what `images.replace` calls a file aside
_STRAY_SECONDS = 86_400  # younger ones may be another process' work in hand


def collection(source: str | os.PathLike, shard: tuple[int, int] | None = None) -> Paths:
    """Returns the pictures of a folder (not of its subfolders), of a glob pattern, or the one file.

    In the order of their names' characters. What a pattern finds keeps its path below the pattern's fixed part, so that
    a/1.jpg and b/1.jpg of "*/1.jpg" stay two. Which files count is as in `images.listing`.

    Args:
        shard: (i, n) for every n-th name from the i-th on; the n shards are disjoint, and together they are all.

    Raises:
        UserError: there are no images; none in this shard alone is no error.
    """
    folder = Path(source)
    if folder.is_file():
        root, names = folder.parent, [os.fsencode(folder.name)]
    elif folder.is_dir():
        with os.scandir(folder) as entries:
            root = folder
            names = [os.fsencode(e.name) for e in entries if images.is_image_name(e.name) and e.is_file()]
    else:
        root = Path(fixed_part(os.fspath(source)))
        paths = (path for path in iglob(os.fspath(source)) if images.is_image_name(path) and os.path.isfile(path))
        names = [os.fsencode(os.path.relpath(path, root)) for path in paths]
    if not names:
        raise UserError(
            f"{source}: no images here (expected a file, folder or pattern with {' '.join(images.EXTENSIONS)})"
        )
    names.sort()
    return Paths(root, names[shard[0] :: shard[1]] if shard else names)


def fixed_part(pattern: str) -> str:
    """Returns the folder above the first part of a path that has wildcards, or above a file: "a/b" of "a/b/*/c"."""
    folder = pattern.rpartition("/")[0]
    while has_magic(folder):
        folder = folder.rpartition("/")[0]
    return folder or ("/" if pattern.startswith("/") else ".")


def parse_shard(text: str) -> tuple[int, int]:
    """Returns (i, n) of "i/n". Raises UserError unless 0 <= i < n."""
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not found or not int(found[1]) < int(found[2]):
        raise UserError(f"--shard={text} (expected I/N with 0 <= I < N, such as 0/4)")
    return int(found[1]), int(found[2])


def read_ahead(paths: Iterable[Path]) -> Iterator[tuple[Path, Future]]:
    """Yields (path, future of its `images.Picture`) in order, while a thread reads the next AHEAD."""
    reader, pending = ThreadPoolExecutor(1, "reading ahead"), collections.deque()
    try:
        for path in paths:
            pending.append((path, reader.submit(images.read_picture, path)))
            if len(pending) > AHEAD:
                yield pending.popleft()
        while pending:
            yield pending.popleft()
    finally:
        reader.shutdown(cancel_futures=True)


def remove_strays(folder: Path) -> None:
    """Removes what killed processes left half written in a folder more than a day ago."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _STRAY.fullmatch(entry.name) and time.time() - entry.stat().st_mtime > _STRAY_SECONDS:
                os.unlink(entry.path)


class Manifest:
    """The pictures that failed, as a table FOLDER/NAME of `MANIFEST_COLUMNS`; there is no file when none did.

    Used as a context: rows are written aside as they come, and put in place at the end, interrupted or not.
    """

    def __init__(self, path: Path):
        self.path, self._aside, self._file = path, path.with_name(f".{path.name}.tmp"), None

    def add(self, path: str, reason: str) -> None:
        if self._file is None:
            self._file = self._aside.open("w", newline="", encoding="utf-8")
            csv.writer(self._file).writerow(MANIFEST_COLUMNS)
        csv.writer(self._file).writerow((path, reason))

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, kind, *_) -> None:
        if self._file is not None:
            self._file.close()
            os.replace(self._aside, self.path)
        elif kind is None:
            self.path.unlink(missing_ok=True)  # that of an earlier call, whose pictures are all there now
