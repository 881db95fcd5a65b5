"""A user's own images as sources: aligned pairs, two folders of pairs, two unpaired folders, one folder.

A source has `len(source)`, `source[i]`, a dict of images (H, W, 1 or 3) uint8 or uint16 as the files hold them, and
`source.name(i)`, the file's name without its extension. It keeps paths only and reads a file each time it is asked,
so it can be pickled and shared by threads. Reading raises a UserError that names the file.

Splits are "train", "val" and "test"; "val" and "test" stand in for each other where only one is there. A layout without
split folders is divided here: a tenth of the images, chosen by the hash of their names, is "val" and "test", the rest
"train". The choice doesn't follow the order of the files, in which neighbours are often alike.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfi2i.data.images import images_in, is_image_name, listing, read
from tfi2i.data.paths import Paths
from tfi2i.errors import NoImages, UserError

SPLITS = ("train", "val", "test")
RESERVED = {"A", "B", *SPLITS, *(split + domain for split in SPLITS for domain in "AB")}
IMAGE_LAYOUTS = "train/1.jpg | 1.jpg"
DOMAIN_LAYOUTS = "trainA/ + trainB/ | train/A/ + train/B/ | A/train/ + B/train/ | A/ + B/"
PAIRED_LAYOUTS = f"train/1.jpg (A left, B right) | 1.jpg (A left, B right) | equal names in {DOMAIN_LAYOUTS}"

PREPARED = "tfi2i.json"  # in a folder that `tfi2i datasets prepare` wrote; see `shards`
SUBSTITUTES = {"train": ("train",), "val": ("val", "test"), "test": ("test", "val")}


class ImageFiles:
    """Single images: {"image"}."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": read(self.paths[index])}

    def name(self, index: int) -> str:
        return self.paths[index].stem


class ImageFolder(ImageFiles):
    """The images of one folder (not of its subfolders), of a glob pattern, or one file: {"image"}.

    With a split, the images of train/ val/ test/ below the folder, or of the folder, of which a tenth is held out.

    Raises:
        UserError: there are no images.
    """

    def __init__(self, path: str | os.PathLike, split: str | None = None):
        super().__init__(listing(path) if split is None else _images_of_split(path, split, IMAGE_LAYOUTS))


class AlignedPairs:
    """Pairs that lie side by side in one image, A in the left half and B in the right: {"A", "B"}.

    Layouts: train/ val/ test/ below `root`, or the images in `root` itself, of which a tenth is held out (see above).

    Raises:
        UserError: there are no images; when reading, an odd width.
    """

    def __init__(self, root: str | os.PathLike, split: str):
        self.paths = _images_of_split(root, split, PAIRED_LAYOUTS)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return halved(read(self.paths[index]), self.paths[index])

    def name(self, index: int) -> str:
        return self.paths[index].stem


class PairedFolders:
    """Pairs of files with the same name, whatever their extensions, in two folders: {"A", "B"}.

    Layouts: trainA/ trainB/, train/A/ train/B/ or A/train/ B/train/ (and the same with val and test), or A/ B/, of
    which a tenth is held out (see above).

    Raises:
        UserError: there are no images, or a name without its partner; when reading, two sizes in a pair.
    """

    def __init__(self, root: str | os.PathLike, split: str):
        found = _domain_folders(root, split)
        if found is None:
            raise nothing_fits(root, split, PAIRED_LAYOUTS)
        folder_a, folder_b, flat = found
        paths_a, paths_b = _partners(images_in(folder_a), images_in(folder_b))
        chosen = in_share(paths_a, split) if flat else slice(None)
        self.paths_a, self.paths_b = (paths.take(chosen) for paths in (paths_a, paths_b))

    def __len__(self) -> int:
        return len(self.paths_a)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        a, b = read(self.paths_a[index]), read(self.paths_b[index])
        if a.shape[:2] != b.shape[:2]:
            raise UserError(
                f"{self.paths_a[index]} and {self.paths_b[index]}: the images of a pair differ in size (expected equal "
                f"height x width, received {a.shape[0]} x {a.shape[1]} and {b.shape[0]} x {b.shape[1]}); resize one"
            )
        return {"A": a, "B": b}

    def name(self, index: int) -> str:
        return self.paths_a[index].stem


class Unpaired:
    """Two sources of single images that have nothing to do with each other, as one: {"A", "B"}.

    As long as the larger one; the smaller starts again when it is through. To draw B on its own, take
    `source.a[i]["image"]` and `source.b[j]["image"]`, i < len_a, j < len_b. A sample bears the name of its A.

    Args:
        a, b: sources of {"image"}.
    """

    aligned = False

    def __init__(self, a, b):
        self.a, self.b = a, b

    @property
    def len_a(self) -> int:
        return len(self.a)

    @property
    def len_b(self) -> int:
        return len(self.b)

    def __len__(self) -> int:
        return max(self.len_a, self.len_b)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        index = range(len(self))[index]  # raises the IndexError that ends a `for` loop over a source
        return {"A": self.a[index % self.len_a]["image"], "B": self.b[index % self.len_b]["image"]}

    def name(self, index: int) -> str:
        return self.a.name(index % self.len_a)


class OneDomain:
    """The A or the B of a source of both: {"image"}."""

    def __init__(self, source, domain):
        self.source, self.domain = source, domain
        self.resized = getattr(source, "resized", None)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": self.source[index][self.domain]}

    def name(self, index: int) -> str:
        return self.source.name(index)


def domains(source):
    """The two domains of a source as sources of {"image"}, to be drawn apart."""
    if hasattr(source, "a"):
        return source.a, source.b
    return OneDomain(source, "A"), OneDomain(source, "B")


class UnpairedFolders(Unpaired):
    """The images of two folders as an `Unpaired` source.

    Layouts: as PairedFolders; the names don't matter.

    Raises:
        UserError: there are no images.
    """

    def __init__(self, root: str | os.PathLike, split: str):
        found = _domain_folders(root, split)
        if found is None:
            raise nothing_fits(root, split, DOMAIN_LAYOUTS)
        *folders, flat = found
        listings = [images_in(folder) for folder in folders]
        super().__init__(*(ImageFiles(share(paths, split) if flat else paths) for paths in listings))


def open_folder(root: str | os.PathLike, split: str, paired: bool) -> AlignedPairs | PairedFolders | UnpairedFolders:
    """Returns the source that fits the layout below `root`.

    Without `paired`, aligned pairs in split folders are taken too, for models that don't look at who belongs to whom;
    images in `root` itself are not, since they would more likely be photos that must not be halved.

    Raises:
        UserError: no layout fits, or as the source's class.
    """
    aligned = _image_folder(root, split)
    if paired:
        return AlignedPairs(root, split) if aligned else PairedFolders(root, split)
    if aligned and aligned[0] != Path(root):
        return AlignedPairs(root, split)
    return UnpairedFolders(root, split)


def halved(both: np.ndarray, path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Returns {"A": left half, "B": right half} of an image.

    Raises:
        UserError: an odd width; it names the path.
    """
    half, odd = divmod(both.shape[1], 2)
    if odd:
        raise UserError(
            f"{path}: cannot be halved into A and B "
            f"(expected an even width, received {both.shape[1]}); crop it or leave it out"
        )
    return {"A": both[:, :half], "B": both[:, half:]}


def matched(
    paths_a: list[Path], paths_b: list[Path], name_of: Callable[[Path], str] = lambda path: path.stem
) -> dict[Path, Path]:
    """Returns the B of each A by equal names, those without extensions if not told otherwise, in the order of A.

    Raises:
        UserError: an image has no partner, or two of a folder have one name.
    """
    by_name_a, by_name_b = _by_name(paths_a, name_of), _by_name(paths_b, name_of)
    lonely = [path for name, path in by_name_a.items() if name not in by_name_b]
    lonely += [path for name, path in by_name_b.items() if name not in by_name_a]
    if lonely:
        few = ", ".join(map(str, lonely[:5])) + (", ..." if len(lonely) > 5 else "")
        raise UserError(f"{len(lonely)} images without a partner of the same name: {few}; rename or remove them")
    return {path: by_name_b[name] for name, path in by_name_a.items()}


def substitutes(split: str) -> tuple[str, ...]:
    """Returns the splits that may stand for this one, the best first.

    Raises:
        UserError: an unknown split.
    """
    if split not in SPLITS:
        raise UserError(f"split (expected one of {', '.join(SPLITS)}, received {split})")
    return SUBSTITUTES[split]


def has_images(folder: Path) -> bool:
    """Whether there are images in a folder itself, not below it."""
    if not folder.is_dir():
        return False
    with os.scandir(os.fsencode(folder)) as entries:
        return any(is_image_name(entry.name) for entry in entries)


def share(paths: Paths, split: str) -> Paths:
    """Returns what belongs to a split of a folder without splits; the held-out tenth depends on the names alone.

    Raises:
        UserError: there is but one.
    """
    return paths.take(in_share(paths, split))


def in_share(paths: Paths, split: str) -> np.ndarray:
    """Which of them `share` takes: bool (len(paths),).

    Raises:
        UserError: there is but one.
    """
    if len(paths) < 2:
        raise UserError(f"{paths[0]}: the only image; at least 2 are needed to hold one out for tests")
    digests = b"".join([hashlib.sha256(stem).digest() for stem in paths.stems()])
    words = np.frombuffer(digests, ">u8").reshape(-1, 4)
    count = max(1, len(paths) // 10)
    low = np.flatnonzero(words[:, 0] <= np.partition(words[:, 0], count - 1)[count - 1])  # no others need an order
    held_out = low[np.lexsort(words[low].T[::-1])[:count]]
    chosen = np.full(len(paths), split == "train")
    chosen[held_out] ^= True
    return chosen


def nothing_fits(root: str | os.PathLike, split: str, layouts: str) -> NoImages:
    """The error of a folder in which no layout fits."""
    return NoImages(f'{root}: no images found for the split "{split}" (expected one of these layouts: {layouts})')


def _partners(paths_a: Paths, paths_b: Paths) -> tuple[Paths, Paths]:
    """As `matched`, quickly where both folders list the same names, which is nearly always."""
    stems = paths_a.stems()
    if stems == paths_b.stems() and len(set(stems)) == len(stems):
        return paths_a, paths_b
    partners = matched(list(paths_a), list(paths_b))
    place = {path.name: index for index, path in enumerate(paths_b)}
    return paths_a, paths_b.take(np.array([place[path.name] for path in partners.values()]))


def _by_name(paths: list[Path], name_of: Callable[[Path], str]) -> dict[str, Path]:
    by_name: dict[str, Path] = {}
    for path in paths:
        first = by_name.setdefault(name_of(path), path)
        if first is not path:
            raise UserError(f"{first} and {path}: two images for one name; remove one")
    return by_name


def _images_of_split(root: str | os.PathLike, split: str, layouts: str) -> Paths:
    found = _image_folder(root, split)
    if found is None:
        raise nothing_fits(root, split, layouts)
    folder, flat = found
    return share(images_in(folder), split) if flat else images_in(folder)


def _image_folder(root: str | os.PathLike, split: str) -> tuple[Path, bool] | None:
    """Returns the one folder that holds the split and whether it is flat, i.e. yet to be divided."""
    root = Path(root)
    for part in substitutes(split):
        if has_images(root / part):
            return root / part, False
    return (root, True) if _is_flat(root) else None


def _domain_folders(root: str | os.PathLike, split: str) -> tuple[Path, Path, bool] | None:
    """Returns the folders of A and B and whether they are flat, i.e. yet to be divided."""
    root = Path(root)
    for part in substitutes(split):
        for a, b in ((f"{part}A", f"{part}B"), (f"{part}/A", f"{part}/B"), (f"A/{part}", f"B/{part}")):
            if (root / a).is_dir() and (root / b).is_dir():
                return root / a, root / b, False
    return (root / "A", root / "B", True) if _is_flat(root / "A") and _is_flat(root / "B") else None


def _is_flat(folder: Path) -> bool:
    return has_images(folder) and not any((folder / name).is_dir() for name in RESERVED)
