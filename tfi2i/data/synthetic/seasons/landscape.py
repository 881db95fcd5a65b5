"""The plan of a landscape, in units of 1/64 of the image's side; nothing of seasons, colours or pixels."""

from dataclasses import dataclass

from tfi2i.data.synthetic.dice import Dice


@dataclass(frozen=True)
class Tree:
    kind: str  # "conifer" or "round"
    x: float
    y: float  # foot of the trunk
    height: float


@dataclass(frozen=True)
class Hut:
    x: float  # middle of the front
    y: float  # its ground
    scale: float
    wall: str  # "red", "ochre" or "blue"


@dataclass(frozen=True)
class Lake:
    x: float
    y: float
    rx: float
    ry: float


@dataclass(frozen=True)
class River:
    source: float  # x where it leaves the hills
    mouth: float  # x where it leaves the picture
    bend: float  # to the side, half-way
    width: float  # at the bottom


@dataclass(frozen=True)
class Landscape:
    """Where everything of a landscape is."""

    sun: tuple[float, float]
    clouds: tuple[tuple[float, float, float], ...]  # x, y, length
    peaks: tuple[tuple[float, float, float], ...]  # x, top, half the width of the foot
    hills: tuple[float, ...]  # phases of the waves of the two ranges of hills
    horizon: float  # where the meadow begins
    water: Lake | River
    hut: Hut
    trees: tuple[Tree, ...]  # the farthest first


def plan(dice: Dice) -> Landscape:
    """A landscape; the hut stands on one side of the water, and the trees leave both free."""
    horizon = dice.uniform(34, 38)
    side = dice.choice((-1, 1))
    hut = Hut(
        x=32 + side * dice.uniform(13, 21),
        y=horizon + dice.uniform(6, 11),
        scale=dice.uniform(0.9, 1.2),
        wall=dice.choice(("red", "ochre", "blue")),
    )
    water = _lake(dice, horizon, side) if dice.chance(0.5) else _river(dice, side)
    return Landscape(
        sun=(32 - side * dice.uniform(2, 24), dice.uniform(6, 13)),
        clouds=tuple((dice.uniform(2, 62), dice.uniform(4, 17), dice.uniform(8, 14)) for _ in range(2)),
        peaks=_peaks(dice, horizon),
        hills=tuple(dice.uniform(0, 6.28) for _ in range(4)),
        horizon=horizon,
        water=water,
        hut=hut,
        trees=_trees(dice, horizon, water, hut),
    )


def _peaks(dice: Dice, horizon: float) -> tuple[tuple[float, float, float], ...]:
    count = dice.integer(3, 4)
    step = 64 / count
    peaks = [
        ((i + dice.uniform(0.2, 0.8)) * step, horizon - dice.uniform(11, 22), dice.uniform(13, 20))
        for i in range(count)
    ]
    return tuple(sorted(peaks, key=lambda peak: peak[1]))


def _lake(dice: Dice, horizon: float, side: int) -> Lake:
    return Lake(
        32 - side * dice.uniform(2, 14), horizon + dice.uniform(10, 15), dice.uniform(13, 20), dice.uniform(3, 5)
    )


def _river(dice: Dice, side: int) -> River:
    return River(
        source=32 - side * dice.uniform(2, 14),
        mouth=32 - side * dice.uniform(0, 20),
        bend=dice.uniform(-8, 8),
        width=dice.uniform(9, 14),
    )


def _trees(dice: Dice, horizon: float, water: Lake | River, hut: Hut) -> tuple[Tree, ...]:
    trees = []
    for _ in range(13):
        y = dice.uniform(horizon + 2, 62)
        nearness = (y - horizon) / (64 - horizon)
        kind = dice.choice(("conifer", "conifer", "round"))
        tree = Tree(kind, dice.uniform(1, 63), y, (9 + 14 * nearness) * dice.uniform(0.85, 1.15))
        crowded = any(_touch(tree, other) for other in trees)
        if not crowded and not _is_wet(tree, water, horizon) and not _hides(tree, hut):
            trees.append(tree)
    return tuple(sorted(trees, key=lambda tree: tree.y))


def _is_wet(tree: Tree, water: Lake | River, horizon: float) -> bool:
    if isinstance(water, Lake):
        return ((tree.x - water.x) / (water.rx + 2)) ** 2 + ((tree.y - water.y) / (water.ry + 2)) ** 2 < 1
    middle, width = course(water, tree.y, horizon)
    return abs(tree.x - middle) < width / 2 + 2


def _touch(tree: Tree, other: Tree) -> bool:
    return abs(tree.x - other.x) < 0.3 * max(tree.height, other.height) and abs(tree.y - other.y) < 8


def _hides(tree: Tree, hut: Hut) -> bool:
    """Behind the hut, it would seem to grow out of the roof."""
    return abs(tree.x - hut.x) < 7 * hut.scale + 0.25 * tree.height


def course(river: River, y, horizon: float):
    """Middle and width of the river at the height `y`, a number or an array."""
    near = (y - horizon) / (64 - horizon)
    middle = river.source + (river.mouth - river.source) * near + river.bend * 4 * near * (1 - near)
    return middle, 1.2 + (river.width - 1.2) * near * near
