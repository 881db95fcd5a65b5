"""SyntheticFacades: buildings drawn by the package, so that every command can be tried before anything is downloaded.

The pairs are made in the manner of the CMP Facade Database (Tylecek and Sara, 2013) as pix2pix uses it: A is a "photo",
B its label map. A building is planned in units of 1/64 of the image's side, then painted; the plan knows nothing of
pixels, so the same index is the same building at every size, and at 64, 128 and 256 pixels its edges fall on pixels.

Four families of building (brick, stucco, stone, plaster) can be told apart by their label maps: shutters mean warm
stucco, balconies pale stone, and so on. What a label map does not tell is bounded: the tint of the wall within its
family, the accent colour of doors and shutters, the hour and the clouds, curtains, and the camera's cast and noise.
"""

import numpy as np

from tfi2i.data.synthetic.building import plan
from tfi2i.data.synthetic.colours import PALETTE
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facade import expose, paint
from tfi2i.errors import UserError

__all__ = ["PALETTE", "SyntheticFacades"]

_SPLITS = {"train": 400, "val": 100, "test": 100}


class SyntheticFacades:
    """Source of paired images, drawn when asked for: A the photo, B the label map in the colours of `PALETTE`.

    `source[i]` -> `{"A": photo, "B": labels}`, both uint8 of shape (size, size, 3). An image depends on nothing but
    (seed, split, i, size); the split is part of the random key, so no two splits share a building.

    Args:
        split: "train", "val" or "test".
        size: side in pixels, at least 16.
        length: number of images; by default 400 for "train", 100 for "val" and "test".
        seed: names a different city; an integer from 0 on.

    Raises:
        UserError: unknown split, or a size, length or seed out of range.
    """

    def __init__(self, split: str, size: int = 256, length: int | None = None, seed: int = 0):
        if split not in _SPLITS:
            raise UserError(f"unknown split of synthetic_facades (expected {', '.join(_SPLITS)}, received {split!r})")
        for option, value, least in (("size", size, 16), ("length", length, 1), ("seed", seed, 0)):
            if value is not None and value < least:
                raise UserError(
                    f"{option} of synthetic_facades is out of range (expected >= {least}, received {value})"
                )
        self.split = split
        self.size = size
        self.length = _SPLITS[split] if length is None else length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        index = range(self.length)[index]
        key = np.random.SeedSequence(self.seed, spawn_key=(list(_SPLITS).index(self.split), index))
        plan_key, look_key, camera_key = key.spawn(3)
        building = plan(Dice(plan_key))
        photo, labels = paint(building, Dice(look_key), self.size)
        return {"A": expose(photo, Dice(camera_key)), "B": labels}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.split}_{range(self.length)[index]:04d}"
