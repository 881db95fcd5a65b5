"""A dog: hanging ears, a long snout with a big nose, a tongue; a warm coat.

Its style: how dark the markings (ears, back, the patch over an eye) are, and the colour of the scarf.
"""

import numpy as np

from tfi2i.data.synthetic.animals.face import Face
from tfi2i.data.synthetic.animals.portrait import (
    DARK,
    TONGUE,
    WHITE,
    body_of,
    features_of,
    head_of,
    paint_scarf,
    paint_wall,
    ramp,
)
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import Frame, Picture, blend

COATS = ((104, 56, 30), (204, 132, 66), (250, 224, 176))
SCARVES = ((206, 46, 58), (240, 140, 40), (246, 214, 84))


def paint_dog(face: Face, dice: Dice, size: int) -> np.ndarray:
    markings, scarf = dice.uniform(0, 1), dice.uniform(0, 1)
    coat = ramp(COATS, face.coat)
    marked = coat * blend((0.94, 0.91, 0.88), (0.34, 0.27, 0.22), markings)
    picture = Picture(size)
    paint_wall(picture, face)
    _paint_body(picture, body_of(picture, face), marked, ramp(SCARVES, scarf))
    head = head_of(picture, face)
    _paint_head(picture, head, coat, marked)
    features = features_of(head, face)
    side = 1 if face.tilt > 0 else -1  # told by the pose, so that a mirrored dog is one of this set
    picture.fill(features.ellipse(side * 0.37, -0.26, 0.3, 0.32, blur=0.05), marked)
    _paint_eyes(picture, features, face)
    _paint_snout(picture, features, coat)
    return picture.pixels()


def _paint_body(picture: Picture, body: Frame, marked: np.ndarray, scarf: np.ndarray):
    picture.fill(body.ellipse(0, 1.75, 1.0, 1.0), 0.9 * marked)
    paint_scarf(picture, body, scarf)


def _paint_head(picture: Picture, head: Frame, coat: np.ndarray, marked: np.ndarray):
    picture.fill(head.ellipse(0, -0.16, 0.84, 0.8), coat)
    picture.fill(head.ellipse(0, 0.3, 0.64, 0.72), coat)
    for side in (-1, 1):
        ear = head.placed(side * 0.86, 0.06, tilt=side * -0.22)
        picture.fill(ear.ellipse(0, 0, 0.3, 0.78), marked)
        picture.fill(ear.ellipse(side * -0.02, 0.12, 0.17, 0.5), 0.86 * marked)


def _paint_eyes(picture: Picture, features: Frame, face: Face):
    right, down = 0.05 * face.gaze[0], 0.04 * face.gaze[1]
    for x in (-0.35, 0.35):
        picture.fill(features.ellipse(x, -0.24, 0.17, 0.17), (244, 236, 226))
        picture.fill(features.ellipse(x + right, -0.24 + down, 0.13, 0.13), (84, 48, 28))
        picture.fill(features.ellipse(x + right, -0.24 + down, 0.07, 0.07), DARK)
        picture.fill(features.ellipse(x + right + 0.05, -0.3 + down, 0.04, 0.04), WHITE)


def _paint_snout(picture: Picture, features: Frame, coat: np.ndarray):
    pale = blend(coat, (255, 248, 236), 0.6)
    picture.fill(features.ellipse(0, 0.86, 0.19, 0.3), TONGUE)
    picture.fill(features.stroke((0, 0.75), (0, 1.02), 0.03), (196, 78, 92))
    picture.fill(features.ellipse(0, 0.46, 0.46, 0.38), pale)
    for side in (-1, 1):
        picture.fill(features.ellipse(side * 0.2, 0.6, 0.26, 0.22), pale)
        picture.fill(features.stroke((0, 0.66), (side * 0.15, 0.73), 0.05), DARK)
        picture.fill(features.stroke((side * 0.15, 0.73), (side * 0.32, 0.66), 0.05), DARK)
    picture.fill(features.stroke((0, 0.36), (0, 0.68), 0.045), DARK)
    picture.fill(features.ellipse(0, 0.26, 0.25, 0.18), DARK)
    picture.fill(features.ellipse(-0.07, 0.19, 0.08, 0.045), (150, 144, 150))
