"""Glasses: two rims, a bridge, the beginnings of the arms, and a gleam on clear lenses."""

import numpy as np

from tfi2i.data.synthetic.faces.features import EYE_LINE, WHITE
from tfi2i.data.synthetic.faces.person import Person
from tfi2i.data.synthetic.faces.shapes import Layer, bow, rounded
from tfi2i.data.synthetic.picture import Frame

# For light skins, and for deep ones.
FRAMES = (
    ((22, 22, 28), (222, 222, 226)),
    ((156, 24, 42), (240, 78, 88)),
    ((28, 52, 146), (104, 160, 246)),
    ((10, 98, 92), (70, 214, 194)),
    ((92, 34, 112), (206, 140, 238)),
)
LENSES = {"round": (0.24, 0.24, 0.24), "oval": (0.26, 0.2, 0.2), "square": (0.26, 0.21, 0.09)}  # half sides, radius


def glasses_layers(face: Frame, person: Person) -> list[Layer]:
    colour = np.array(FRAMES[person.frame][person.skin > 0.55], np.float32)
    half_width, half_height, radius = LENSES[person.lenses]
    x, y = person.eye_distance - 0.01, EYE_LINE + 0.02
    parts = [bow(face.placed(0, y - 0.05), x - half_width, -0.04, 0.9 * person.rim)]
    gleams = []
    for side in (-1, 1):
        lens = face.placed(side * x, y)
        outline = rounded(lens, half_width, half_height, radius)
        parts.append(face.cover(np.abs(outline) - person.rim / 2))
        parts.append(face.stroke((side * (x + half_width), y - 0.1), (side * 0.95, y - 0.12), 0.8 * person.rim))
        inner = face.cover(outline + 0.05)
        gleams.append(np.minimum(inner, lens.stroke((0.02, 0.3), (0.3, -0.06), 0.05)))
    return [(np.maximum.reduce(gleams), np.array(WHITE, np.float32), 0.55), (np.maximum.reduce(parts), colour, 1.0)]
