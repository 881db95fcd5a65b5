"""The marks of age: lines on the forehead and beside the eyes, bags under them, folds about the mouth, slack cheeks."""

import numpy as np

from tfi2i.data.synthetic.faces.features import EYE_LINE
from tfi2i.data.synthetic.faces.person import Person
from tfi2i.data.synthetic.faces.shapes import Layer, bow
from tfi2i.data.synthetic.picture import Frame

FOREHEAD = ((-0.6, 0.28), (-0.51, 0.36), (-0.42, 0.16))  # y, half the length
CROWS_FEET = (((0.66, -0.02), (0.76, -0.05)), ((0.66, 0.05), (0.76, 0.09)), ((0.61, 0.13), (0.7, 0.21)))


def age_layers(face: Frame, person: Person, skin: np.ndarray) -> list[Layer]:
    lines = [bow(face.placed(0, y), half, -0.03, 0.05, blur=0.05) for y, half in FOREHEAD]
    shades = []
    for side in (-1, 1):
        lines += [face.stroke((side * a, b), (side * c, d), 0.035) for (a, b), (c, d) in CROWS_FEET]
        under_eye = face.placed(side * person.eye_distance, EYE_LINE + 0.11)
        fold = face.placed(side * 0.345, 0.49, tilt=side * 0.91)
        shades += [
            bow(under_eye, 0.13, 0.05, 0.08, blur=0.06),
            bow(fold, 0.22, -0.05, 0.12, blur=0.12),
            face.placed(side * 0.56, 0.72, tilt=side * 0.5).ellipse(0, 0, 0.09, 0.19, blur=0.12),
        ]
        lines += [
            bow(under_eye, 0.13, 0.06, 0.035, blur=0.04),
            bow(fold, 0.22, -0.05, 0.055, blur=0.05),
            bow(face.placed(side * 0.36, 0.86, tilt=side * 1.75), 0.07, 0.01, 0.04, blur=0.05),
        ]
    return [
        (np.maximum.reduce(shades), 0.68 * skin, 0.8 * person.wrinkles),
        (np.maximum.reduce(lines), 0.42 * skin, 0.85 * person.wrinkles),
    ]
