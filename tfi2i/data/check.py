"""Looking at every image of a data set before a training does."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfi2i.data.folders import SPLITS
from tfi2i.data.images import Picture, is_image_name, read_picture
from tfi2i.data.labelled import check_classes, class_folders
from tfi2i.data.paths import natural_order
from tfi2i.data.tables import find_table, read_table
from tfi2i.errors import UserError

RARE = 0.02  # an attribute of fewer images
_DOMAIN_A = ("A", *(f"{split}A" for split in SPLITS))


@dataclass
class Report:
    """What `check` found; paths are relative to `root`.

    images: how many could be read.
    formats: images by format, depth and channels, like "JPEG, 8-bit RGB".
    sizes: images by height x width, like "256 x 512".
    broken: path to reason, of every image that can't be read.
    unmatched: a sentence for every image of a paired set that has no partner, or one of another size.
    mislabelled: a sentence for what is wrong with the labels as a whole.
    labelled: how many images have labels, in folders of classes or a table of attributes.
    attributes: the share of these images that each attribute has.
    warnings: a sentence for each kind of image that a table leaves out, and for each attribute that is hard to learn.
    """

    root: Path
    images: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    mislabelled: list[str] = field(default_factory=list)
    labelled: int = 0
    attributes: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.broken or self.unmatched or self.mislabelled)

    def as_dict(self) -> dict:
        """Returns the report in types that JSON knows."""
        return {
            "root": str(self.root),
            "images": self.images,
            "formats": dict(self.formats.most_common()),
            "sizes": dict(self.sizes.most_common()),
            "broken": self.broken,
            "unmatched": self.unmatched,
            "mislabelled": self.mislabelled,
            "labelled": self.labelled,
            "attributes": self.attributes,
            "warnings": self.warnings,
        }

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.images} images, {len(self.broken)} broken"]
        lines += [f"  {count:6d}  {form}" for form, count in self.formats.most_common()]
        lines += [f"  {count:6d}  {size}" for size, count in self.sizes.most_common(10)]
        if len(self.sizes) > 10:
            lines.append(f"          and {len(self.sizes) - 10} other sizes")
        if self.labelled:
            lines.append(f"{self.labelled} labelled images, {len(self.attributes)} attributes")
        lines += [f"  {share:6.1%}  {name}" for name, share in self.attributes.items()]
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        lines += [f"broken: {path}: {reason}" for path, reason in self.broken.items()]
        lines += [f"unmatched: {sentence}" for sentence in self.unmatched]
        lines += [f"mislabelled: {sentence}" for sentence in self.mislabelled]
        return "\n".join(lines)


def check(root: str | os.PathLike) -> Report:
    """Decodes every image below a folder and reports what is there and what is broken.

    Folders A and B, trainA and trainB or the like are compared image by image if more than half of the names of the
    smaller are in the other; with fewer they are taken for unpaired. Labels, of class folders or a table of attributes,
    are counted over all splits. Hidden files and folders are left out.

    Raises:
        UserError: there are no images below `root`.
    """
    root = Path(root)
    paths = sorted(path for path in root.rglob("*") if is_image_name(path) and not _hidden(path.relative_to(root)))
    paths.sort(key=lambda path: natural_order(os.fsencode(path)))
    if not paths:
        raise UserError(f"{root}: no images in this folder or below; check the path")

    report = Report(root)
    sizes = {}
    for path in tqdm(paths, desc="checking", unit="image", disable=None):
        try:
            picture = read_picture(path)
        except UserError as error:
            report.broken[str(path.relative_to(root))] = str(error).removeprefix(f"{path}: ")
            continue
        sizes[path] = picture.pixels.shape[:2]
        report.formats[f"{picture.format}, {picture.bits}-bit {_colours(picture)}"] += 1
        report.sizes["{} x {}".format(*sizes[path])] += 1
    report.images = len(sizes)
    for folder_a, folder_b in _domains({path.parent for path in paths}):
        named_a, named_b = (
            {path.stem: path for path in paths if path.parent == folder} for folder in (folder_a, folder_b)
        )
        report.unmatched += _unmatched(named_a, named_b, sizes, root)
    _add_labels(report, paths)
    return report


def _add_labels(report: Report, paths: list[Path]) -> None:
    try:
        table = find_table(report.root)
        labels = read_table(*table) if table else None
        attributes, truth = (labels.attributes, labels.truth) if labels else _classes(report.root, paths)
    except UserError as error:
        report.mislabelled.append(str(error))
        return
    report.labelled = count = len(truth)
    report.warnings += labels.left_out if labels else []
    for name, having in zip(attributes, truth.sum(axis=0).tolist(), strict=True):
        report.attributes[name] = having / count
        if having == count:
            report.warnings.append(f"all images have {name}; there is nothing to tell it from")
        elif having < RARE * count:
            report.warnings.append(f"{having} of {count} images have {name}, too few to learn it from")


def _classes(root: Path, paths: list[Path]) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the classes of a folder of class folders, none of any other, and bool (images, classes)."""
    by_split = class_folders(root)
    names = tuple(next(iter(by_split.values()), ()))
    if len(names) < 2 or names == ("A", "B"):  # two domains
        return (), np.zeros((0, 0), bool)
    check_classes(root, by_split)
    folders = {folder for classes in by_split.values() for folder in classes.values()}
    found = np.array([path.parent.name for path in paths if path.parent in folders])
    return names, found[:, None] == np.array(names)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _colours(picture: Picture) -> str:
    return ("grey" if picture.grey else "RGB") + (" and alpha" if picture.alpha is not None else "")


def _domains(folders: set[Path]) -> list[tuple[Path, Path]]:
    """Returns the pairs of folders whose paths differ in A and B alone, as train/A and train/B or trainA and trainB."""
    pairs = []
    for folder in sorted(folders):
        for index, part in enumerate(folder.parts):
            other = Path(*folder.parts[:index], part[:-1] + "B", *folder.parts[index + 1 :])
            if part in _DOMAIN_A and other in folders:
                pairs.append((folder, other))
    return pairs


def _unmatched(named_a: dict[str, Path], named_b: dict[str, Path], sizes: dict[Path, tuple], root: Path) -> list[str]:
    common = named_a.keys() & named_b.keys()
    if 2 * len(common) <= min(len(named_a), len(named_b)):
        return []  # unpaired
    lonely = [path for named in (named_a, named_b) for name, path in named.items() if name not in common]
    sentences = [f"{path.relative_to(root)} has no partner of the same name" for path in lonely]
    for name, a in named_a.items():
        b = named_b.get(name)
        if a in sizes and b in sizes and sizes[a] != sizes[b]:
            sentences.append(
                f"{a.relative_to(root)} and {b.relative_to(root)} differ in size (height x width: "
                f"{sizes[a][0]} x {sizes[a][1]} and {sizes[b][0]} x {sizes[b][1]})"
            )
    return sentences
