"""The strokes of a digit as a hand draws them: ten shapes with their variants, bent by the writer.

Coordinates of a glyph: the origin in its middle, y down, half its height is 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import Points

_STEP = 0.2  # strokes are cut into pieces of this length, which then bend


@dataclass(frozen=True)
class Digit:
    """A digit, written; nothing of colours or pixels."""

    label: int
    x: float  # its middle, in units of 1/64 of the image's side
    y: float
    scale: float  # half its height, in the same units
    width: float  # of the pen, in units of the glyph
    strokes: tuple[tuple[tuple[float, float], ...], ...]  # polylines, in units of the glyph


def plan(dice: Dice) -> Digit:
    """One of the ten, all alike probable."""
    label = dice.integer(0, 9)
    return Digit(
        label=label,
        x=32 + dice.uniform(-3, 3),
        y=32 + dice.uniform(-3, 3),
        scale=dice.uniform(18, 23),
        width=dice.uniform(0.17, 0.36),
        strokes=write(label, dice),
    )


def write(label: int, dice: Dice) -> tuple[tuple[tuple[float, float], ...], ...]:
    """The strokes of a digit in a handwriting of its own: narrow or wide, slanted, turned, bent."""
    strokes = [_cut(stroke) for stroke in _SHAPES[label](dice)]
    wide, slant, turn = dice.uniform(0.8, 1.2), dice.uniform(-0.12, 0.38), dice.uniform(-0.12, 0.12)
    waves = [(dice.uniform(-0.12, 0.12), dice.uniform(1.5, 3.2), dice.uniform(0, 6.28)) for _ in range(2)]
    cos, sin = math.cos(turn), math.sin(turn)

    def written(x: float, y: float) -> tuple[float, float]:
        right, down = (
            size * math.sin(often * at + start) for (size, often, start), at in zip(waves, (y, x), strict=True)
        )
        x, y = wide * x - slant * y + right, y + down
        return cos * x - sin * y, sin * x + cos * y

    return tuple(tuple(written(*point) for point in stroke) for stroke in strokes)


def _cut(points: Points) -> Points:
    """The same polyline in pieces no longer than `_STEP`."""
    cut = points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(to_x - x, to_y - y) / _STEP))
        cut += [(x + (to_x - x) * i / pieces, y + (to_y - y) * i / pieces) for i in range(1, pieces + 1)]
    return cut


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Points:
    """Part of an ellipse, clockwise where `end` is larger; degrees, 0 to the right and 90 down."""
    pieces = max(4, round(abs(end - start) / 22))
    angles = [math.radians(start + (end - start) * i / pieces) for i in range(pieces + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def _curve(start: tuple[float, float], pull: tuple[float, float], end: tuple[float, float]) -> Points:
    """A quadratic Bezier curve."""
    shares = [i / 6 for i in range(7)]
    return [
        tuple((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t * t * c for a, b, c in zip(start, pull, end, strict=True))
        for t in shares
    ]


def _zero(dice: Dice) -> list[Points]:
    rx, start = dice.uniform(0.46, 0.68), dice.uniform(-120, -60)
    return [_arc(0, 0, rx, 0.96, start, start + dice.uniform(350, 375))]


def _one(dice: Dice) -> list[Points]:
    strokes = [[(0.04, -0.98), (0.04, 0.98)]]
    if dice.chance(0.5):
        strokes.append([(0.04, -0.98), (-dice.uniform(0.22, 0.42), -dice.uniform(0.5, 0.72))])
        if dice.chance(0.4):
            strokes.append([(-0.4, 0.98), (0.44, 0.98)])
    return strokes


def _two(dice: Dice) -> list[Points]:
    top, foot = dice.uniform(0.42, 0.52), dice.uniform(0.5, 0.64)
    bow = _arc(0, -0.5, 0.5, top, dice.uniform(-185, -155), 25)
    slope = _curve(bow[-1], (0.3, 0.25), (-0.52, 0.92))
    return [[*bow, *slope[1:]], _curve((-0.52, 0.92), (0, dice.uniform(0.76, 0.98)), (foot, 0.92))]


def _three(dice: Dice) -> list[Points]:
    waist, upper, lower = dice.uniform(-0.14, 0.02), dice.uniform(0.38, 0.5), dice.uniform(0.48, 0.6)
    heights = (waist + 0.96) / 2, (0.96 - waist) / 2
    return [
        _arc(-0.08, waist - heights[0], upper, heights[0], dice.uniform(-165, -135), 90),
        _arc(-0.08, waist + heights[1], lower, heights[1], -90, dice.uniform(130, 165)),
    ]


def _four(dice: Dice) -> list[Points]:
    bar = dice.uniform(0.12, 0.34)
    if dice.chance(0.4):  # closed at the top
        return [[(0.26, 0.98), (0.26, -0.96), (-0.6, bar), (0.62, bar)]]
    top = dice.uniform(-0.42, -0.18)
    return [[(top, -0.96), (-0.56, bar), (0.62, bar)], [(0.3, -dice.uniform(0.5, 0.9)), (0.22, 0.98)]]


def _five(dice: Dice) -> list[Points]:
    corner = -dice.uniform(0.34, 0.44)
    belly = _arc(-0.06, 0.4, dice.uniform(0.5, 0.62), 0.56, -118, dice.uniform(125, 160))
    return [[(corner, -0.94), (corner - 0.06, -0.06), *belly], [(corner, -0.94), (dice.uniform(0.4, 0.58), -0.94)]]


def _six(dice: Dice) -> list[Points]:
    rx, ry = dice.uniform(0.44, 0.56), dice.uniform(0.4, 0.5)
    stem = _curve((dice.uniform(0.1, 0.42), -0.96), (-0.66, -0.62), (-rx, 0.96 - ry))
    return [[*stem, *_arc(0, 0.96 - ry, rx, ry, 180, -180)[1:]]]


def _seven(dice: Dice) -> list[Points]:
    foot = dice.uniform(-0.34, 0.06)
    strokes = [[(-0.54, -0.9), (0.54, -0.92)], _curve((0.54, -0.92), (0.12, -0.1), (foot, 0.98))]
    if dice.chance(0.3):
        strokes.append([(-0.28, 0.06), (0.44, 0.02)])
    return strokes


def _eight(dice: Dice) -> list[Points]:
    waist, upper, lower = dice.uniform(-0.12, 0.02), dice.uniform(0.36, 0.48), dice.uniform(0.46, 0.58)
    heights = (waist + 0.96) / 2, (0.96 - waist) / 2
    return [
        _arc(0, waist - heights[0], upper, heights[0], 90, 450),
        _arc(0, waist + heights[1], lower, heights[1], -90, 270),
    ]


def _nine(dice: Dice) -> list[Points]:
    rx, ry = dice.uniform(0.4, 0.52), dice.uniform(0.4, 0.5)
    foot = dice.uniform(-0.3, 0.4)
    loop = _arc(0, ry - 0.96, rx, ry, 0, -360)
    return [[*loop, *_curve(loop[-1], (rx + 0.02, 0.4), (foot, 0.98))[1:]]]


_SHAPES: tuple[Callable[[Dice], list[Points]], ...] = (
    _zero,
    _one,
    _two,
    _three,
    _four,
    _five,
    _six,
    _seven,
    _eight,
    _nine,
)
