"""Seven hairstyles: what lies behind the head, and what falls over the face."""

import math
from typing import NamedTuple

import numpy as np

from tfi2i.data.synthetic.faces.person import Person
from tfi2i.data.synthetic.picture import Frame, Picture, blend

# From the darkest shade to the lightest; the colours are far apart, so that a label is never in doubt.
COLOURS = {
    "black": ((17, 16, 22), (40, 36, 42)),
    "brown": ((88, 50, 26), (136, 84, 46)),
    "blond": ((212, 164, 84), (246, 218, 142)),
}


class Hair(NamedTuple):
    behind: np.ndarray  # coverage of what head, neck and clothes hide
    front: np.ndarray


def hair_of(face: Frame, person: Person) -> Hair:
    return STYLES[person.hairstyle](face, person.parting)


def paint_hair(picture: Picture, face: Frame, coverage: np.ndarray, colour: str, person: Person):
    """Strands that run from above the crown, and a band of light over them."""
    base = blend(*COLOURS[colour], person.shade)
    angle = np.arctan2(face.x - 0.3 * person.parting, face.y + 1.9)
    strands = 0.5 + 0.28 * np.sin(34 * angle) + 0.22 * np.sin(57 * angle + 2)
    from_crown = np.hypot(face.x - 0.12 * person.light, face.y + 0.1)
    gloss = np.clip(1 - np.abs(from_crown - 0.93) / 0.13, 0, 1) * np.clip(-0.15 - 1.5 * face.y, 0, 1)
    gloss = gloss * np.clip(0.75 + 0.6 * person.light * face.x, 0, 1)
    picture.fill(coverage, blend(0.84 * base, 1.06 * base, strands))
    picture.fill(coverage * gloss, 1.25 * base + 22, 0.6)


def _short(face: Frame, parting: float) -> Hair:
    cap = face.ellipse(0, -0.4, 0.97, 0.86)
    return Hair(np.zeros_like(cap), np.minimum(cap, 1 - _arch(face, parting, 0.78, -0.62)))


def _swept(face: Frame, parting: float) -> Hair:
    """Combed to the side, with height."""
    side = math.copysign(1, parting)
    tuft = face.placed(0.1 * side, -0.9, tilt=0.22 * side).ellipse(0, 0, 0.86, 0.42)
    cap = np.maximum(face.ellipse(0, -0.4, 0.96, 0.86), tuft)
    sweep = face.placed(-0.16 * side, 0.42, tilt=0.3 * side).ellipse(0, 0, 0.8, 1.04)
    return Hair(np.zeros_like(cap), np.minimum(cap, 1 - np.maximum(sweep, _arch(face, 0, 0.78, -0.5))))


def _curly(face: Frame, parting: float) -> Hair:
    angles = np.linspace(-0.12 * math.pi, 1.12 * math.pi, 12)
    curls = [face.ellipse(0.88 * math.cos(a), -0.3 - 0.84 * math.sin(a), 0.26, 0.25) for a in angles]
    ball = np.maximum.reduce([face.ellipse(0, -0.36, 0.92, 0.92), *curls])
    line = [face.ellipse(x + 0.05 * parting, -0.66 + 0.22 * x * x, 0.19, 0.16) for x in (-0.6, -0.3, 0, 0.3, 0.6)]
    opening = np.minimum(_arch(face, 0, 0.77, -0.7), 1 - np.maximum.reduce(line))
    return Hair(np.zeros_like(ball), np.minimum(ball, 1 - opening))


def _bun(face: Frame, parting: float) -> Hair:
    knot = face.ellipse(0.15 * parting, -1.3, 0.36, 0.3)
    cap = face.ellipse(0, -0.36, 0.94, 0.86)
    return Hair(knot, np.minimum(cap, 1 - _curtains(face, 0.5 * parting, 0.8, -0.72)))


def _bob(face: Frame, parting: float) -> Hair:
    shape = np.minimum(face.ellipse(0, -0.06, 1.1, 1.18), face.cover(face.y - 0.72 - 0.1 * face.x**2))
    return Hair(shape, np.minimum(shape, 1 - _curtains(face, parting, 0.76, -0.66)))


def _fringe(face: Frame, parting: float) -> Hair:
    """A bob whose hair is cut straight above the brows."""
    shape = np.minimum(face.ellipse(0, -0.06, 1.08, 1.18), face.cover(face.y - 0.6 - 0.14 * face.x**2))
    below = face.cover(-0.5 + 0.1 * face.x**2 - face.y)
    return Hair(shape, np.minimum(shape, 1 - np.minimum(below, _arch(face, 0, 0.76, -0.8))))


def _long(face: Frame, parting: float) -> Hair:
    shape = np.maximum(face.ellipse(0, -0.08, 1.06, 1.16), face.box(-1.06, -0.08, 1.06, 0.9))
    above = np.minimum(shape, face.cover(face.y - 0.75))
    locks = [face.placed(side * 0.87, 0.72, tilt=side * -0.05).ellipse(0, 0, 0.3, 1.0) for side in (-1, 1)]
    opening = np.maximum(_curtains(face, parting, 0.78, -0.7), face.box(-0.76, 0.36, 0.76, 2))
    return Hair(shape, np.maximum.reduce([np.minimum(above, 1 - opening), *locks]))


def _arch(face: Frame, parting: float, half: float, top: float) -> np.ndarray:
    """What a round hairline leaves free of the face: `half` wide, up to `top`."""
    return face.ellipse(0.06 * parting, 0.36, half, 0.36 - top)


def _curtains(face: Frame, parting: float, half: float, top: float) -> np.ndarray:
    """What hair leaves free that falls to both sides from a parting."""
    left, right = half + 0.3 * (1 + 0.6 * parting), half + 0.3 * (1 - 0.6 * parting)
    height = 1.06 * (0.36 - top)
    return np.minimum(face.ellipse(left - half, 0.36, left, height), face.ellipse(half - right, 0.36, right, height))


STYLES = {
    "short": _short,
    "swept": _swept,
    "curly": _curly,
    "bun": _bun,
    "bob": _bob,
    "fringe": _fringe,
    "long": _long,
}
