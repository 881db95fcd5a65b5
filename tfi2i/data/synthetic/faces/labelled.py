"""The faces as two sources of labelled images: one of hair, glasses, smile and age, one of expressions."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.faces.person import EXPRESSIONS, HAIR, Look, Person, plan
from tfi2i.data.synthetic.faces.portrait import paint
from tfi2i.data.synthetic.splits import SPLITS, check
from tfi2i.errors import UserError

LENGTHS = {"train": 800, "val": 100, "test": 100}

_KEYS = ("person", "hair", "glasses", "expression", "aged")


class LabelledFaces:
    """Base of the labelled faces; `source[i]` -> `{"image", "label"}`.

    The image is uint8 of shape (size, size, 3), the label float32 of shape (len(attributes),), of 0 and 1. An image
    depends on nothing but (seed, split, i, size), and no two splits share a person. Both sources show the same person
    at the same index; the looks are drawn anew.

    Args:
        split: "train", "val" or "test".
        size: side in pixels, at least 16.
        length: number of images; by default 800 for "train", 100 for "val" and "test".
        seed: names other people; an integer from 0 on.

    Raises:
        UserError: unknown split, or a size, length or seed out of range.
    """

    title: ClassVar[str]
    attributes: ClassVar[tuple[str, ...]]
    exclusive: ClassVar[tuple[tuple[str, ...], ...]]  # groups of which exactly one holds
    expressions: ClassVar[tuple[str, ...]]  # those that occur

    def __init__(self, split: str, size: int = 128, length: int | None = None, seed: int = 0):
        check(self.title, split, size, length, seed)
        self.split, self.size, self.seed = split, size, seed
        self.length = LENGTHS[split] if length is None else length

    @staticmethod
    def _holding(look: Look) -> set[str]:
        """The attributes that hold of a look."""
        raise NotImplementedError

    @staticmethod
    def _edit(holding: set[str]) -> dict[str, str | bool]:
        """The fields of a look that the attributes settle."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": paint(self.person(index), self.look(index), self.size), "label": self.label(index)}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.split}_{range(self.length)[index]:04d}"

    def person(self, index: int) -> Person:
        return plan(self._dice(index, "person"))

    def look(self, index: int) -> Look:
        return Look(
            hair=self._dice(index, "hair").choice(HAIR),
            glasses=self._dice(index, "glasses").chance(0.5),
            expression=self._dice(index, "expression").choice(self.expressions),
            aged=self._dice(index, "aged").chance(0.5),
        )

    def label(self, index: int) -> np.ndarray:
        """The image's label, without the image."""
        holding = self._holding(self.look(index))
        return np.array([name in holding for name in self.attributes], np.float32)

    def labels(self) -> np.ndarray:
        """Those of all images, (len, len(attributes))."""
        return np.stack([self.label(index) for index in range(self.length)])

    def edited(self, index: int, label: ArrayLike) -> np.ndarray:
        """The image with the label given instead of its own: the right answer of that edit, uint8 (size, size, 3).

        Raises:
            UserError: a label of another shape, of other values than 0 and 1, or of none or several of a group.
        """
        look = replace(self.look(index), **self._edit(self._checked(label)))
        return paint(self.person(index), look, self.size)

    def _checked(self, label: ArrayLike) -> set[str]:
        values = np.asarray(label)
        if values.shape != (len(self.attributes),) or not np.isin(values, (0, 1)).all():
            wanted = f"{len(self.attributes)} values of 0 or 1: {', '.join(self.attributes)}"
            raise UserError(f"label of {self.title} (expected {wanted}, received {values.tolist()})")
        holding = {name for name, value in zip(self.attributes, values, strict=True) if value}
        for group in self.exclusive:
            if len(holding.intersection(group)) != 1:
                wanted = f"exactly one of {', '.join(group)}"
                raise UserError(f"label of {self.title} (expected {wanted}, received {values.tolist()})")
        return holding

    def _dice(self, index: int, what: str) -> Dice:
        index = range(self.length)[index]
        # The people are the same in both sources.
        source = 0 if what == "person" else 1 + (SyntheticFaces, SyntheticExpressions).index(type(self))
        path = (list(SPLITS).index(self.split), index, _KEYS.index(what), source)
        return Dice(np.random.SeedSequence(self.seed, spawn_key=path))


class SyntheticFaces(LabelledFaces):
    """Portraits labelled with the colour of the hair, glasses, smile and age; the rest is said of `LabelledFaces`."""

    title = "synthetic_faces"
    attributes = ("black_hair", "blond_hair", "brown_hair", "glasses", "smiling", "aged")
    exclusive = (("black_hair", "blond_hair", "brown_hair"),)
    expressions = ("neutral", "happy")

    @staticmethod
    def _holding(look: Look) -> set[str]:
        others = {"glasses": look.glasses, "smiling": look.expression == "happy", "aged": look.aged}
        return {f"{look.hair}_hair"} | {name for name, holds in others.items() if holds}

    @staticmethod
    def _edit(holding: set[str]) -> dict[str, str | bool]:
        return {
            "hair": next(colour for colour in HAIR if f"{colour}_hair" in holding),
            "glasses": "glasses" in holding,
            "expression": "happy" if "smiling" in holding else "neutral",
            "aged": "aged" in holding,
        }


class SyntheticExpressions(LabelledFaces):
    """Portraits labelled with the expression; hair, glasses and age vary. The rest is said of `LabelledFaces`."""

    title = "synthetic_expressions"
    attributes = EXPRESSIONS
    exclusive = (attributes,)
    expressions = EXPRESSIONS

    @staticmethod
    def _holding(look: Look) -> set[str]:
        return {look.expression}

    @staticmethod
    def _edit(holding: set[str]) -> dict[str, str | bool]:
        (expression,) = holding
        return {"expression": expression}
