"""A digit as a photo of a house number, and as white ink on black."""

import math

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.digits.glyph import Digit, write
from tfi2i.data.synthetic.picture import LUMA, UNITS, Frame, Picture, coloured, to_joint


def paint_plain(digit: Digit, size: int) -> np.ndarray:
    picture = Picture(size)
    picture.fill(_ink(picture, digit), (255, 255, 255))
    return picture.pixels()


def paint_photo(digit: Digit, dice: Dice, size: int) -> np.ndarray:
    """Its style: the wall and its texture, the colour of the numbers, the neighbours, the light, the lens."""
    picture = Picture(size)
    wall, ink = _colours(dice)
    _paint_wall(picture, wall, dice)
    neighbours = [_neighbour(digit, side, dice) for side in (-1, 1) if dice.chance(0.75)]
    shadow = dice.uniform(0, 0.5) if dice.chance(0.5) else 0.0
    for number in (*neighbours, digit):
        picture.fill(_ink(picture.placed(1.6, 1.6), number, blur=3), 0.3 * wall, shadow)
        picture.fill(_ink(picture, number), ink)
    _light(picture, dice)
    _blur(picture, dice.uniform(0.5, 2.0))
    return picture.pixels()


def _ink(frame: Frame, digit: Digit, blur: float = 0.0) -> np.ndarray:
    return frame.placed(digit.x, digit.y, digit.scale).polylines(digit.strokes, digit.width, blur / digit.scale)


def _neighbour(digit: Digit, side: int, dice: Dice) -> Digit:
    """Another digit of the same house number, half out of the picture."""
    label = dice.integer(0, 9)
    x = digit.x + side * dice.uniform(1.6, 1.9) * digit.scale
    return Digit(label, x, digit.y + dice.uniform(-3, 3), digit.scale, digit.width, write(label, dice))


def _colours(dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Of the wall and of the numbers, which differ by 70 of 255 in luma at least."""
    wall, apart = dice.uniform(30, 225), dice.uniform(70, 110)
    lighter = dice.chance(0.5) if apart + 10 < wall < 245 - apart else wall < 128
    return _colour(wall, dice), _colour(wall + apart if lighter else wall - apart, dice)


def _colour(luma: float, dice: Dice) -> np.ndarray:
    return coloured(luma, dice.uniform(0, 2 * math.pi), dice.uniform(0, 85))


def _paint_wall(picture: Picture, wall: np.ndarray, dice: Dice):
    picture.fill(np.ones_like(picture.x * picture.y), wall)
    other = _colour(float(wall @ LUMA), dice)
    turned = picture.placed(dice.uniform(0, UNITS), dice.uniform(0, UNITS), tilt=dice.uniform(-0.15, 0.15))
    dice.choice((_paint_bricks, _paint_boards, _paint_plate, _paint_plaster))(picture, turned, wall, other, dice)
    slopes = [(dice.uniform(-0.25, 0.25), dice.uniform(-0.25, 0.25), dice.uniform(0, 6.28)) for _ in range(4)]
    stains = sum(np.sin(across * picture.x + down * picture.y + start) for across, down, start in slopes)
    picture.rgb *= 1 + dice.uniform(0.02, 0.06) * stains[..., None]


def _paint_bricks(picture: Picture, frame: Frame, wall: np.ndarray, other: np.ndarray, dice: Dice):
    height = dice.uniform(7, 12)
    width = 2.2 * height
    course = np.round(frame.y / height)
    along = frame.x + width / 2 * (course % 2)
    shade = (np.sin(7.3 * np.round(along / width) + 3.1 * course) + 1) / 2
    picture.fill(shade, other, dice.uniform(0.2, 0.7))
    joint = np.minimum(to_joint(frame.y, height), to_joint(along, width))
    picture.fill(frame.cover(joint - 0.8), dice.choice((0.55, 0.75, 1.25)) * wall, dice.uniform(0.5, 1))


def _paint_boards(picture: Picture, frame: Frame, wall: np.ndarray, other: np.ndarray, dice: Dice):
    across, width = frame.y if dice.chance(0.6) else frame.x, dice.uniform(8, 20)
    picture.fill((np.sin(2.3 * np.round(across / width)) + 1) / 2, other, dice.uniform(0.2, 0.8))
    picture.fill(frame.cover(to_joint(across, width) - 0.7), 0.5 * wall, dice.uniform(0.4, 1))


def _paint_plate(picture: Picture, frame: Frame, wall: np.ndarray, other: np.ndarray, dice: Dice):
    """Plaster with a plate, on which the numbers are."""
    _paint_plaster(picture, frame, wall, other, dice)
    half = dice.uniform(24, 32)
    plate = picture.placed(32, 32, tilt=dice.uniform(-0.1, 0.1)).box(-90, -half, 90, half)
    picture.fill(1 - plate, dice.choice((0.55, 1.3)) * other)


def _paint_plaster(picture: Picture, frame: Frame, wall: np.ndarray, other: np.ndarray, dice: Dice):
    for _ in range(9):
        x, y, radius = dice.uniform(-UNITS, UNITS), dice.uniform(-UNITS, UNITS), dice.uniform(4, 14)
        picture.fill(frame.ellipse(x, y, radius, 0.7 * radius, blur=4), other, 0.6)


def _light(picture: Picture, dice: Dice):
    """From one side; the far one is darker by up to a half."""
    towards, fall = dice.uniform(0, 2 * math.pi), dice.uniform(0, 0.35)
    across = (math.cos(towards) * (picture.x - 32) + math.sin(towards) * (picture.y - 32)) / 45
    picture.rgb *= (1 + fall * across)[..., None]


def _blur(picture: Picture, sigma: float):
    """Gaussian, `sigma` in units; what lies beyond the border doesn't count."""
    centres = picture.x[0]
    weights = np.exp(-(((centres[:, None] - centres) / sigma) ** 2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    picture.rgb = np.einsum("yY,YXc,xX->yxc", weights, picture.rgb, weights, optimize=True)
