"""Tables of labels beside a folder of images: CelebA's text files, or one CSV.

CelebA's: list_attr_celeba.txt, a line with the number of images, a line of names, a row `FILE 1 -1 ...` an image;
list_eval_partition.txt, where there is one, a row `FILE 0` an image, 0 for train, 1 for val, 2 for test.
A CSV: a header with the file names' column first, then a column an attribute; a column "split", where there is one,
holds train, val or test.
Both take 1, true or yes for what holds, and 0, -1, false or no for what doesn't, in any case.
"""

import csv
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from tfi2i.data.folders import SPLITS, has_images
from tfi2i.data.images import images_in
from tfi2i.data.paths import Paths
from tfi2i.errors import UserError

CELEBA, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
IMAGE_FOLDERS = ("images", "img_align_celeba", ".")

_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "-1": False, "false": False, "no": False}
_TRUTH_OR_NONE = {**_TRUTH, "": None}
_SPLIT = {split: split for split in SPLITS}
_SPLIT_BY_NUMBER = {str(number): split for number, split in enumerate(SPLITS)}


@dataclass(frozen=True)
class LabelTable:
    """The images that a table labels, in the order of their names.

    attributes: the n names.
    paths: the images.
    truth: bool (len(paths), n).
    splits: "train", "val" or "test" of each image; None where the table doesn't divide them.
    left_out: a sentence for each kind of image or row that is in none of these.
    """

    attributes: tuple[str, ...]
    paths: Paths
    truth: np.ndarray
    splits: list[str] | None
    left_out: list[str]


def find_table(root: str | os.PathLike) -> tuple[Path, Path] | None:
    """Returns the table in a folder and the folder of its images, the first of IMAGE_FOLDERS that holds any.

    Raises:
        UserError: there are several CSVs.
    """
    root = Path(root)
    images = next((root / name for name in IMAGE_FOLDERS if has_images(root / name)), None)
    if images is None:
        return None
    if (root / CELEBA).is_file():
        return root / CELEBA, images
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() == ".csv" and path.name[0] != ".")
    if len(tables) > 1:
        received = ", ".join(path.name for path in tables)
        raise UserError(f"{root}: expected one CSV of labels, received {received}; join them or move the others away")
    return (tables[0], images) if tables else None


def read_table(table: Path, images: Path) -> LabelTable:
    """Reads a table of labels and lists the folder of its images, of which it reads none.

    An image without a row, a row without an image, and an image of which a label or the split is missing are left out.

    Raises:
        UserError: a header without attributes, a row of the wrong length, an unknown value, a file name that occurs
            twice, a wrong number of rows (CelebA's), or nothing that is left.
    """
    attributes, rows, splits = _celeba(table) if table.name == CELEBA else _csv(table)
    paths = images_in(images)
    listed = [os.fsdecode(name) for name in paths.names()]
    names = set(listed)
    unknown = [name for name in listed if name not in rows]
    lonely = [name for name in rows if name not in names]
    unlabelled = [name for name in listed if None in rows.get(name, ())]
    undivided = [] if splits is None else [name for name in rows if name in names and name not in splits]
    left_out = [
        f"{len(found)} {what} were left out: {', '.join(found[:3])}{', ...' if len(found) > 3 else ''}"
        for what, found in (
            (f"images without a row in {table.name}", unknown),
            (f"rows of {table.name} without an image", lonely),
            (f"images with a missing label in {table.name}", unlabelled),
            (f"images without a row in {PARTITION}", undivided),
        )
        if found
    ]
    excluded = {*unknown, *unlabelled, *undivided}
    chosen = [name for name in listed if name not in excluded]
    if not chosen:
        raise UserError(f"{table}: no image of {images} is labelled ({'; '.join(left_out)}); correct the file names")
    paths = paths.take(np.array([name not in excluded for name in listed]))
    truth = np.array([rows[name] for name in chosen], bool)
    return LabelTable(attributes, paths, truth, splits and [splits[name] for name in chosen], left_out)


def _celeba(table: Path) -> tuple[tuple[str, ...], dict[str, list[bool]], dict[str, str] | None]:
    lines = [(number, line.split()) for number, line in enumerate(_text(table).splitlines(), 1)]
    count = " ".join(lines[0][1]) if lines else ""
    if not count.isdecimal():
        raise _wrong(table, 1, f"expected the number of images, received {count!r}")
    attributes = lines[1][1] if len(lines) > 1 else []
    _check_names(table, 2, attributes)
    rows = _parsed(table, lines[2:], dict.fromkeys(attributes, _TRUTH))
    if len(rows) != int(count):
        raise _wrong(table, 1, f"expected {count} rows as it says, received {len(rows)}; is the file whole?")
    partition = table.with_name(PARTITION)
    if not partition.is_file():
        return tuple(attributes), rows, None
    lines = [(number, line.split()) for number, line in enumerate(_text(partition).splitlines(), 1)]
    numbers = _parsed(partition, lines, {"split": _SPLIT_BY_NUMBER})
    return tuple(attributes), rows, {name: split for name, (split,) in numbers.items()}


def _csv(table: Path) -> tuple[tuple[str, ...], dict[str, list[bool | None]], dict[str, str] | None]:
    reader = csv.reader(StringIO(_text(table), newline=""))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise _wrong(table, reader.line_num, f"not a CSV ({error})") from error
    lines = [(number, cells) for number, cells in lines if any(cells)]  # spreadsheets end in rows of commas
    number, header = lines[0] if lines else (1, [])
    columns = header[1:]
    attributes = [name for name in columns if name != "split"]
    _check_names(table, number, columns)
    rows = _parsed(table, lines[1:], {name: _SPLIT if name == "split" else _TRUTH_OR_NONE for name in columns})
    if len(attributes) == len(columns):
        return tuple(attributes), rows, None
    position = columns.index("split")
    return tuple(attributes), rows, {name: values.pop(position) for name, values in rows.items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows' editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text in UTF-8 ({error}); save it anew") from error


def _check_names(path: Path, number: int, names: list[str]) -> None:
    if not set(names) - {"split"} or "" in names:
        received = ", ".join(map(repr, names)) or "none"
        raise _wrong(path, number, f"expected a header with the names of the attributes, received {received}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _wrong(path, number, f"the column {twice[0]} occurs twice; rename or remove one")


def _parsed(path: Path, lines: Iterable[tuple[int, list[str]]], columns: dict[str, dict]) -> dict[str, list]:
    """Returns the values of each file; `columns` gives for each name what its values mean."""
    rows: dict[str, list] = {}
    meanings = list(columns.values())
    for number, cells in lines:
        if not cells:
            continue
        name, values = cells[0], [cell.lower() for cell in cells[1:]]
        if len(values) != len(meanings):
            expected = f"a file name and {len(meanings)} values"
            raise _wrong(path, number, f"expected {expected}, received {name} and {len(values)}")
        if name in rows:
            raise _wrong(path, number, f"{name} occurs a second time; remove one of its rows")
        try:
            rows[name] = [meaning[value] for meaning, value in zip(meanings, values, strict=True)]
        except KeyError:
            raise _unknown_value(path, number, name, cells[1:], columns) from None
    return rows


def _unknown_value(path: Path, number: int, name: str, cells: list[str], columns: dict[str, Collection]) -> UserError:
    column, cell = next((c, cell) for c, cell in zip(columns, cells, strict=True) if cell.lower() not in columns[c])
    known = ", ".join(filter(None, columns[column]))
    return _wrong(path, number, f"{column} of {name} (expected one of {known}, received {cell!r})")


def _wrong(path: Path, number: int, what: str) -> UserError:
    return UserError(f"{path}: line {number}: {what}")
