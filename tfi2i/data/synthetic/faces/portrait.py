"""The portrait from the wall to the fringe.

Every pixel belongs to one attribute at most: hair takes its own first, then glasses, then the mouth, then the marks of
age. What is theirs is told by the person alone, so an edit leaves the other attributes' pixels as they are.
"""

import math

import numpy as np

from tfi2i.data.synthetic.faces.age import age_layers
from tfi2i.data.synthetic.faces.features import mouth_layers, paint_eyes, paint_nose
from tfi2i.data.synthetic.faces.glasses import glasses_layers
from tfi2i.data.synthetic.faces.hair import hair_of, paint_hair
from tfi2i.data.synthetic.faces.person import Look, Person
from tfi2i.data.synthetic.faces.shapes import Layer
from tfi2i.data.synthetic.picture import UNITS, Frame, Picture, blend

WALLS = (
    ((178, 208, 214), (122, 164, 180)),
    ((226, 216, 198), (186, 170, 146)),
    ((214, 198, 220), (166, 146, 182)),
    ((192, 214, 190), (134, 168, 140)),
    ((236, 200, 184), (204, 154, 140)),
    ((186, 196, 222), (126, 140, 182)),
    ((232, 222, 168), (198, 182, 116)),
)
CLOTHES = (
    (46, 74, 122),
    (164, 60, 62),
    (52, 112, 96),
    (226, 222, 212),
    (96, 70, 124),
    (62, 64, 72),
    (208, 138, 60),
    (104, 142, 178),
)
SKINS = ((250, 220, 196), (238, 192, 156), (214, 158, 116), (172, 116, 80), (128, 84, 60))


def paint(person: Person, look: Look, size: int) -> np.ndarray:
    """The person in a look, uint8 (size, size, 3)."""
    picture = Picture(size)
    head = picture.placed(person.x, person.y, person.scale, person.tilt)
    face = Frame(head.x / person.width, head.y, head.pixel)
    skin = _ramp(SKINS, person.skin)
    hair = hair_of(face, person)
    _paint_wall(picture, person)
    paint_hair(picture, face, hair.behind, look.hair, person)
    _paint_body(picture, person, skin)
    outline = _paint_head(picture, face, person, skin)
    glasses, mouth, marks = _shared_out(face, person, skin, look, (hair.front == 0) & (outline == 1))
    _lay(picture, marks if look.aged else [])
    paint_nose(picture, face, person, skin)
    paint_eyes(picture, face, person, skin, look.expression)
    _lay(picture, mouth)
    _lay(picture, glasses if look.glasses else [])
    paint_hair(picture, face, hair.front, look.hair, person)
    picture.rgb *= 1 + 0.1 * person.light * (picture.x[..., None] / UNITS - 0.5)
    return picture.pixels()


def _paint_wall(picture: Picture, person: Person):
    share = (picture.y + 0.5 * person.light * (picture.x - UNITS / 2)) / UNITS
    everywhere = np.ones_like(picture.x * picture.y)
    picture.fill(everywhere, blend(*WALLS[person.wall], np.clip(share, 0, 1)))
    glow = picture.ellipse(person.x + 14 * person.light, 22, 26, 26, blur=36)
    picture.fill(glow, (255, 255, 255), 0.3)


def _paint_body(picture: Picture, person: Person, skin: np.ndarray):
    """Neck and shoulders stay upright."""
    body = picture.placed(0.7 * person.x + 0.3 * UNITS / 2 - 6 * math.sin(person.tilt), person.y, person.scale)
    cloth = np.array(CLOTHES[person.clothes], np.float32)
    neck = np.maximum(body.box(-0.38, 0.6, 0.38, 1.2), body.ellipse(0, 1.2, 0.38, 0.2))
    slopes = body.convex([(-0.42, 1.12), (0.42, 1.12), (0.9, 1.52), (-0.9, 1.52)])
    shoulders = np.maximum(body.ellipse(0, 2.4, 1.62, 1.12), slopes)
    lit = np.clip(0.5 + 0.4 * person.light * body.x, 0, 1)
    picture.fill(shoulders, blend(0.82 * cloth, 1.08 * cloth, lit))
    if person.collar == "pointed":
        picture.fill(shoulders * body.convex([(-0.5, 1.1), (0.5, 1.1), (0, 1.8)]), 0.94 * skin)
    elif person.collar == "round":
        picture.fill(shoulders * body.ellipse(0, 1.1, 0.56, 0.44), 0.74 * cloth)
        picture.fill(shoulders * body.ellipse(0, 1.08, 0.47, 0.38), 0.94 * skin)
    picture.fill(neck, 0.94 * skin)
    picture.fill(neck * body.ellipse(0, 0.85, 0.7, 0.5, blur=0.25), 0.72 * skin, 0.8)
    if person.collar == "shirt":
        pale = blend(cloth, (255, 255, 255), 0.7)
        for side in (-1, 1):
            wing = [(0, 1.5), (0.42, 1.05), (0.62, 1.26), (0.3, 1.78)]
            picture.fill(body.convex(wing if side > 0 else [(-x, y) for x, y in reversed(wing)]), pale)
        picture.fill(body.stroke((0, 1.55), (0, 2.4), 0.04), 0.7 * cloth)


def _paint_head(picture: Picture, face: Frame, person: Person, skin: np.ndarray) -> np.ndarray:
    """Ears and face; returns what they cover."""
    ears = np.maximum(face.ellipse(-0.87, 0.04, 0.12, 0.2), face.ellipse(0.87, 0.04, 0.12, 0.2))
    narrowing = np.clip((face.y + 0.1) / 1.2, 0, 1.2)
    egg = Frame(face.x / (1 - person.taper * narrowing * narrowing), face.y, face.pixel).ellipse(0, 0.06, 0.84, 1.08)
    picture.fill(ears, 0.86 * skin)
    picture.fill(egg, skin)
    away = np.clip(-math.copysign(1, person.light) * face.x * 1.7 - 0.5, 0, 1)
    picture.fill(egg * away, 0.8 * skin, 0.35 + 0.45 * abs(person.light))
    for side in (-1, 1):
        picture.fill(
            egg * face.ellipse(side * 0.52, 0.36, 0.22, 0.18, blur=0.2), (226, 104, 92), 0.08 + 0.14 * person.blush
        )
    shadow = hair_of(Frame(face.x, face.y - 0.07, face.pixel), person).front
    picture.fill(egg * shadow, 0.74 * skin, 0.7)
    return np.maximum(ears, egg)


def _shared_out(
    face: Frame, person: Person, skin: np.ndarray, look: Look, free: np.ndarray
) -> tuple[list[Layer], list[Layer], list[Layer]]:
    """The layers of glasses, mouth and marks, each where nothing before it may ever paint."""
    glasses = glasses_layers(face, person)
    beside = free & ~_touched(glasses)
    mouths = {name: mouth_layers(face, person, skin, name) for name in {"neutral", "happy", look.expression}}
    below = beside & ~_touched(mouths["neutral"]) & ~_touched(mouths["happy"])
    return (
        _within(free, glasses),
        _within(beside, mouths[look.expression]),
        _within(below, age_layers(face, person, skin)),
    )


def _touched(layers: list[Layer]) -> np.ndarray:
    return np.logical_or.reduce([coverage > 0 for coverage, _, _ in layers])


def _within(where: np.ndarray, layers: list[Layer]) -> list[Layer]:
    return [(coverage * where, colour, opacity) for coverage, colour, opacity in layers]


def _lay(picture: Picture, layers: list[Layer]):
    for coverage, colour, opacity in layers:
        picture.fill(coverage, colour, opacity)


def _ramp(colours, share: float) -> np.ndarray:
    """A colour on the way through several, from the first (0) to the last (1)."""
    stops = np.linspace(0, 1, len(colours))
    return np.array([np.interp(share, stops, channel) for channel in zip(*colours, strict=True)], np.float32)
