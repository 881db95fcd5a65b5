"""The plan of a building, in whole units, 1/64 of the image's side; nothing of pixels or colours."""

from dataclasses import dataclass

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facades.colours import STYLES

Box = tuple[float, float, float, float]  # left, top, right, bottom
Points = list[tuple[float, float]]

UNITS = 64


@dataclass(frozen=True)
class Building:
    """Where everything of a building is."""

    style: str
    left: int
    right: int
    ground: int  # where the pavement begins
    storey: int  # top of the ground floor
    eaves: int  # top of the wall
    ridge: int  # top of the roof
    floors: int
    floor_height: int
    bays: int
    bay: int  # width of a bay
    first_bay: int  # left edge of the first one
    window: int  # width of a window, of the bay's parity so that it stands in the middle
    door_bay: int
    shops: bool
    roof: str  # "hip", "mansard" or "parapet"
    has_dormers: bool
    long_balcony: bool
    chimneys: tuple[int, ...]

    def centre(self, bay: int) -> float:
        return self.first_bay + self.bay * (bay + 0.5)

    def windows(self, floor: int) -> list[Box]:
        """Floors are counted from the top, where the cornice takes two units and a strip of wall one."""
        inset = 1 if self.floor_height < 12 else 2
        top = self.eaves + 3 + floor * self.floor_height
        bottom = top + self.floor_height - 1 - inset
        return [_upright(self.centre(bay), self.window, top + inset, bottom) for bay in range(self.bays)]

    def upper_windows(self) -> list[Box]:
        return [window for floor in range(self.floors) for window in self.windows(floor)]

    def ground_windows(self) -> list[Box]:
        if self.shops:
            return []
        bays = [bay for bay in range(self.bays) if bay != self.door_bay]
        return [_upright(self.centre(bay), self.window, self.storey + 3, self.ground - 3) for bay in bays]

    def shop_fronts(self) -> list[Box]:
        if not self.shops:
            return []
        bays = [bay for bay in range(self.bays) if bay != self.door_bay]
        return [_upright(self.centre(bay), self.bay - 2, self.storey + 2, self.ground) for bay in bays]

    def door(self) -> Box:
        return _upright(self.centre(self.door_bay), 5 if self.bay % 2 else 6, self.storey + 4, self.ground)

    def dormers(self) -> list[Box]:
        if not self.has_dormers:
            return []
        width = 3 if self.bay % 2 else 4
        return [_upright(self.centre(bay), width, self.eaves - 5, self.eaves - 1) for bay in range(self.bays)]

    def sills(self) -> list[Box]:
        upper = [] if self.style == "stone" else self.upper_windows()
        return [(left - 1, bottom, right + 1, bottom + 1) for left, _, right, bottom in upper + self.ground_windows()]

    def window_heads(self) -> list[Box]:
        windows = self.upper_windows() if self.style == "plaster" else []
        return [(left - 1, top - 1, right + 1, top) for left, top, right, _ in windows]

    def shutters(self) -> list[Box]:
        windows = self.upper_windows() if self.style == "stucco" else []
        return [(edge, top, edge + 2, bottom) for left, top, right, bottom in windows for edge in (left - 2, right)]

    def balconies(self) -> list[Box]:
        boxes = []
        for floor in range(self.floors if self.style == "stone" else 0):
            windows = self.windows(floor)
            bottom = windows[0][3]
            if floor == self.floors - 1 and self.long_balcony:
                boxes.append((self.left + 2, bottom - 2, self.right - 2, bottom + 1))
            else:
                boxes += [(left - 1, bottom - 2, right + 1, bottom + 1) for left, _, right, _ in windows]
        return boxes

    def top_cornice(self) -> Box:
        return self.left - 1, self.eaves, self.right + 1, self.eaves + 2

    def cornices(self) -> list[Box]:
        belt = (self.left, self.storey, self.right, self.storey + 1)
        coping = (self.left - 1, self.ridge - 1, self.right + 1, self.ridge)
        return [self.top_cornice(), belt, *([coping] if self.roof == "parapet" else [])]


def _upright(centre: float, width: float, top: float, bottom: float) -> Box:
    return centre - width / 2, top, centre + width / 2, bottom


def plan(dice: Dice) -> Building:
    """A building of any family that fits into the image."""
    style = dice.choice(list(STYLES))
    bays = dice.integer(3, 5)
    bay = {3: dice.integer(14, 17), 4: dice.integer(11, 13), 5: dice.integer(9, 10)}[bays]
    width = bays * bay + 2
    left = (UNITS - width) // 2 + dice.integer(-1, 1)

    ground = UNITS - dice.integer(4, 5)
    storey = ground - dice.integer(12, 14)
    floors = dice.integer(2, 3) if bays < 5 else 3
    floor_height = dice.integer(13, 15) if floors == 2 else dice.integer(9, 10)
    eaves = storey - floors * floor_height - 3
    roof = {"brick": "parapet", "stucco": "hip", "stone": "mansard", "plaster": "hip"}[style]
    ridge = eaves - (dice.integer(2, 3) if roof == "parapet" else min(dice.integer(7, 9), eaves - 3))

    shutter_room = 6 if style == "stucco" else 4
    widest = min(bay - shutter_room, 8 if floors == 2 else 6)
    window = widest - (bay - widest) % 2
    return Building(
        style=style,
        left=left,
        right=left + width,
        ground=ground,
        storey=storey,
        eaves=eaves,
        ridge=ridge,
        floors=floors,
        floor_height=floor_height,
        bays=bays,
        bay=bay,
        first_bay=left + 1,
        window=window,
        door_bay=bays // 2 if bays % 2 else dice.choice((0, bays - 1)),
        shops=dice.chance(0.5),
        roof=roof,
        has_dormers=roof != "parapet" and eaves - ridge >= 7 and dice.chance(0.6),
        long_balcony=dice.chance(0.5),
        chimneys=tuple(left + round(width * share) for share in dice.choice(((0.2, 0.8), (0.25,), (0.75,)))),
    )
