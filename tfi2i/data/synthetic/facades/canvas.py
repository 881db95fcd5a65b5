"""What a facade is painted on: a photo and its label map, filled together, and the textures of walls and skies."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facades.building import UNITS, Box, Points
from tfi2i.data.synthetic.facades.colours import PALETTE, Colour, mix

_CLASSES = {name: index for index, name in enumerate(PALETTE)}
_COLOURS = np.array(list(PALETTE.values()), np.uint8)


class Canvas:
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
            colour = mix(top_colour, bottom_colour, (y - top) / max(bottom - top - 1, 1))
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

    def noise(self, box: Box, dice: Dice, *cells: int) -> np.ndarray:
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

    def masonry(self, box: Box, dice: Dice, course: float, block: float) -> tuple[np.ndarray, np.ndarray]:
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
