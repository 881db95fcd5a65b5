"""The splits of the drawn sets, and what may be asked of them."""

from tfi2i.errors import UserError

SPLITS = {"train": 400, "val": 100, "test": 100}  # images, or images of each domain


def check(name: str, split: str, size: int, length: int | None, seed: int):
    """Raise a UserError where a set can't be drawn so."""
    if split not in SPLITS:
        raise UserError(f"unknown split of {name} (expected {', '.join(SPLITS)}, received {split!r})")
    for option, value, least in (("size", size, 16), ("length", length, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise UserError(f"{option} of {name} is out of range (expected >= {least}, received {value})")
