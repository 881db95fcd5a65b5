"""Eyes, brows, nose and mouth, in the face's frame: its origin is between eyes and nose, 1 is half the head."""

import numpy as np

from tfi2i.data.synthetic.faces.person import Person
from tfi2i.data.synthetic.faces.shapes import Layer, bow, crescent
from tfi2i.data.synthetic.picture import Frame, Picture, blend

IRISES = ((92, 58, 34), (58, 112, 168), (74, 128, 82), (126, 92, 48), (104, 124, 138))
DARK = (36, 26, 28)
WHITE = (252, 250, 246)
MOUTH = (96, 26, 34)
TONGUE = (206, 92, 98)

EYE_LINE = -0.06
OPENING = {"neutral": 1.0, "happy": 1.0, "sad": 0.78, "surprised": 1.3}
BROW_LIFT = {"neutral": 0.0, "happy": 0.0, "sad": 0.02, "surprised": 0.1}
BROW_SLANT = {"neutral": 0.0, "happy": 0.0, "sad": 0.42, "surprised": 0.0}  # radians, the inner ends up


def paint_eyes(picture: Picture, face: Frame, person: Person, skin: np.ndarray, expression: str):
    for side in (-1, 1):
        at = face.placed(side * person.eye_distance, EYE_LINE, person.eye_size)
        half, height = 0.165, 0.09 * OPENING[expression]
        picture.fill(at.ellipse(0, -0.03, 0.22, 0.16, blur=0.12), 0.84 * skin, 0.7)
        white = crescent(at, half, -1.15 * height, height)
        picture.fill(white, WHITE)
        picture.fill(np.minimum(white, at.ellipse(0, -0.01, 0.088, 0.088)), IRISES[person.eyes])
        picture.fill(np.minimum(white, at.ellipse(0, -0.01, 0.045, 0.045)), DARK)
        picture.fill(at.ellipse(0.03, -0.045, 0.025, 0.025), WHITE)
        picture.fill(bow(at, half, -1.15 * height, 0.045), DARK)
        picture.fill(bow(at, half, height, 0.02), 0.66 * skin, 0.6)
        _paint_brow(picture, face, person, skin, side, expression)


def _paint_brow(picture: Picture, face: Frame, person: Person, skin: np.ndarray, side: int, expression: str):
    y = EYE_LINE - 0.25 - BROW_LIFT[expression]
    at = face.placed(side * (person.eye_distance + 0.01), y, tilt=side * BROW_SLANT[expression])
    picture.fill(bow(at, 0.19, -person.arch, person.brow), blend(DARK, 0.5 * skin, 0.4))


def paint_nose(picture: Picture, face: Frame, person: Person, skin: np.ndarray):
    width, tip = person.nose_width, person.nose_length
    shaded = -1 if person.light > 0 else 1
    picture.fill(face.ellipse(shaded * 0.07, 0.1, 0.05, 0.3, blur=0.07), 0.82 * skin, 0.5)
    picture.fill(face.ellipse(0, tip - 0.04, width, 0.1, blur=0.05), 0.9 * skin, 0.8)
    picture.fill(face.ellipse(-shaded * 0.03, tip - 0.07, 0.05, 0.05, blur=0.05), blend(skin, WHITE, 0.5), 0.5)
    picture.fill(bow(face.placed(0, tip), 0.8 * width, 0.05, 0.035), 0.6 * skin, 0.75)


def mouth_layers(face: Frame, person: Person, skin: np.ndarray, expression: str) -> list[Layer]:
    """What a mouth, with the cheeks that it lifts, is made of, the lowest layer first."""
    lips = blend(blend(0.78 * skin, (190, 96, 92), 0.45), (196, 52, 66), 0.75 * person.lips)
    return _MOUTHS[expression](face.placed(0, 0.64), lips, skin)


def _neutral(at: Frame, lips: np.ndarray, skin: np.ndarray) -> list[Layer]:
    return [
        (at.ellipse(0, 0.14, 0.14, 0.05, blur=0.06), 0.78 * skin, 0.5),
        (crescent(at, 0.25, -0.07, 0.08), lips, 1.0),
        (bow(at, 0.25, 0.0, 0.028), 0.42 * lips, 0.9),
    ]


def _happy(at: Frame, lips: np.ndarray, skin: np.ndarray) -> list[Layer]:
    gap = crescent(at, 0.33, -0.01, 0.185, corner=-0.1)
    cheeks = [at.ellipse(side * 0.55, -0.33, 0.14, 0.09, blur=0.1) for side in (-1, 1)]
    return [
        (np.maximum(*cheeks), blend(skin, (240, 84, 84), 0.5), 0.8),
        (crescent(at, 0.37, -0.06, 0.24, corner=-0.12), lips, 1.0),
        (gap, MOUTH, 1.0),
        (np.minimum(gap, crescent(at, 0.4, -0.05, 0.11, corner=-0.12)), WHITE, 1.0),
    ]


def _sad(at: Frame, lips: np.ndarray, skin: np.ndarray) -> list[Layer]:
    return [
        (at.ellipse(0, 0.18, 0.13, 0.05, blur=0.06), 0.72 * skin, 0.6),
        (crescent(at, 0.27, -0.08, 0.06, corner=0.15), lips, 1.0),
        (bow(at.placed(0, 0.15), 0.29, -0.16, 0.045), 0.42 * lips, 1.0),
    ]


def _surprised(at: Frame, lips: np.ndarray, skin: np.ndarray) -> list[Layer]:
    gap = at.ellipse(0, 0.05, 0.12, 0.16)
    return [
        (at.ellipse(0, 0.05, 0.17, 0.22), lips, 1.0),
        (gap, MOUTH, 1.0),
        (np.minimum(gap, at.ellipse(0, 0.19, 0.1, 0.08)), TONGUE, 1.0),
    ]


_MOUTHS = {"neutral": _neutral, "happy": _happy, "sad": _sad, "surprised": _surprised}
