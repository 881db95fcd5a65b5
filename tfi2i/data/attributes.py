"""What is made of labelled sources: a choice of attributes, two domains by one attribute, several sets as one.

See `labelled` for what a labelled source is.
"""

import difflib
import re
from collections.abc import Sequence

import numpy as np

from tfi2i.data.folders import Unpaired
from tfi2i.errors import UserError


class Chosen:
    """A labelled source with only these of its attributes, in this order; of `exclusive` what is kept whole.

    Raises:
        UserError: an unknown attribute, one that occurs twice, or none.
    """

    def __init__(self, source, attributes: Sequence[str]):
        self.source, self.attributes = source, tuple(attributes)
        self._columns = [_position(source.attributes, name) for name in self.attributes]
        if len(set(self.attributes)) < max(1, len(self.attributes)):
            received = ", ".join(self.attributes) or "none"
            raise UserError(f"attributes (expected one or more, each once, received {received})")
        self.exclusive = tuple(group for group in source.exclusive if set(group) <= set(self.attributes))

    @property
    def split(self) -> str:
        return self.source.split

    @property
    def edited(self):
        """The source's `edited`, where it has one, for labels (n,) of the chosen attributes.

        The others stay, but for those that exclude one that is chosen and set.
        """
        edit = self.source.edited

        def edited(index: int, label: np.ndarray) -> np.ndarray:
            whole = self.source[index]["label"].copy()
            for name, value in zip(self.attributes, label, strict=True):
                whole = edited_label(whole, self.source.attributes, self.source.exclusive, name) if value else whole
            whole[self._columns] = label
            return edit(index, whole)

        return edited

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        sample = self.source[index]
        return {**sample, "label": sample["label"][self._columns]}

    def name(self, index: int) -> str:
        return self.source.name(index)

    def labels(self) -> np.ndarray:
        return self.source.labels()[:, self._columns]


class WithAndWithout(Unpaired):
    """The images without an attribute (A) and with it (B), or the reverse, for models of two domains: {"A", "B"}.

    Where the source can draw its images with other labels, `edited(i, label)`, and isn't for training, B is A edited to
    have the attribute and nothing else that excludes it: `aligned` is True, and each is the truth of the other. What an
    image without an attribute of a group would have instead isn't known, so there is no truth of the reverse.

    Args:
        source: a labelled source.
        attribute: one of its attributes.
        present: whether B has it.

    Attributes:
        labelled: the source with this attribute alone.

    Raises:
        UserError: an unknown attribute, or one that all images have, or none.
    """

    def __init__(self, source, attribute: str, present: bool = True):
        self.labelled = Chosen(source, [attribute])
        has = self.labelled.labels()[:, 0] > 0
        if has.all() or not has.any():
            raise UserError(
                f"{attribute}: expected images with and without it, received {has.sum()} with and {(~has).sum()} "
                "without it; choose another attribute"
            )
        a, b = (_Some(source, np.flatnonzero(has == wanted)) for wanted in (not present, present))
        grouped = any(attribute in group for group in source.exclusive)
        self.aligned = hasattr(source, "edited") and source.split != "train" and (present or not grouped)
        if self.aligned:
            labels = source.labels()[a.indices]
            edits = [edited_label(label, source.attributes, source.exclusive, attribute, present) for label in labels]
            b = _Edited(source, a.indices, edits)
        super().__init__(a, b)


class Joined:
    """Several labelled sets as one, for joint training (Choi et al. 2018, sec. 3.3): {"image", "label", "set"}.

    "label" holds the attributes of all sets in turn, zeros for those of other sets; "set" is float32 (number of sets,),
    one-hot. Index i is image i // k of set i % k, k being their number, and the shorter sets start again when they are
    through: so any k neighbours hold one of each. A group of `exclusive` holds within its own set.

    Args:
        sources: labelled sources, kept as `parts`.

    Raises:
        UserError: an attribute occurs in two sets.
    """

    def __init__(self, sources: Sequence):
        self.parts = tuple(sources)
        self.attributes = tuple(name for part in self.parts for name in part.attributes)
        self.exclusive = tuple(group for part in self.parts for group in part.exclusive)
        twice = next((name for name in self.attributes if self.attributes.count(name) > 1), None)
        if twice:
            raise UserError(f"{twice}: an attribute of two sets (expected different names); rename it in one of them")

    def __len__(self) -> int:
        return len(self.parts) * max(map(len, self.parts))

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        number, place = self.place(index)
        sample = self.parts[number][place]
        before = sum(len(part.attributes) for part in self.parts[:number])
        label = np.zeros(len(self.attributes), np.float32)
        label[before : before + len(sample["label"])] = sample["label"]
        return {**sample, "label": label, "set": np.eye(len(self.parts), dtype=np.float32)[number]}

    def name(self, index: int) -> str:
        number, place = self.place(index)
        return self.parts[number].name(place)

    def labels(self) -> np.ndarray:
        count, rounds, before = len(self.parts), len(self) // len(self.parts), 0
        labels = np.zeros((len(self), len(self.attributes)), np.float32)
        for number, part in enumerate(self.parts):
            after = before + len(part.attributes)
            labels[number::count, before:after] = np.resize(part.labels(), (rounds, after - before))
            before = after
        return labels

    def place(self, index: int) -> tuple[int, int]:
        """(number of the set, index in it)."""
        place, number = divmod(range(len(self))[index], len(self.parts))
        return number, place % len(self.parts[number])


def grouped(attributes: Sequence[str], exclusive_text: str) -> tuple[tuple[str, ...], ...]:
    """Returns the groups in "Black_Hair+Blond_Hair, Male+Female": names joined by +, groups parted by commas or spaces.

    Raises:
        UserError: an unknown name, one that occurs twice, or a group of one.
    """
    words = re.sub(r"\s*\+\s*", "+", exclusive_text).replace(",", " ").split()
    groups = tuple(tuple(word.split("+")) for word in words)
    names = [name for group in groups for name in group]
    for name in names:
        _position(attributes, name)
        if names.count(name) > 1:
            raise UserError(f"{name} occurs twice in {exclusive_text!r} (expected each attribute in one group at most)")
    for group in groups:
        if len(group) == 1:
            raise UserError(
                f"{group[0]} stands alone in {exclusive_text!r} (expected names joined by +, as in a+b, c+d)"
            )
    return groups


def balance(source) -> dict[str, float]:
    """Returns the share of images that have each attribute."""
    return dict(zip(source.attributes, source.labels().mean(axis=0, dtype=np.float64).tolist(), strict=True))


class _Some:
    """Some images of a labelled source: {"image"}."""

    def __init__(self, source, indices: np.ndarray):
        self.source, self.indices = source, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": self.source[int(self.indices[index])]["image"]}

    def name(self, index: int) -> str:
        return self.source.name(int(self.indices[index]))


class _Edited(_Some):
    """The same with other labels."""

    def __init__(self, source, indices: np.ndarray, labels: list[np.ndarray]):
        super().__init__(source, indices)
        self.labels = labels

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": self.source.edited(int(self.indices[index]), self.labels[index])}


def edited_label(
    label: np.ndarray, attributes: Sequence[str], exclusive: Sequence, name: str, present: bool = True
) -> np.ndarray:
    """Returns a label (n,) with an attribute and without those that exclude it; or without the attribute."""
    label = label.copy()
    for group in exclusive if present else ():
        if name in group:
            label[[attributes.index(other) for other in group]] = 0.0
    label[attributes.index(name)] = float(present)
    return label


def likeliest(logits: np.ndarray, attributes: Sequence[str], exclusive: Sequence) -> np.ndarray:
    """Returns the label (n,) that logits (n,) speak for: of each exclusive group one, else what is positive."""
    label = (logits > 0).astype(np.float32)
    for group in exclusive:
        places = [attributes.index(name) for name in group]
        label[places] = 0.0
        label[places[int(np.argmax(logits[places]))]] = 1.0
    return label


def _position(attributes: Sequence[str], name: str) -> int:
    if name not in attributes:
        near = difflib.get_close_matches(name, attributes)
        hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(attributes)}"
        raise UserError(f"unknown attribute: {name}; {hint}")
    return tuple(attributes).index(name)
