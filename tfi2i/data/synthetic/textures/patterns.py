"""Patterns that fill a picture with detail of a few pixels, each in colours and a size of its own.

A pattern takes the picture's frame and the dice and returns RGB, (size, size, 3) in [0, 255]. Edges are antialiased;
where a period falls below two pixels, stripes fade to their mean (fabric, the finest, wants pictures of 128 px on).
"""

import math
from itertools import product

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.digits.glyph import write
from tfi2i.data.synthetic.picture import UNITS, Frame, Picture, blend, coloured, to_joint


class _Lattice:
    """A random number in [0, 1) for every pair of whole numbers; it repeats after 256."""

    def __init__(self, dice: Dice):
        self._order = np.argsort(dice.array(256), kind="stable")
        self._values = (dice.array(256) + 1) / 2

    def __call__(self, i, j) -> np.ndarray:
        i, j = (np.asarray(number).astype(int) for number in (i, j))
        return self._values[(self._order[i % 256] + j) % 256]

    def smooth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The numbers of whole (x, y), and a smooth passage between them."""
        i, j = np.floor(x), np.floor(y)
        u, v = (part * part * (3 - 2 * part) for part in (x - i, y - j))
        above = (1 - u) * self(i, j) + u * self(i + 1, j)
        below = (1 - u) * self(i, j + 1) + u * self(i + 1, j + 1)
        return (1 - v) * above + v * below


def tone(luma: float, dice: Dice) -> np.ndarray:
    return coloured(luma, dice.uniform(0, 2 * math.pi), dice.uniform(0, 50))


def _two_tones(dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """The darker first."""
    dark = dice.uniform(15, 120)
    return tone(dark, dice), tone(dark + dice.uniform(50, 120), dice)


def _turned(picture: Frame, dice: Dice) -> Frame:
    return picture.placed(dice.uniform(0, UNITS), dice.uniform(0, UNITS), tilt=dice.uniform(-math.pi, math.pi))


def _bricks(picture: Frame, dice: Dice) -> np.ndarray:
    frame = picture.placed(0, 0, tilt=dice.uniform(-0.3, 0.3))
    each, grain, height = _Lattice(dice), _Lattice(dice), dice.uniform(2, 6)
    width = dice.uniform(1.6, 3) * height
    course = np.round(frame.y / height)
    along = frame.x + width / 2 * (course % 2)
    dark, light = _two_tones(dice)
    shade = each(np.round(along / width), course) + 0.5 * grain.smooth(2.5 * frame.x, 2.5 * frame.y) - 0.25
    joint = frame.cover(
        np.minimum(to_joint(frame.y, height), to_joint(along, width)) - dice.uniform(0.05, 0.12) * height
    )
    return blend(blend(dark, light, 0.7 * shade), tone(dice.uniform(30, 220), dice), joint)


def _fabric(picture: Frame, dice: Dice) -> np.ndarray:
    """Plain weave: threads go over and under one another by turns."""
    frame, period = _turned(picture, dice), dice.uniform(1.8, 4)
    column, row = np.round(frame.x / period), np.round(frame.y / period)
    across, down = frame.x / period - column, frame.y / period - row
    upright = (column + row) % 2 == 0
    side, along = np.where(upright, across, down), np.where(upright, down, across)
    relief = (1 - (2 * side) ** 2) * (0.55 + 0.45 * np.cos(math.pi * along))
    warp, weft = _two_tones(dice)
    often = dice.integer(2, 9)  # a coloured thread
    of_column, of_row = (blend(warp, weft, number % often == 0) for number in (column, row))
    return np.where(upright[..., None], of_column, blend(of_row, weft, 0.4)) * (0.45 + 0.65 * relief)[..., None]


def _stripes(picture: Frame, dice: Dice) -> np.ndarray:
    """Straight, wavy or round, and finer towards one side."""
    frame, period, bend = _turned(picture, dice), dice.uniform(1, 5), dice.uniform(0, 2.5)
    across = np.hypot(frame.x, frame.y) if dice.chance(0.3) else frame.x + bend * np.sin(0.12 * frame.y)
    finer = dice.uniform(0, 0.012)
    phase, local = across * (1 + finer * across / 2) / period, period / (1 + np.abs(finer * across))
    distance = (0.25 - np.abs(phase - np.round(phase))) * local
    return blend(*_two_tones(dice), frame.cover(distance))


def _net(picture: Frame, dice: Dice) -> np.ndarray:
    frame, lattice = _turned(picture, dice), _Lattice(dice)
    period, wire = dice.uniform(1.6, 6), dice.uniform(0.12, 0.4)
    lean = dice.uniform(0, 0.8) * frame.y
    across, down = frame.x + lean, frame.y
    dark, light = _two_tones(dice)
    ground = blend(dark, light, 0.35 * lattice.smooth(across / 9, down / 9))
    threads = np.minimum(to_joint(across, period), to_joint(down, period * dice.uniform(0.6, 1.6)))
    return blend(ground, light, frame.cover(threads - wire * period / 2))


def _foliage(picture: Frame, dice: Dice) -> np.ndarray:
    """Two layers of leaves, one to a cell of a grid, moved and turned at random."""
    dark, light = _two_tones(dice)
    rgb = np.broadcast_to(0.5 * dark, (*np.broadcast(picture.x, picture.y).shape, 3))
    for share in (0.45, 1.0):
        frame, cell = _turned(picture, dice), dice.uniform(1.3, 3.5)
        x, y = frame.x / cell, frame.y / cell
        right, down, turn, shade = (_Lattice(dice) for _ in range(4))
        for di, dj in product((-1, 0, 1), repeat=2):
            i, j = np.floor(x) + di, np.floor(y) + dj
            angle = 6.28 * turn(i, j)
            u, v = x - i - right(i, j), y - j - down(i, j)
            along, across = np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u
            leaf = frame.cover((np.hypot(along / 0.85, across / 0.32) - 1) * 0.32 * cell)
            rgb = blend(rgb, share * blend(dark, light, shade(i, j)), leaf)
    return rgb


def _hair(picture: Frame, dice: Dice) -> np.ndarray:
    """Two layers of strands that bend, each of a shade of its own."""
    dark, light = _two_tones(dice)
    frame, flow = _turned(picture, dice), _Lattice(dice)
    bent = frame.x + 9 * flow.smooth(frame.y / 18, frame.x / 18) + dice.uniform(-0.01, 0.01) * frame.y**2
    rgb = np.broadcast_to(dark, (*bent.shape, 3))
    for period, width in ((dice.uniform(1.2, 2.4), 0.36), (dice.uniform(0.7, 1.4), 0.22)):
        strand = _Lattice(dice)
        sway = bent + 0.8 * strand.smooth(frame.y / 7, bent / 30)
        number = np.round(sway / period)
        gloss = strand(number, 0) * (0.6 + 0.4 * np.sin(0.14 * frame.y + 6.28 * strand(number, 1)))
        rgb = blend(rgb, blend(dark, light, gloss), frame.cover(np.abs(sway - period * number) - width * period))
    return rgb


def _writing(picture: Frame, dice: Dice) -> np.ndarray:
    """Lines of figures in one hand, with gaps between words."""
    dark, light = _two_tones(dice)
    page = Picture(picture.x.size)
    page.rgb[:] = light
    font, line, pen = [write(label, dice) for label in range(10)], dice.uniform(3.5, 8), dice.uniform(0.16, 0.32)
    scale = 0.36 * line
    for y in np.arange(dice.uniform(0, line), UNITS + line, line):
        x = dice.uniform(0, 6)
        while x < UNITS:
            _write_figure(page, font[dice.integer(0, 9)], x, y, scale, pen, dark)
            x += scale * (1.5 if dice.chance(0.8) else 3)
    return page.rgb


def _write_figure(page: Picture, strokes, x: float, y: float, scale: float, pen: float, ink: np.ndarray):
    """In a window about the figure: most of the page has none of its ink."""
    rows, columns = (
        _span((middle - 1.5 * scale) / page.pixel, (middle + 1.5 * scale) / page.pixel) for middle in (y, x)
    )
    window = Frame(page.x[:, columns], page.y[rows], page.pixel)
    if not window.x.size or not window.y.size:
        return
    inked = window.placed(x, y, scale).polylines(strokes, pen)
    page.rgb[rows, columns] = blend(page.rgb[rows, columns], ink, inked)


def _span(first: float, last: float) -> slice:
    """The pixels between two, as far as they are in the picture."""
    return slice(max(int(first), 0), max(int(last) + 1, 0))


def _gradient(picture: Frame, dice: Dice) -> np.ndarray:
    """Soft light and shade, as in a sky."""
    frame, cloud = _turned(picture, dice), _Lattice(dice)
    share = 0.6 * cloud.smooth(frame.x / 24, frame.y / 24) + 0.2 * cloud.smooth(frame.x / 8, frame.y / 8)
    return blend(*_two_tones(dice), share)


PATTERNS = (_bricks, _fabric, _stripes, _net, _foliage, _hair, _writing, _gradient)
