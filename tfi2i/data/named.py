"""Opening a data set by its name in the catalog."""

import difflib
import os
from pathlib import Path

from tfi2i.data.catalog import CATALOG
from tfi2i.data.folders import SUBSTITUTES
from tfi2i.data.synthetic import (
    SyntheticAnimals,
    SyntheticDigits,
    SyntheticExpressions,
    SyntheticFacades,
    SyntheticFaces,
    SyntheticSeasons,
    SyntheticTextures,
)
from tfi2i.errors import UserError

_DRAWN = {
    "synthetic_facades": SyntheticFacades,
    "synthetic_seasons": SyntheticSeasons,
    "synthetic_animals": SyntheticAnimals,
    "synthetic_faces": SyntheticFaces,
    "synthetic_expressions": SyntheticExpressions,
    "synthetic_digits": SyntheticDigits,
    "synthetic_textures": SyntheticTextures,
    "synthetic_written_digits": lambda split, size: SyntheticDigits(split, size).b,
}


def open_named(name: str, split: str, data_dir: str | os.PathLike | None = None, size: int | None = None):
    """Open a set of the catalog; what has to be downloaded and prepared is, once.

    "val" and "test" stand in for each other where a set has only one of them.

    Args:
        name: a key of `CATALOG`.
        split: "train", "val" or "test".
        data_dir: where downloads and prepared sets are kept; by default the environment's TFI2I_DATA_DIR, or
            ~/.cache/tfi2i.
        size: side in pixels at which a set that is drawn draws itself, by default 256; the others keep their own size.

    Returns: a source; see `tfi2i.data.sources` for what that is.

    Raises:
        UserError: unknown name or split, or the set can't be had; the message says what to do.
    """
    if name not in CATALOG:
        near = difflib.get_close_matches(name, CATALOG, n=1, cutoff=0.5)
        suggestion = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"unknown data set {name!r}; {suggestion}expected one of {', '.join(CATALOG)}")
    entry = CATALOG[name]
    available = [candidate for candidate in SUBSTITUTES.get(split, ()) if candidate in entry.splits]
    if not available:
        raise UserError(f"{name} has no split {split!r}; expected one of {', '.join(entry.splits)}")
    if entry.builder is None:
        return _DRAWN[name](available[0], size=size or 256)

    from tfi2i.data import array_records  # imports tensorflow_datasets

    folder = Path(data_dir) if data_dir else cache_folder()
    sources = {
        "pairs": array_records.TfdsPairs,
        "domains": array_records.TfdsUnpaired,
        "labelled": array_records.TfdsLabelled,
        "images": array_records.TfdsHighResolution,
    }
    return sources[entry.kind](entry.builder, available[0], folder)


def cache_folder() -> Path:
    """Where downloads and prepared sets are kept: the environment's TFI2I_DATA_DIR, or ~/.cache/tfi2i."""
    return Path(os.environ.get("TFI2I_DATA_DIR") or "~/.cache/tfi2i").expanduser()
