"""The plan of a person's portrait, and what can be edited of it; nothing of pixels.

Lengths are parts of half the head's width but for `x`, `y` and `scale`, which are in units of 1/64 of the image's side.
"""

from dataclasses import dataclass

from tfi2i.data.synthetic.dice import Dice

HAIR = ("black", "blond", "brown")
EXPRESSIONS = ("neutral", "happy", "sad", "surprised")


@dataclass(frozen=True)
class Look:
    """What an edit changes."""

    hair: str  # one of `HAIR`
    glasses: bool
    expression: str  # one of `EXPRESSIONS`
    aged: bool


@dataclass(frozen=True)
class Person:
    """What no edit changes; that of it which only one look shows, as the shape of the glasses, is here too."""

    x: float  # the middle of the head
    y: float
    scale: float  # half the head's width
    tilt: float  # radians, clockwise
    width: float  # of the face, for its height
    taper: float  # how much narrower it becomes towards the chin
    skin: float  # from light (0) to deep (1)
    blush: float
    eyes: int  # which of `features.IRISES`
    eye_distance: float  # from the middle
    eye_size: float
    brow: float  # its thickness
    arch: float  # of the brows
    nose_width: float
    nose_length: float
    lips: float  # from pale (0) to red (1)
    hairstyle: str  # a key of `hair.STYLES`
    parting: float  # how far to the side, in [-1, 1]
    shade: float  # of the hair within its colour, from dark (0) to light (1)
    clothes: int  # which of `portrait.CLOTHES`
    collar: str  # "round", "pointed" or "shirt"
    wall: int  # which of `portrait.WALLS`
    light: float  # from the left (-1) or the right (1)
    lenses: str  # a key of `glasses.LENSES`
    frame: int  # which of `glasses.FRAMES`
    rim: float  # its width
    wrinkles: float  # how deep they are, once there


def plan(dice: Dice) -> Person:
    return Person(
        x=32 + dice.uniform(-2.5, 2.5),
        y=31.5 + dice.uniform(-1.5, 1.5),
        scale=dice.uniform(16.8, 19.2),
        tilt=dice.uniform(-0.12, 0.12),
        width=dice.uniform(0.93, 1.06),
        taper=dice.uniform(0.1, 0.3),
        skin=dice.uniform(0, 1),
        blush=dice.uniform(0, 1),
        eyes=dice.integer(0, 4),
        eye_distance=dice.uniform(0.35, 0.4),
        eye_size=dice.uniform(0.94, 1.14),
        brow=dice.uniform(0.055, 0.1),
        arch=dice.uniform(0.02, 0.09),
        nose_width=dice.uniform(0.1, 0.16),
        nose_length=dice.uniform(0.26, 0.34),
        lips=dice.uniform(0, 1),
        hairstyle=dice.choice(("short", "swept", "curly", "bun", "bob", "fringe", "long")),
        parting=dice.uniform(-1, 1),
        shade=dice.uniform(0, 1),
        clothes=dice.integer(0, 7),
        collar=dice.choice(("round", "pointed", "shirt")),
        wall=dice.integer(0, 6),
        light=dice.choice((-1, 1)) * dice.uniform(0.3, 1),
        lenses=dice.choice(("round", "oval", "square")),
        frame=dice.integer(0, 4),
        rim=dice.uniform(0.08, 0.105),
        wrinkles=dice.uniform(0.8, 1),
    )
