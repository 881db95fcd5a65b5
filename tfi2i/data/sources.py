"""The source behind a name of the catalog, a folder or a file, of the kind that a model learns from.

A source is any random-access sequence: `len(source)`, `source[i]` -> {name: array}, `source.name(i)`; images are uint8
or uint16 arrays (H, W, C). Of pairs and of two domains an example is {"A", "B"}, and `source.aligned` is False where
the two don't belong together; of labelled images it is {"image", "label"}, of others {"image"}.
"""

from pathlib import Path

from tfi2i.data.attributes import Chosen, Joined, WithAndWithout
from tfi2i.data.catalog import CATALOG
from tfi2i.data.derived import DerivedPairs
from tfi2i.data.folders import PREPARED, ImageFolder, Unpaired, open_folder
from tfi2i.data.labelled import DigitFile, open_labelled
from tfi2i.data.named import open_named
from tfi2i.data.prepared import Preprocess, kind_of_data
from tfi2i.errors import UserError, nearest

# What a named set must be, for each kind of data that a model learns from; models without pairs ignore them.
_SERVES = {
    "pairs": ("pairs",),
    "domains": ("domains", "pairs"),
    "labelled": ("labelled",),
    "images": ("images", "labelled"),
    "high_resolution": ("images",),
}


def open_source(dataset, split, config=None, preprocess=None, *, task=None):
    """Opens the data that the model of `config` learns from; without a config, pairs.

    Args:
        dataset: a name of the catalog, a folder or an .npz file; two of them with a comma are two domains, or labelled
            sets to be joined.
        split: "train", "val" or "test"; of a folder of single images also "all", its images undivided.
        preprocess: `Preprocess`, if not that of `config`; a set that is drawn by the package is drawn at its size.
        task: make pairs out of the photos of a folder; one of `derived.TASKS`.

    Raises: `UserError` where there is no such set, or one of another kind.
    """
    size = (preprocess or Preprocess.of(config)).drawn_size(split)
    kind, names = kind_of_data(config), _names(dataset)
    if task:
        photos = _images(_folder(names[0]), split, "images")
        if getattr(photos, "resized", None):
            raise UserError(f"--task={task} is done on whole photos; {names[0]} was prepared with --load_size")
        return DerivedPairs(photos, task)
    if kind == "labelled":
        return _labelled(names, split, config, size)
    if kind == "domains" and getattr(config, "attribute", None):
        labelled = _open(names[0], split, "labelled", size)
        return WithAndWithout(labelled, config.attribute, present=not config.without)
    if kind == "domains" and len(names) == 2:
        return Unpaired(*(_open(name, split, "images", size) for name in names))
    return _open(str(dataset), split, kind, size)


def _names(dataset):
    return [str(dataset)] if Path(dataset).exists() else str(dataset).split(",")


def _labelled(names, split, config, size):
    """The labelled sets with the attributes that the config asks for, joined where they are several."""
    wanted = config.attribute_sets
    if len(wanted) != len(names):
        raise UserError(
            f"--attributes names those of {len(wanted)} data sets, and --dataset {len(names)} (expected as many; the "
            "attributes of several sets are separated by /, such as --attributes=Male,Young/happy,angry)"
        )
    sources = [_open(name, split, "labelled", size) for name in names]
    chosen = [Chosen(source, some) if some else source for source, some in zip(sources, wanted, strict=True)]
    return Joined(chosen) if len(chosen) > 1 else chosen[0]


def _open(name, split, kind, size):
    if name in CATALOG:
        held = CATALOG[name].kind
        if held not in _SERVES[kind]:
            fitting = ", ".join(other for other, entry in CATALOG.items() if entry.kind in _SERVES[kind])
            raise UserError(
                f"{name} holds {_HOLDS[held]}, and this model learns from {_HOLDS[kind]} (expected a folder, or one of "
                f"{fitting})"
            )
        return open_named(name, split, size=size)
    if kind in ("labelled", "images") and name.endswith(".npz"):
        return DigitFile(name, split)
    folder = _folder(name)
    if kind in ("images", "high_resolution"):
        return _images(folder, split, kind)
    if _is_prepared(folder):
        return _shards().open_shards(folder, split, _SERVES[kind])
    if kind == "labelled":
        return open_labelled(folder, split)
    return open_folder(folder, split, paired=kind == "pairs")


def _images(folder, split, kind):
    """Single images of a folder; of a prepared one, of one of labelled images, too, where the kind allows it."""
    if _is_prepared(folder):
        return _shards().open_shards(folder, split, _SERVES[kind])
    return ImageFolder(folder, None if split == "all" else split)


def _is_prepared(folder):
    return (Path(folder) / PREPARED).is_file()


def _shards():
    from tfi2i.data import shards  # imports tensorflow_datasets

    return shards


_HOLDS = {
    "pairs": "pairs",
    "domains": "two domains without pairs",
    "labelled": "labelled images",
    "images": "single images",
    "high_resolution": "single images",
}


def _folder(name):
    """The folder of this name, or the copy on this machine of a prepared one in an object store."""
    if "://" in name:
        return _shards().local(name)
    if Path(name).is_dir():
        return name
    hint = nearest(name, CATALOG, "see `tfi2i list`")
    raise UserError(f"no such data set or folder: {name} (expected a folder, or one of {', '.join(CATALOG)}); {hint}")
