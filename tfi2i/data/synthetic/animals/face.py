"""The plan of an animal's portrait, in units of 1/64 of the image's side; nothing of cats, dogs or pixels."""

from dataclasses import dataclass

from tfi2i.data.synthetic.dice import Dice


@dataclass(frozen=True)
class Face:
    """What a cat and a dog share."""

    x: float  # the middle of the head
    y: float
    scale: float  # half the width of the head
    tilt: float  # radians, clockwise
    gaze: tuple[float, float]  # to the right and down, each in [-1, 1]
    coat: float  # from dark (0) to light (1); dark ones are more frequent
    wall: str  # a key of `portrait.WALLS`
    lights: tuple[tuple[float, float, float], ...]  # x, y, radius: out of focus, behind


def plan(dice: Dice) -> Face:
    return Face(
        x=32 + dice.uniform(-4, 4),
        y=31 + dice.uniform(-3, 3),
        scale=dice.uniform(19.5, 23.5),
        tilt=dice.uniform(-0.22, 0.22),
        gaze=(dice.uniform(-1, 1), dice.uniform(-1, 1)),
        coat=dice.uniform(0, 1) ** 1.3,
        wall=dice.choice(("sage", "sand", "rose", "sky")),
        lights=tuple((dice.uniform(0, 64), dice.uniform(0, 40), dice.uniform(3, 8)) for _ in range(5)),
    )
