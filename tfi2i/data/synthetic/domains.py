"""Two domains without pairs, of which every scene can be drawn in either: the truth is known, though not for training.

An image is a scene in a style. The scene is what both domains show; the style is what a domain adds of its own, drawn
by itself, so that an image of one domain tells nothing about a style of the other.
"""

from typing import Any, ClassVar, Literal

import numpy as np

from tfi2i.data.folders import Unpaired
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.splits import SPLITS, check

Domain = Literal["A", "B"]


class DrawnDomains(Unpaired):
    """Base of the drawn unpaired sets; `source[i]` -> `{"A", "B"}`, uint8 of shape (size, size, 3).

    In "train" the A and the B of an index are different scenes, and no scene is in both domains; `aligned` is False.
    In "val" and "test" they are one scene, each the truth of the other but for its style; `aligned` is True. An image
    depends on nothing but (seed, split, i, size), and no two splits share a scene.

    Args:
        split: "train", "val" or "test".
        size: side in pixels, at least 16.
        length: number of images of each domain; by default 400 for "train", 100 for "val" and "test".
        seed: names a different set; an integer from 0 on.

    Raises:
        UserError: unknown split, or a size, length or seed out of range.
    """

    title: str  # in the catalog
    lengths: ClassVar[dict[str, int]] = SPLITS  # of each domain, unless `length` is given

    def __init__(self, split: str, size: int = 256, length: int | None = None, seed: int = 0):
        check(self.title, split, size, length, seed)
        self.split, self.size, self.seed = split, size, seed
        self.length = self.lengths[split] if length is None else length
        self.aligned = split != "train"
        super().__init__(DrawnImages(self, "A"), DrawnImages(self, "B"))

    @staticmethod
    def _plan(dice: Dice) -> Any:
        """A scene, in units; it knows nothing of domains, styles and pixels."""
        raise NotImplementedError

    @staticmethod
    def _paint(scene: Any, domain: Domain, dice: Dice, size: int) -> np.ndarray:
        """The scene in a domain, in the style that the dice give."""
        raise NotImplementedError

    def scene(self, index: int, domain: Domain) -> Any:
        """The plan of what an image shows; where the source is aligned, A's and B's are equal."""
        return self._plan(Dice(self._key(index, domain, "scene")))

    def image(self, index: int, domain: Domain) -> np.ndarray:
        return self._paint(self.scene(index, domain), domain, Dice(self._key(index, domain, "style")), self.size)

    def with_style(self, index: int, domain: Domain, style: int) -> np.ndarray:
        """The image in another style, given by its number; a number is the same style for every scene."""
        key = np.random.SeedSequence(self.seed, spawn_key=(len(SPLITS), "AB".index(domain), style))
        return self._paint(self.scene(index, domain), domain, Dice(key), self.size)

    def _key(self, index: int, domain: Domain, what: Literal["scene", "style"]) -> np.random.SeedSequence:
        index = range(self.length)[index]
        which = 0 if what == "scene" and self.aligned else "AB".index(domain)
        path = (list(SPLITS).index(self.split), index, ("scene", "style").index(what), which)
        return np.random.SeedSequence(self.seed, spawn_key=path)


class DrawnImages:
    """One domain of a drawn set as a source of single images: {"image"}."""

    def __init__(self, domains: DrawnDomains, domain: Domain):
        self.domains, self.domain = domains, domain

    def __len__(self) -> int:
        return self.domains.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": self.domains.image(index, self.domain)}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.domains.split}_{range(len(self))[index]:04d}"
