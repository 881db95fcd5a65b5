"""SyntheticFacades: buildings drawn by the package, so that every command can be tried before anything is downloaded.

The pairs are made in the manner of the CMP Facade Database (Tylecek and Sara, 2013) as pix2pix uses it: A is a "photo",
B its label map. A building is planned in units of 1/64 of the image's side, then painted; the plan knows nothing of
pixels, so the same index is the same building at every size, and at 64, 128 and 256 pixels its edges fall on pixels.

Four families of building (brick, stucco, stone, plaster) can be told apart by their label maps: shutters mean warm
stucco, balconies pale stone, and so on. What a label map does not tell is bounded: the tint of the wall within its
family, the accent colour of doors and shutters, the hour and the clouds, curtains, and the camera's cast and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tfi2i.errors import UserError

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Points = list[tuple[float, float]]

UNITS = 64

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
_CLASSES = {name: index for index, name in enumerate(PALETTE)}
_COLOURS = np.array(list(PALETTE.values()), np.uint8)

_SPLITS = {"train": 400, "val": 100, "test": 100}


class SyntheticFacades:
    """Source of paired images, drawn when asked for: A the photo, B the label map in the colours of `PALETTE`.

    `source[i]` -> `{"A": photo, "B": labels}`, both uint8 of shape (size, size, 3). An image depends on nothing but
    (seed, split, i, size); the split is part of the random key, so no two splits share a building.

    Args:
        split: "train", "val" or "test".
        size: side in pixels, at least 16.
        length: number of images; by default 400 for "train", 100 for "val" and "test".
        seed: names a different city; an integer from 0 on.

    Raises:
        UserError: unknown split, or a size, length or seed out of range.
    """

    def __init__(self, split: str, size: int = 256, length: int | None = None, seed: int = 0):
        if split not in _SPLITS:
            raise UserError(f"unknown split of synthetic_facades (expected {', '.join(_SPLITS)}, received {split!r})")
        for option, value, least in (("size", size, 16), ("length", length, 1), ("seed", seed, 0)):
            if value is not None and value < least:
                raise UserError(
                    f"{option} of synthetic_facades is out of range (expected >= {least}, received {value})"
                )
        self.split = split
        self.size = size
        self.length = _SPLITS[split] if length is None else length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        index = range(self.length)[index]
        key = np.random.SeedSequence(self.seed, spawn_key=(list(_SPLITS).index(self.split), index))
        plan_key, look_key, camera_key = key.spawn(3)
        building = _plan(_Dice(plan_key))
        photo, labels = _paint(building, _Dice(look_key), self.size)
        return {"A": _expose(photo, _Dice(camera_key)), "B": labels}

    def name(self, index: int) -> str:
        """The stem for files made of this image."""
        return f"{self.split}_{range(self.length)[index]:04d}"


class _Dice:
    """Random numbers from uniform doubles only: other NumPy versions may draw integers or normals differently."""

    def __init__(self, key: np.random.SeedSequence):
        self._generator = np.random.Generator(np.random.PCG64(key))

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._generator.random()

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + int(self._generator.random() * (high - low + 1))

    def choice(self, options: Sequence):
        return options[self.integer(0, len(options) - 1)]

    def chance(self, probability: float) -> bool:
        return self._generator.random() < probability

    def array(self, *shape: int) -> np.ndarray:
        """Uniform in [-1, 1), float32."""
        return (2.0 * self._generator.random(shape) - 1.0).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# The families
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Style:
    walls: tuple[Colour, Colour]  # the tint lies between the two
    trim: Colour
    roof: Colour
    accents: tuple[Colour, ...]  # doors, shutters, shops
    frame: Colour
    rusticated: bool  # grooves across the ground floor
    masonry: _Masonry | None = None  # None is a smooth wall


@dataclass(frozen=True)
class _Masonry:
    course: float  # height of a course in units
    block: float  # length of a brick or an ashlar block in units
    joint: Colour
    unevenness: float  # of the blocks' brightness, relative


_STYLES = {
    "brick": _Style(
        walls=((158, 82, 62), (142, 66, 54)),
        trim=(226, 214, 194),
        roof=(84, 84, 94),
        accents=((36, 78, 62), (36, 58, 98), (122, 36, 38)),
        frame=(240, 236, 226),
        rusticated=False,
        masonry=_Masonry(course=1.0, block=2.5, joint=(202, 186, 168), unevenness=0.16),
    ),
    "stucco": _Style(
        walls=((236, 190, 112), (226, 150, 108)),
        trim=(248, 234, 208),
        roof=(188, 98, 64),
        accents=((52, 106, 86), (62, 110, 138), (44, 88, 112)),
        frame=(250, 244, 232),
        rusticated=False,
    ),
    "stone": _Style(
        walls=((224, 208, 176), (212, 198, 170)),
        trim=(240, 230, 206),
        roof=(96, 110, 130),
        accents=((40, 70, 94), (50, 82, 70), (96, 62, 44)),
        frame=(238, 236, 230),
        rusticated=True,
        masonry=_Masonry(course=2.0, block=5.0, joint=(178, 166, 142), unevenness=0.045),
    ),
    "plaster": _Style(
        walls=((160, 196, 176), (160, 188, 214)),
        trim=(250, 246, 236),
        roof=(176, 84, 62),
        accents=((128, 74, 44), (92, 56, 40), (150, 50, 44)),
        frame=(252, 250, 244),
        rusticated=True,
    ),
}


# ---------------------------------------------------------------------------------------------------------------------
# The plan: whole units, nothing of pixels or colours
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Building:
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


def _plan(dice: _Dice) -> _Building:
    style = dice.choice(list(_STYLES))
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
    return _Building(
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


# ---------------------------------------------------------------------------------------------------------------------
# Painting
# ---------------------------------------------------------------------------------------------------------------------


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return tuple(int(x + (y - x) * share + 0.5) for x, y in zip(a, b, strict=True))


def _shade(colour: Colour, factor: float) -> Colour:
    return tuple(max(0, min(255, int(x * factor + 0.5))) for x in colour)


class _Canvas:
    """Photo and class map, painted together at `oversampling` times the final size, in units."""

    def __init__(self, size: int):
        self.oversampling = 3 if size <= 128 else 2
        self.side = size * self.oversampling
        self.scale = self.side / UNITS
        self.photo = Image.new("RGB", (self.side, self.side))
        self.classes = Image.new("L", (self.side, self.side))
        self.shadows = Image.new("L", (self.side, self.side), 255)
        self._photo = ImageDraw.Draw(self.photo)
        self._classes = ImageDraw.Draw(self.classes)
        self._shadows = ImageDraw.Draw(self.shadows)

    def pixels(self, box: Box) -> tuple[int, int, int, int]:
        """The box in pixels, at least one wide and high: a glazing bar must not vanish."""
        left, top, right, bottom = (int(v * self.scale + 0.5) for v in box)
        return left, top, max(right, left + 1), max(bottom, top + 1)

    def label(self, box: Box, name: str):
        left, top, right, bottom = self.pixels(box)
        self._classes.rectangle((left, top, right - 1, bottom - 1), fill=_CLASSES[name])

    def fill(self, box: Box, colour: Colour):
        left, top, right, bottom = self.pixels(box)
        self._photo.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def gradient(self, box: Box, top_colour: Colour, bottom_colour: Colour):
        left, top, right, bottom = self.pixels(box)
        for y in range(top, bottom):
            colour = _mix(top_colour, bottom_colour, (y - top) / max(bottom - top - 1, 1))
            self._photo.line((left, y, right - 1, y), fill=colour)

    def polygon(self, points: Points, colour: Colour):
        self._photo.polygon([(x * self.scale, y * self.scale) for x, y in points], fill=colour)

    def label_polygon(self, points: Points, name: str):
        self._classes.polygon([(x * self.scale, y * self.scale) for x, y in points], fill=_CLASSES[name])

    def half_disc(self, box: Box, colour: Colour):
        """The upper half of the ellipse in the box."""
        left, top, right, bottom = self.pixels(box)
        self._photo.pieslice((left, top, right - 1, 2 * bottom - top - 1), 180, 360, fill=colour)

    def shadow(self, box: Box, depth: float):
        """Darken what lies behind, once `cast_shadows` is called; `depth` 0 is none, 1 black."""
        left, top, right, bottom = self.pixels(box)
        self._shadows.rectangle((left, top, right - 1, bottom - 1), fill=int(255 * (1 - depth)))

    def cast_shadows(self):
        soft = self.shadows.filter(ImageFilter.BoxBlur(0.35 * self.scale)).filter(ImageFilter.BoxBlur(0.2 * self.scale))
        cool = Image.merge("RGB", (soft, soft, soft.point(lambda v: min(255, v + (255 - v) // 8))))
        self.photo.paste(ImageChops.multiply(self.photo, cool))

    def noise(self, box: Box, dice: _Dice, *cells: int) -> np.ndarray:
        """Smooth noise of the box's shape in about [-1, 1]: octaves of so many cells, each half as strong as the last.

        The cells are drawn before the size is looked at, so that every size sees the same noise.
        """
        left, top, right, bottom = self.pixels(box)
        total = np.zeros((bottom - top, right - left), np.float32)
        for octave, n in enumerate(cells):
            grid = Image.fromarray((127.5 * dice.array(n, n) + 128).astype(np.uint8))
            smooth = grid.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
            total += (np.asarray(smooth, np.float32) - 128) / (128 << octave)
        return total

    def masonry(self, box: Box, dice: _Dice, course: float, block: float) -> tuple[np.ndarray, np.ndarray]:
        """Blocks in running bond: each pixel's block as a random number in [-1, 1), and whether it lies in a joint."""
        left, top, right, bottom = self.pixels(box)
        y = (np.arange(bottom - top) + 0.5) / self.scale
        x = (np.arange(right - left) + 0.5) / self.scale
        row = (y / course).astype(int)
        along = (x[None, :] / block) + 0.5 * (row[:, None] % 2)
        column = along.astype(int)
        joint_width = 0.2
        joints = ((along - column) * block < joint_width) | (y - row * course < joint_width)[:, None]
        return dice.array(UNITS, UNITS)[row[:, None] % UNITS, column % UNITS], joints

    def texture(self, box: Box, colour: Colour, tone: np.ndarray, mask: Image.Image | None = None):
        """Fill the box with a colour whose brightness is multiplied by `tone`, an array of the box's shape."""
        pixels = np.clip(tone[..., None] * np.array(colour, np.float32) + 0.5, 0, 255).astype(np.uint8)
        self.photo.paste(Image.fromarray(pixels), self.pixels(box)[:2], mask)

    def reduced(self) -> tuple[np.ndarray, np.ndarray]:
        """Photo and label map at the final size: the one antialiased, the other sampled, so that no class is mixed."""
        n = self.oversampling
        photo = np.asarray(self.photo.reduce(n))
        return photo, _COLOURS[np.asarray(self.classes)[n // 2 :: n, n // 2 :: n]]


def _paint(b: _Building, dice: _Dice, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Photo and label map of a building, from the sky to what stands out of the wall."""
    canvas = _Canvas(size)
    style = _STYLES[b.style]
    look = _Look(
        wall=_mix(*style.walls, dice.uniform(0, 1)),
        accent=dice.choice(style.accents),
        sky=dice.choice(_SKIES),
        style=style,
    )
    _paint_sky(canvas, look, dice)
    _paint_pavement(canvas, b, dice)
    _paint_roof(canvas, b, look, dice)
    _paint_wall(canvas, b, look, dice)
    for window in b.upper_windows() + b.ground_windows():
        _paint_window(canvas, window, look, dice)
    for shop in b.shop_fronts():
        _paint_shop(canvas, shop, look, dice)
    for dormer in b.dormers():
        _paint_dormer(canvas, dormer, look, dice)
    _paint_door(canvas, b.door(), look)
    _cast_shadows(canvas, b)
    _paint_reliefs(canvas, b, look)
    return canvas.reduced()


@dataclass(frozen=True)
class _Look:
    """What the label map doesn't tell."""

    wall: Colour
    accent: Colour
    sky: tuple[Colour, Colour]  # zenith, horizon
    style: _Style


_SKIES = (
    ((86, 146, 216), (208, 228, 242)),
    ((86, 146, 216), (208, 228, 242)),
    ((104, 160, 214), (226, 232, 232)),
    ((110, 132, 200), (255, 208, 152)),
)
_IRON = (42, 44, 50)
_NIGHT = (36, 44, 56)


def _paint_sky(canvas: _Canvas, look: _Look, dice: _Dice):
    everywhere = (0, 0, UNITS, UNITS)
    canvas.gradient(everywhere, *look.sky)
    box = (0, 0, UNITS, 48)
    clouds = canvas.noise(box, dice, 4, 8, 16, 32)
    fade = np.linspace(1.2, 0.0, len(clouds), dtype=np.float32)[:, None]
    cover = np.clip((1.1 * clouds + dice.uniform(-0.3, 0.15)) * fade, 0, 0.85)
    canvas.photo.paste((252, 250, 246), (0, 0), Image.fromarray((255 * cover).astype(np.uint8)))
    for distance, green in ((0.35, (88, 118, 98)), (0.6, (72, 108, 70))):
        heights = 8 - 7 * distance + 2.5 * dice.array(24)
        crowns = [(3 * i - 2, 50 + 7 * distance - h / 2) for i, h in enumerate(heights)]
        canvas.polygon([(-4, UNITS), *crowns, (UNITS + 8, UNITS)], _mix(look.sky[1], green, distance))
    canvas.label(everywhere, "sky")


def _paint_pavement(canvas: _Canvas, b: _Building, dice: _Dice):
    box = (0, b.ground, UNITS, UNITS)
    blocks, joints = canvas.masonry(box, dice, course=1.5, block=4.0)
    canvas.texture(box, (172, 168, 162), np.where(joints, 0.8, 1.0 + 0.05 * blocks))
    canvas.fill((0, UNITS - 1.5, UNITS, UNITS - 1.1), (206, 202, 194))
    canvas.fill((0, UNITS - 1.1, UNITS, UNITS), (84, 84, 90))
    canvas.label(box, "pavement")
    canvas.shadow((b.left, b.ground, b.right + 1.5, b.ground + 1.2), 0.45)


def _roof_outline(b: _Building) -> Points:
    if b.roof == "mansard":
        knee = b.ridge + 2
        return [
            (b.left, b.eaves),
            (b.left + 2, knee),
            (b.left + 5, b.ridge),
            (b.right - 5, b.ridge),
            (b.right - 2, knee),
            (b.right, b.eaves),
        ]
    return [(b.left - 1, b.eaves), (b.left + 6, b.ridge), (b.right - 6, b.ridge), (b.right + 1, b.eaves)]


def _paint_roof(canvas: _Canvas, b: _Building, look: _Look, dice: _Dice):
    for x in b.chimneys:
        _paint_chimney(canvas, (x - 1.5, b.ridge - (4 if b.roof == "parapet" else 2), x + 1.5, b.eaves))
    if b.roof == "parapet":
        return
    box = (b.left - 1, b.ridge, b.right + 1, b.eaves)
    left, top, right, bottom = canvas.pixels(box)
    outline = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(outline).polygon(
        [(x * canvas.scale - left, y * canvas.scale - top) for x, y in _roof_outline(b)], fill=255
    )
    blocks, joints = canvas.masonry(box, dice, course=1.0, block=1.5)
    fade = np.linspace(1.1, 0.9, bottom - top, dtype=np.float32)[:, None]
    canvas.texture(box, look.style.roof, fade * np.where(joints, 0.78, 1.0 + 0.1 * blocks), outline)
    canvas.label_polygon(_roof_outline(b), "roof")


def _paint_chimney(canvas: _Canvas, box: Box):
    left, top, right, _ = box
    canvas.fill(box, (150, 92, 74))
    canvas.fill(((left + right) / 2 + 0.5, top, right, box[3]), (122, 72, 58))
    canvas.fill((left - 0.4, top, right + 0.4, top + 0.8), (196, 180, 164))
    canvas.label(box, "roof")


def _paint_wall(canvas: _Canvas, b: _Building, look: _Look, dice: _Dice):
    box = (b.left, b.ridge if b.roof == "parapet" else b.eaves, b.right, b.ground)
    tone = 1.0 + 0.045 * canvas.noise(box, dice, 6, 24, 96)
    tone *= np.linspace(1.03, 0.97, tone.shape[1], dtype=np.float32)
    style = look.style
    if style.masonry:
        blocks, joints = canvas.masonry(box, dice, style.masonry.course, style.masonry.block)
        canvas.texture(box, look.wall, tone * (1 + style.masonry.unevenness * blocks))
        canvas.photo.paste(
            style.masonry.joint, canvas.pixels(box)[:2], Image.fromarray((130 * joints).astype(np.uint8))
        )
    else:
        canvas.texture(box, look.wall, tone)
    canvas.label(box, "wall")
    if style.rusticated:
        for y in range(b.storey + 3, b.ground, 2):
            canvas.fill((b.left, y, b.right, y + 0.3), _shade(look.wall, 0.74))
            canvas.fill((b.left, y + 0.3, b.right, y + 0.55), _shade(look.wall, 1.08))
    canvas.fill((b.left, b.ground - 2, b.right, b.ground), _shade(style.trim, 0.72))
    canvas.fill((b.left, b.ground - 2, b.right, b.ground - 1.7), _shade(style.trim, 0.9))


# Windows and doors ---------------------------------------------------------------------------------------------------


def _paint_window(canvas: _Canvas, box: Box, look: _Look, dice: _Dice):
    left, top, right, bottom = box
    style = look.style
    canvas.fill((left - 0.7, top - 0.7, right + 0.7, bottom), _shade(style.trim, 0.97))
    canvas.fill((right, top, right + 0.7, bottom), _shade(style.trim, 0.86))
    canvas.fill(box, style.frame)
    glass = (left + 0.45, top + 0.45, right - 0.45, bottom - 0.45)
    _paint_glass(canvas, glass, look, dice)
    middle = (left + right) / 2
    transom = top + 0.36 * (bottom - top)
    canvas.fill((middle - 0.2, top, middle + 0.2, bottom), style.frame)
    canvas.fill((left, transom - 0.2, right, transom + 0.2), style.frame)
    canvas.label(box, "window")
    canvas.shadow((left, top, right, top + 0.9), 0.45)
    canvas.shadow((left, top, left + 0.6, bottom), 0.4)


def _paint_glass(canvas: _Canvas, box: Box, look: _Look, dice: _Dice):
    """Sky above and the dark room below, a streak of light, and perhaps curtains."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    bright = _mix(_mix(*look.sky, 0.4), _NIGHT, 0.3)
    canvas.gradient(box, bright, _NIGHT)
    streak = dice.uniform(0.25, 0.6)
    canvas.polygon(
        [
            (left + streak * width, top),
            (min(left + (streak + 0.35) * width, right), top),
            (left + streak * width * 0.6, bottom),
            (left, bottom),
            (left, top + streak * 1.6 * height),
        ],
        _mix(bright, (255, 255, 255), 0.18),
    )
    canvas.gradient((left, top + 0.6 * height, right, bottom), _mix(bright, _NIGHT, 0.6), _NIGHT)
    if dice.chance(0.65):
        cloth = _mix((244, 236, 220), bright, 0.15)
        drop = top + dice.uniform(0.7, 1.0) * height
        canvas.polygon([(left, top), (left + 0.34 * width, top), (left + 0.16 * width, drop), (left, drop)], cloth)
        canvas.polygon([(right, top), (right - 0.34 * width, top), (right - 0.16 * width, drop), (right, drop)], cloth)


def _paint_door(canvas: _Canvas, box: Box, look: _Look):
    left, top, right, bottom = box
    trim, wood = look.style.trim, look.accent
    middle = (left + right) / 2
    canvas.fill((left - 1, top - 1, right + 1, bottom), trim)
    canvas.fill((right, top, right + 1, bottom), _shade(trim, 0.86))
    canvas.fill(box, _shade(wood, 0.7))
    canvas.gradient((left + 0.4, top + 0.4, right - 0.4, top + 2), _mix(look.sky[1], _NIGHT, 0.4), _NIGHT)
    canvas.fill((middle - 0.15, top, middle + 0.15, top + 2), _shade(wood, 1.1))
    for leaf_left, leaf_right in ((left + 0.3, middle - 0.1), (middle + 0.1, right - 0.3)):
        canvas.gradient((leaf_left, top + 2.3, leaf_right, bottom), _shade(wood, 1.12), _shade(wood, 0.92))
        for share in (0.0, 0.36, 0.7):
            y = top + 2.7 + share * (bottom - top - 3)
            panel = (leaf_left + 0.4, y, leaf_right - 0.4, y + 0.25 * (bottom - top - 3))
            canvas.fill(panel, _shade(wood, 0.68))
            canvas.fill((panel[0] + 0.2, panel[1] + 0.25, panel[2], panel[3]), _shade(wood, 1.25))
            canvas.fill((panel[0] + 0.2, panel[1] + 0.25, panel[2] - 0.2, panel[3] - 0.2), wood)
    knob_y = top + 0.6 * (bottom - top)
    canvas.fill((middle + 0.3, knob_y, middle + 0.7, knob_y + 0.5), (232, 196, 96))
    canvas.fill((left - 1.2, bottom - 0.7, right + 1.2, bottom), _shade(trim, 0.88))
    canvas.label(box, "door")
    canvas.shadow((left, top, right, top + 1), 0.5)
    canvas.shadow((left, top, left + 0.7, bottom), 0.4)


def _paint_shop(canvas: _Canvas, box: Box, look: _Look, dice: _Dice):
    left, top, right, bottom = box
    canvas.fill(box, _shade(look.accent, 0.8))
    pane = (left + 0.7, top + 3, right - 0.7, bottom - 2.2)
    canvas.gradient(pane, (110, 92, 66), (250, 214, 148))
    goods = ((196, 72, 60), (70, 128, 138), (240, 232, 208), (92, 120, 70), (222, 158, 70))
    x = pane[0] + 0.3
    while x < pane[2] - 1.4:
        height = dice.uniform(0.8, 2.6)
        canvas.fill((x, pane[3] - height, x + 1.1, pane[3]), dice.choice(goods))
        x += dice.uniform(1.3, 2.0)
    canvas.polygon(
        [(pane[0] + 2, pane[1]), (pane[0] + 3.2, pane[1]), (pane[0] + 1.2, pane[3]), (pane[0], pane[3])],
        (226, 208, 172),
    )
    middle = (left + right) / 2
    canvas.fill((middle - 0.25, pane[1], middle + 0.25, pane[3]), _shade(look.accent, 0.8))
    canvas.fill((left + 0.5, bottom - 1.7, right - 0.5, bottom - 0.5), _shade(look.accent, 1.05))
    canvas.label(box, "shop")


def _paint_dormer(canvas: _Canvas, box: Box, look: _Look, dice: _Dice):
    left, top, right, bottom = box
    middle, trim = (left + right) / 2, look.style.trim
    canvas.fill((left - 0.7, top - 0.2, right + 0.7, bottom + 0.4), trim)
    _paint_window(canvas, box, look, dice)
    canvas.polygon([(left - 1.2, top), (middle, top - 1.6), (right + 1.2, top)], trim)
    canvas.polygon([(left - 0.2, top - 0.3), (middle, top - 1.1), (right + 0.2, top - 0.3)], _shade(trim, 0.8))
    canvas.label((left - 1, top - 1, right + 1, top), "cornice")
    canvas.shadow((right + 0.7, top, right + 1.9, bottom), 0.45)


# What stands out of the wall -----------------------------------------------------------------------------------------


def _cast_shadows(canvas: _Canvas, b: _Building):
    """The sun stands high on the left: shadows fall downwards and a little to the right."""

    def beneath(box: Box, length: float, depth: float):
        left, _, right, bottom = box
        canvas.shadow((left + 0.4, bottom, right + 0.4 * length, bottom + length), depth)

    for left, top, right, bottom in b.cornices():
        beneath((max(left, b.left), top, min(right, b.right) - 1, bottom), 0.8 * (bottom - top), 0.42)
    for box in b.window_heads():
        beneath(box, 1.0, 0.45)
    for box in b.sills():
        beneath(box, 1.2, 0.4)
    for box in b.balconies():
        beneath(box, 1.8, 0.5)
    for _, top, right, bottom in b.shutters():
        canvas.shadow((right, top + 0.5, right + 0.6, bottom + 0.5), 0.35)
    for left, top, right, _ in b.shop_fronts():
        canvas.shadow((left, top + 3, right + 0.5, top + 5), 0.5)
    canvas.cast_shadows()


def _paint_reliefs(canvas: _Canvas, b: _Building, look: _Look):
    trim = look.style.trim
    for box in b.shutters():
        _paint_shutter(canvas, box, look.accent)
    for box in b.window_heads() + b.cornices():
        _paint_moulding(canvas, box, trim, "cornice")
    _paint_dentils(canvas, b.top_cornice(), trim)
    for box in b.sills():
        _paint_moulding(canvas, box, trim, "sill")
    for box in b.balconies():
        _paint_balcony(canvas, box, trim)
    for box in b.shop_fronts():
        _paint_awning(canvas, box, look.accent)


def _paint_moulding(canvas: _Canvas, box: Box, trim: Colour, name: str):
    left, top, right, bottom = box
    height = bottom - top
    canvas.gradient(box, _shade(trim, 1.02), _shade(trim, 0.84))
    canvas.fill((left, top, right, top + 0.25 * height), _shade(trim, 1.06))
    canvas.fill((left, bottom - 0.2 * height, right, bottom), _shade(trim, 0.68))
    canvas.label(box, name)


def _paint_dentils(canvas: _Canvas, box: Box, trim: Colour):
    left, _, right, bottom = box
    x = left + 0.75
    while x < right - 1:
        canvas.fill((x, bottom - 0.9, x + 0.5, bottom - 0.3), _shade(trim, 0.6))
        x += 1.0


def _paint_shutter(canvas: _Canvas, box: Box, colour: Colour):
    left, top, right, bottom = box
    canvas.fill(box, _shade(colour, 0.85))
    y = top + 0.4
    while y < bottom - 0.4:
        canvas.fill((left + 0.3, y, right - 0.3, y + 0.35), _shade(colour, 1.28))
        y += 0.7
    canvas.fill((left, top, right, top + 0.25), _shade(colour, 1.2))
    canvas.label(box, "shutter")


def _paint_balcony(canvas: _Canvas, box: Box, trim: Colour):
    left, top, right, bottom = box
    x = left + 0.2
    while x < right - 0.2:
        canvas.fill((x, top, x + 0.25, bottom - 1), _IRON)
        x += 0.75
    canvas.fill((left, top, right, top + 0.4), _IRON)
    canvas.fill((left, bottom - 1.4, right, bottom - 1.1), _IRON)
    canvas.gradient((left - 0.3, bottom - 1, right + 0.3, bottom), _shade(trim, 1.04), _shade(trim, 0.74))
    canvas.label(box, "balcony")


def _paint_awning(canvas: _Canvas, shop: Box, colour: Colour):
    left, top, right, _ = shop
    cream = (246, 240, 224)
    stripes = int(right - left)
    for i in range(stripes):
        stripe = colour if i % 2 == 0 else cream
        x0, x1 = left + i * (right - left) / stripes, left + (i + 1) * (right - left) / stripes
        canvas.gradient((x0, top, x1, top + 3), _shade(stripe, 1.12), _shade(stripe, 0.92))
        canvas.half_disc((x0, top + 2.6, x1, top + 3), _shade(stripe, 0.9))
    canvas.fill((left, top, right, top + 0.4), _shade(colour, 0.7))


def _expose(photo: np.ndarray, dice: _Dice) -> np.ndarray:
    """The camera: a colour cast, light that falls off to the right, a little noise."""
    height, width = photo.shape[:2]
    cast = dice.uniform(0.96, 1.04) * (1 + 0.025 * dice.array(3))
    light = np.linspace(1.03, 0.96, width, dtype=np.float32)[None, :, None]
    grain = 2.5 * (dice.array(height, width, 1) + dice.array(height, width, 1))
    return np.clip(photo * (cast * light) + grain + 0.5, 0, 255).astype(np.uint8)
