"""A cat: upright ears, a round face, slit pupils, whiskers; a cool coat.

Its style: how strong the stripes are, the colour of the eyes, and that of the scarf.
"""

import numpy as np

from tfi2i.data.synthetic.animals.face import Face
from tfi2i.data.synthetic.animals.portrait import (
    DARK,
    WHITE,
    body_of,
    features_of,
    head_of,
    mirrored,
    paint_scarf,
    paint_wall,
    ramp,
)
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import Frame, Picture, blend

COATS = ((64, 66, 84), (134, 142, 162), (208, 214, 228))
EYES = ((78, 170, 214), (112, 190, 96), (240, 178, 44))
SCARVES = ((86, 54, 160), (30, 144, 196), (146, 220, 92))

EAR = [(-1.0, -0.2), (-0.86, -1.32), (-0.18, -0.78)]
INNER_EAR = [(-0.86, -0.5), (-0.79, -1.08), (-0.4, -0.75)]
STRIPES = (
    ((0, -0.9), (0, -0.48)),
    ((-0.27, -0.9), (-0.2, -0.5)),
    ((0.27, -0.9), (0.2, -0.5)),
    ((-1.1, 0.02), (-0.76, 0.1)),
    ((1.1, 0.02), (0.76, 0.1)),
    ((-1.1, 0.24), (-0.7, 0.26)),
    ((1.1, 0.24), (0.7, 0.26)),
    ((-1.05, 0.48), (-0.66, 0.42)),
    ((1.05, 0.48), (0.66, 0.42)),
)
NOSE = [(-0.13, 0.2), (0.13, 0.2), (0, 0.34)]


def paint_cat(face: Face, dice: Dice, size: int) -> np.ndarray:
    stripes, eyes, scarf = dice.uniform(0, 1), dice.uniform(0, 1), dice.uniform(0, 1)
    coat = ramp(COATS, face.coat)
    marked = coat * (1 - 0.76 * stripes)
    picture = Picture(size)
    paint_wall(picture, face)
    _paint_body(picture, body_of(picture, face), coat, marked, ramp(SCARVES, scarf))
    head = head_of(picture, face)
    _paint_head(picture, head, coat, marked)
    features = features_of(head, face)
    _paint_eyes(picture, features, face, ramp(EYES, eyes))
    _paint_muzzle(picture, features, coat)
    return picture.pixels()


def _paint_body(picture: Picture, body: Frame, coat: np.ndarray, marked: np.ndarray, scarf: np.ndarray):
    fur = body.ellipse(0, 1.75, 1.0, 1.0)
    picture.fill(fur, 0.9 * blend(coat, marked, 0.35))
    for side in (-1, 1):
        for y in (1.05, 1.32, 1.6):
            picture.fill(fur * body.stroke((side * 1.1, y - 0.1), (side * 0.45, y), 0.15), 0.9 * marked)
    paint_scarf(picture, body, scarf)


def _paint_head(picture: Picture, head: Frame, coat: np.ndarray, marked: np.ndarray):
    for ear, inner in ((EAR, INNER_EAR), (mirrored(EAR), mirrored(INNER_EAR))):
        picture.fill(head.convex(ear), marked)
        picture.fill(head.convex(inner), blend(coat, (236, 158, 160), 0.65))
    fur = np.maximum(head.ellipse(0, 0, 1.0, 0.86), head.ellipse(0, 0.24, 1.08, 0.62))
    picture.fill(fur, coat)
    picture.fill(fur * head.ellipse(0, -0.98, 0.8, 0.4, blur=0.15), marked, 0.6)
    for start, end in STRIPES:
        picture.fill(fur * head.stroke(start, end, 0.15), marked)


def _paint_eyes(picture: Picture, features: Frame, face: Face, iris: np.ndarray):
    right, down = 0.06 * face.gaze[0], 0.04 * face.gaze[1]
    for x in (-0.42, 0.42):
        picture.fill(features.ellipse(x, -0.12, 0.28, 0.23), DARK)
        picture.fill(features.ellipse(x, -0.12, 0.24, 0.19), iris)
        picture.fill(features.ellipse(x + right, -0.12 + down, 0.06, 0.17), DARK)
        picture.fill(features.ellipse(x + right + 0.06, -0.2 + down, 0.045, 0.045), WHITE)


def _paint_muzzle(picture: Picture, features: Frame, coat: np.ndarray):
    pale = blend(coat, WHITE, 0.65)
    for x in (-0.19, 0.19):
        picture.fill(features.ellipse(x, 0.46, 0.26, 0.2), pale)
    picture.fill(features.ellipse(0, 0.62, 0.18, 0.12), pale)
    picture.fill(features.convex(NOSE), (226, 120, 130))
    picture.fill(features.stroke((0, 0.34), (0, 0.46), 0.035), DARK)
    for side in (-1, 1):
        picture.fill(features.stroke((0, 0.46), (side * 0.1, 0.53), 0.035), DARK)
        picture.fill(features.stroke((side * 0.1, 0.53), (side * 0.22, 0.5), 0.035), DARK)
        for start, end in ((0.38, 0.28), (0.46, 0.46), (0.54, 0.64)):
            picture.fill(features.stroke((side * 0.3, start), (side * 1.3, end), 0.03), WHITE, 0.9)
