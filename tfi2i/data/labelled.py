"""A user's labelled images as sources: a folder a class, a folder with a table of attributes, a file of digits.

A labelled source has

    len(source), source[i] -> {"image": (H, W, C) as the file holds it, "label": float32 (n,) of 0.0 and 1.0}
    source.name(i)         the file's name without its extension
    source.attributes      the n names
    source.exclusive       groups of names of which exactly one holds, as far as the layout says so
    source.labels()        float32 (len, n), without reading an image

It keeps paths only (`DigitFile` its digits), can be pickled and shared by threads; splits are those of `folders`.
`attributes` holds what is made of such sources: a choice of attributes, two domains, several sets as one.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import is_zipfile

import numpy as np

from tfi2i.data.folders import RESERVED, SPLITS, ImageFiles, has_images, in_share, nothing_fits, share, substitutes
from tfi2i.data.images import images_in
from tfi2i.data.paths import joined
from tfi2i.data.tables import find_table, read_table
from tfi2i.errors import NoImages, UserError

CLASS_LAYOUTS = "train/CLASS/1.jpg | CLASS/1.jpg"
TABLE_LAYOUTS = "list_attr_celeba.txt + images/1.jpg | labels.csv + 1.jpg | labels.csv + images/1.jpg"
LABELLED_LAYOUTS = f"{CLASS_LAYOUTS} | {TABLE_LAYOUTS} | digits.npz"

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class LabelledFiles(ImageFiles):
    """Image files with labels: {"image", "label"}.

    Args:
        paths: the images.
        truth: bool (len(paths), n).
        attributes, exclusive: see above.
    """

    def __init__(self, paths: Sequence[Path], truth: np.ndarray, attributes, exclusive=()):
        super().__init__(paths)
        self.attributes, self.exclusive = tuple(attributes), tuple(exclusive)
        self._truth = truth

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {**super().__getitem__(index), "label": self._truth[index].astype(np.float32)}

    def labels(self) -> np.ndarray:
        return self._truth.astype(np.float32)


class ClassFolders(LabelledFiles):
    """A folder a class, the attributes being the folders' names in sorted order, all of one exclusive group.

    Layouts: train/CLASS/ val/CLASS/ test/CLASS/ below `root`, or CLASS/, of which a tenth each is held out.

    Raises:
        UserError: there are no images, fewer than two classes, or not the same ones in every split.
    """

    def __init__(self, root: str | os.PathLike, split: str):
        by_split = class_folders(root)
        part = next((part for part in (*substitutes(split), "") if part in by_split), None)
        if part is None:
            raise nothing_fits(root, split, CLASS_LAYOUTS)
        check_classes(root, by_split)
        listings = [images_in(folder) for folder in by_split[part].values()]
        if not part:
            listings = [share(paths, split) for paths in listings]
        classes = tuple(by_split[part])
        truth = np.repeat(np.eye(len(classes), dtype=bool), [len(paths) for paths in listings], axis=0)
        super().__init__(joined(listings), truth, classes, [classes])


class AttributeTable(LabelledFiles):
    """The images of a folder with the attributes that a table gives them; see `tables` for its forms.

    What the table leaves open is left out, with a warning on stderr. Where it doesn't divide the images, a tenth of
    them is held out.

    Raises:
        UserError: there are no images, or the table is wrong.
    """

    def __init__(self, root: str | os.PathLike, split: str):
        parts, found = substitutes(split), find_table(root)
        if found is None:
            raise nothing_fits(root, split, TABLE_LAYOUTS)
        table = read_table(*found)
        for sentence in table.left_out:
            print(f"tfi2i: {sentence}", file=sys.stderr)
        if table.splits is None:
            chosen = in_share(table.paths, split)
        else:
            part = next((part for part in parts if part in table.splits), None)
            if part is None:
                raise NoImages(
                    f'{found[0]}: no images of the split "{split}" (received {", ".join(sorted(set(table.splits)))})'
                )
            chosen = np.array([of == part for of in table.splits])
        super().__init__(table.paths.take(chosen), table.truth[chosen], table.attributes)


class DigitFile:
    """Small images with a class each in one .npz, the attributes being the classes of y_train as decimal strings.

    The file holds x_train, x_test: uint8 (N, H, W) or (N, H, W, 1 or 3), y_train, y_test: integers (N,). There is no
    "val"; "test" stands in for it. Its images are kept in memory.

    Raises:
        UserError: the file is damaged, an array is missing or of another form, or y_test has a class of its own.
    """

    def __init__(self, path: str | os.PathLike, split: str):
        self.split = next(part for part in substitutes(split) if part != "val")
        self.pixels, numbers, of_training = _read_digits(path, self.split)
        classes = np.unique(of_training)
        self._truth = numbers[:, None] == classes
        if not self._truth.any(axis=1).all():
            odd = sorted(set(numbers.tolist()) - set(classes.tolist()))
            raise UserError(f"{path}: y_{self.split} has classes that y_train has not: {', '.join(map(str, odd))}")
        self.attributes = tuple(map(str, classes.tolist()))
        self.exclusive = (self.attributes,)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": self.pixels[index], "label": self._truth[index].astype(np.float32)}

    def name(self, index: int) -> str:
        return f"{self.split}_{range(len(self))[index]:05d}"

    def labels(self) -> np.ndarray:
        return self._truth.astype(np.float32)


def open_labelled(path: str | os.PathLike, split: str) -> ClassFolders | AttributeTable | DigitFile:
    """Returns the source that fits the file or the layout of the folder; a table goes before folders.

    Raises:
        UserError: no layout fits, or as the source's class.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return DigitFile(path, split)
    if path.is_dir() and find_table(path):
        return AttributeTable(path, split)
    if path.is_dir() and class_folders(path):
        return ClassFolders(path, split)
    raise nothing_fits(path, split, LABELLED_LAYOUTS)


def class_folders(root: str | os.PathLike) -> dict[str, dict[str, Path]]:
    """Returns {split: {class: folder}}, classes in sorted order; the split of folders yet to be divided is ""."""
    root = Path(root)
    by_split = {split: _classes(root / split) for split in SPLITS}
    if any((root / name).is_dir() for name in RESERVED - {"A", "B"}):
        return {split: classes for split, classes in by_split.items() if classes}
    classes = _classes(root)
    return {"": classes} if classes else {}


def check_classes(root: str | os.PathLike, by_split: dict[str, dict[str, Path]]) -> None:
    """Raises UserError if there are fewer than two classes, or not the same ones in every split."""
    first, *others = by_split
    if len(by_split[first]) < 2:
        (only,) = by_split[first].values()
        raise UserError(f"{only}: the only class; expected folders with images of at least two ({CLASS_LAYOUTS})")
    for other in others:
        odd = sorted(str(Path(split, name)) for split, name in _differing(first, other, by_split))
        if odd:
            raise UserError(
                f"{root}: expected the same classes in {first}/ and {other}/, received {', '.join(odd)} in one alone; "
                "add their images to the other or remove them"
            )


def _differing(one: str, other: str, by_split: dict[str, dict[str, Path]]) -> list[tuple[str, str]]:
    differing = by_split[one].keys() ^ by_split[other].keys()
    return [(split, name) for split in (one, other) for name in by_split[split] if name in differing]


def _classes(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.name: path for path in sorted(folder.iterdir()) if path.name[0] != "." and has_images(path)}


def _read_digits(path: str | os.PathLike, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the split's images (N, H, W, C) and classes (N,), and the classes of y_train."""
    try:
        with open(path, "rb") as file:
            if not is_zipfile(file):
                raise ValueError("the file is cut off or no .npz")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                missing = [name for name in _ARRAYS if name not in arrays.files]
                pixels, numbers, of_training = (
                    None if missing else arrays[name] for name in (f"x_{split}", f"y_{split}", "y_train")
                )
                received = ", ".join(arrays.files)
    except Exception as error:  # zip archives raise half a dozen types on broken data
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path}: cannot be read as arrays ({reason}); replace the file") from error
    if missing:
        raise UserError(f"{path}: no {', '.join(missing)} (expected {', '.join(_ARRAYS)}, received {received})")
    for name, array in ((f"y_{split}", numbers), ("y_train", of_training)):
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise UserError(f"{path}: {name} (expected integers (N,), received {array.dtype} {array.shape})")
    shape = pixels.shape if pixels.ndim == 4 else (*pixels.shape, 1)
    if (
        pixels.dtype != np.uint8
        or len(shape) != 4
        or shape[-1] not in (1, 3)
        or 0 in shape
        or len(pixels) != len(numbers)
    ):
        raise UserError(
            f"{path}: x_{split} (expected uint8 (N, H, W) or (N, H, W, 1 or 3) with the {len(numbers)} images of "
            f"y_{split}, received {pixels.dtype} {pixels.shape})"
        )
    return pixels.reshape(shape), numbers, of_training
