"""SyntheticDigits: house numbers in colour and digits in white ink on black, in the manner of SVHN and MNIST.

Both domains are written by the same hands. What a photo tells alone is its style: the wall, the colours, the neighbours
half out of the picture, the light and the blur. The white digits have no style.
"""

from typing import ClassVar

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.digits.glyph import Digit, plan
from tfi2i.data.synthetic.digits.painter import paint_photo, paint_plain
from tfi2i.data.synthetic.domains import Domain, DrawnDomains, DrawnImages


class SyntheticDigits(DrawnDomains):
    """Digits, A photographed and B written; everything else is said of `DrawnDomains`.

    `source.a` and `source.b` have labels: see `LabelledDigits`. By default 4,000 images of each domain for "train", 500
    for "val" and "test".
    """

    title = "synthetic_digits"
    lengths: ClassVar[dict[str, int]] = {"train": 4000, "val": 500, "test": 500}
    _plan = staticmethod(plan)

    def __init__(self, split: str, size: int = 32, length: int | None = None, seed: int = 0):
        super().__init__(split, size, length, seed)
        self.a, self.b = LabelledDigits(self, "A"), LabelledDigits(self, "B")

    @staticmethod
    def _paint(scene: Digit, domain: Domain, dice: Dice, size: int) -> np.ndarray:
        return paint_photo(scene, dice, size) if domain == "A" else paint_plain(scene, size)


class LabelledDigits(DrawnImages):
    """One domain: {"image", "label"}, the label one-hot, float32 (10,), in the order of `attributes`.

    attributes: "0", "1", ..., "9".
    exclusive: groups of attributes of which an image has exactly one: here all.
    """

    attributes = tuple("0123456789")
    exclusive = (attributes,)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {**super().__getitem__(index), "label": self.label(index)}

    def labels(self) -> np.ndarray:
        """Those of all images, (len, 10)."""
        return np.stack([self.label(index) for index in range(len(self))])

    def label(self, index: int) -> np.ndarray:
        """Without drawing the image."""
        return np.eye(10, dtype=np.float32)[self.domains.scene(index, self.domain).label]
