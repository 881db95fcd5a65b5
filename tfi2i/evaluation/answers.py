"""What a model answers to a split, as sets of 8-bit pictures: what is compared where a network of its own judges."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CACHE_BYTES = 2**29  # of pictures that are kept, so that several metrics don't make them anew


class Pictures(Sequence):
    """Pictures uint8 (H, W, 1 or 3) that are made when they are asked for.

    Args:
        count: how many.
        make: number -> picture.
    """

    def __init__(self, count: int, make: Callable):
        self._count, self._make = count, make
        self._cache, self._free = {}, CACHE_BYTES

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index not in self._cache:
            picture = self._make(index)
            if picture.nbytes > self._free:
                return picture
            self._cache[index], self._free = picture, self._free - picture.nbytes
        return self._cache[index]

    def first(self, count):
        """The first `count` of them."""
        return Pictures(min(count, len(self)), self.__getitem__)


@dataclass(frozen=True)
class Answers:
    """One way of a model, seen as sets of `Pictures`.

    Attributes:
        fakes: its answers; of a model of many styles each in a random one, which the picture's number decides.
        reals: real pictures of the kind that it makes.
        inputs: what was asked, one for each fake; None where that is noise.
        paired: where the truth is known, its answers again, of a model of many styles in the truth's own: the truth of
            paired[i] is reals[i]. Else None.
        styled: (number of an input, number of a style) -> answer; None for a model without styles.
    """

    fakes: Pictures
    reals: Pictures
    inputs: Pictures | None = None
    paired: Pictures | None = None
    styled: Callable | None = None

    def first(self, count):
        """The same of the first `count` images."""
        sets = {name: getattr(self, name) for name in ("fakes", "reals", "inputs", "paired")}
        return dataclasses.replace(self, **{name: of and of.first(count) for name, of in sets.items()})
