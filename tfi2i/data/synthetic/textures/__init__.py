"""SyntheticTextures: single images full of fine detail, which is what super-resolution is about.

A scene is a few regions with sharp outlines, each filled with a pattern (bricks, fabric, stripes, nets, foliage, hair,
writing, soft gradients), and thin wires before them.
"""

import math
from typing import ClassVar

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import UNITS, Picture
from tfi2i.data.synthetic.splits import SPLITS, check
from tfi2i.data.synthetic.textures.patterns import PATTERNS, tone


class SyntheticTextures:
    """Source of single images: `source[i]` -> `{"image": uint8 (size, size, 3)}`.

    An image depends on nothing but (seed, split, i, size), and no two splits share one.

    Args:
        split: "train", "val" or "test".
        size: side in pixels, at least 16.
        length: number of images; by default 200 for "train", 50 for "val" and "test".
        seed: names a different set; an integer from 0 on.

    Raises:
        UserError: unknown split, or a size, length or seed out of range.
    """

    title = "synthetic_textures"
    lengths: ClassVar[dict[str, int]] = {"train": 200, "val": 50, "test": 50}

    def __init__(self, split: str, size: int = 256, length: int | None = None, seed: int = 0):
        check(self.title, split, size, length, seed)
        self.split, self.size, self.seed = split, size, seed
        self.length = self.lengths[split] if length is None else length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        path = (list(SPLITS).index(self.split), range(self.length)[index])
        return {"image": _paint(Dice(np.random.SeedSequence(self.seed, spawn_key=path)), self.size)}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.split}_{range(self.length)[index]:04d}"


def _paint(dice: Dice, size: int) -> np.ndarray:
    picture = Picture(size)
    patterns = sorted(PATTERNS, key=lambda _: dice.uniform(0, 1))[: dice.integer(4, 6)]
    for i, pattern in enumerate(patterns):
        picture.fill(_region(picture, dice) if i else np.ones((size, size)), pattern(picture, dice))
    for _ in range(dice.integer(1, 5)):
        ends = [(dice.uniform(-4, 68), dice.uniform(-4, 68)) for _ in range(2)]
        picture.fill(picture.stroke(*ends, dice.uniform(0.2, 0.9)), tone(dice.uniform(10, 245), dice))
    towards = dice.uniform(0, 2 * math.pi)
    across = (math.cos(towards) * (picture.x - UNITS / 2) + math.sin(towards) * (picture.y - UNITS / 2)) / UNITS
    picture.rgb *= (1 + dice.uniform(0, 0.4) * across)[..., None]
    return picture.pixels()


def _region(picture: Picture, dice: Dice) -> np.ndarray:
    """How much of each pixel a region covers: a part beyond a line, a turned box, an ellipse, or a range of hills."""
    frame = picture.placed(dice.uniform(8, 56), dice.uniform(8, 56), tilt=dice.uniform(-math.pi, math.pi))
    wide, high = dice.uniform(9, 24), dice.uniform(9, 24)
    shape = dice.choice(("line", "box", "ellipse", "hills"))
    if shape == "line":
        return frame.cover(frame.y + wide / 2)
    if shape == "box":
        return frame.box(-wide, -high, wide, high)
    if shape == "ellipse":
        return frame.ellipse(0, 0, wide, high)
    waves = [
        (dice.uniform(0.5, 4) / often, often * dice.uniform(0.08, 0.16), dice.uniform(0, 6.28)) for often in (1, 3)
    ]
    height = dice.uniform(30, 56) + sum(size * np.sin(slope * picture.x + start) for size, slope, start in waves)
    return picture.under(height)
