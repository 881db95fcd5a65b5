"""SyntheticFacades: photos of buildings and their label maps.

The pairs are made in the manner of the CMP Facade Database (Tylecek and Sara, 2013) as pix2pix uses it: A is a "photo",
B its label map. A building is planned in units of 1/64 of the image's side, then painted; the plan knows nothing of
pixels, so the same index is the same building at every size, and at 64, 128 and 256 pixels its edges fall on pixels.

Four families of building (brick, stucco, stone, plaster) can be told apart by their label maps: shutters mean warm
stucco, balconies pale stone, and so on. What a label map does not tell is bounded: the tint of the wall within its
family, the accent colour of doors and shutters, the hour and the clouds, curtains, and the camera's cast and noise.
"""

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facades.building import plan
from tfi2i.data.synthetic.facades.colours import PALETTE
from tfi2i.data.synthetic.facades.facade import expose, paint
from tfi2i.data.synthetic.splits import SPLITS, check

__all__ = ["PALETTE", "SyntheticFacades"]


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
        check("synthetic_facades", split, size, length, seed)
        self.split = split
        self.size = size
        self.length = SPLITS[split] if length is None else length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        index = range(self.length)[index]
        key = np.random.SeedSequence(self.seed, spawn_key=(list(SPLITS).index(self.split), index))
        plan_key, look_key, camera_key = key.spawn(3)
        building = plan(Dice(plan_key))
        photo, labels = paint(building, Dice(look_key), self.size)
        return {"A": expose(photo, Dice(camera_key)), "B": labels}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.split}_{range(self.length)[index]:04d}"
