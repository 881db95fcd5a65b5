"""What things are painted in: the label map's palette, and the photo's colours, family by family."""

from dataclasses import dataclass

Colour = tuple[int, int, int]

PALETTE: dict[str, Colour] = {
    "sky": (0, 0, 170),
    "wall": (0, 0, 255),
    "window": (0, 85, 255),
    "door": (0, 170, 255),
    "cornice": (0, 255, 255),
    "sill": (85, 255, 170),
    "balcony": (170, 255, 85),
    "shutter": (255, 255, 0),
    "roof": (255, 85, 0),
    "shop": (170, 0, 0),
    "pavement": (85, 0, 0),
}


@dataclass(frozen=True)
class Masonry:
    """A wall of bricks or ashlar."""

    course: float  # height of a course in units
    block: float  # length of a brick or an ashlar block in units
    joint: Colour
    unevenness: float  # of the blocks' brightness, relative


@dataclass(frozen=True)
class Style:
    """How one family of buildings looks."""

    walls: tuple[Colour, Colour]  # the tint lies between the two
    trim: Colour
    roof: Colour
    accents: tuple[Colour, ...]  # doors, shutters, shops
    frame: Colour
    rusticated: bool  # grooves across the ground floor
    masonry: Masonry | None = None  # None is a smooth wall


STYLES = {
    "brick": Style(
        walls=((158, 82, 62), (142, 66, 54)),
        trim=(226, 214, 194),
        roof=(84, 84, 94),
        accents=((36, 78, 62), (36, 58, 98), (122, 36, 38)),
        frame=(240, 236, 226),
        rusticated=False,
        masonry=Masonry(course=1.0, block=2.5, joint=(202, 186, 168), unevenness=0.16),
    ),
    "stucco": Style(
        walls=((236, 190, 112), (226, 150, 108)),
        trim=(248, 234, 208),
        roof=(188, 98, 64),
        accents=((52, 106, 86), (62, 110, 138), (44, 88, 112)),
        frame=(250, 244, 232),
        rusticated=False,
    ),
    "stone": Style(
        walls=((224, 208, 176), (212, 198, 170)),
        trim=(240, 230, 206),
        roof=(96, 110, 130),
        accents=((40, 70, 94), (50, 82, 70), (96, 62, 44)),
        frame=(238, 236, 230),
        rusticated=True,
        masonry=Masonry(course=2.0, block=5.0, joint=(178, 166, 142), unevenness=0.045),
    ),
    "plaster": Style(
        walls=((160, 196, 176), (160, 188, 214)),
        trim=(250, 246, 236),
        roof=(176, 84, 62),
        accents=((128, 74, 44), (92, 56, 40), (150, 50, 44)),
        frame=(252, 250, 244),
        rusticated=True,
    ),
}

SKIES = (
    ((86, 146, 216), (208, 228, 242)),
    ((86, 146, 216), (208, 228, 242)),
    ((104, 160, 214), (226, 232, 232)),
    ((110, 132, 200), (255, 208, 152)),
)


@dataclass(frozen=True)
class Look:
    """What the label map doesn't tell."""

    wall: Colour
    accent: Colour
    sky: tuple[Colour, Colour]  # zenith, horizon
    style: Style


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """From `a` (share 0) to `b` (share 1)."""
    return tuple(int(x + (y - x) * share + 0.5) for x, y in zip(a, b, strict=True))


def shade(colour: Colour, factor: float) -> Colour:
    """The colour, so many times as bright."""
    return tuple(max(0, min(255, int(x * factor + 0.5))) for x in colour)
