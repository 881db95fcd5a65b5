"""What landscapes and faces are painted on: coverage of shapes computed at the final size, antialiased by distance."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Points = list[tuple[float, float]]

UNITS = 64
LUMA = np.array((0.299, 0.587, 0.114))


class Frame:
    """A system of coordinates over the pixels, and the shapes in it.

    Shapes return how much of each pixel they cover, float32 (size, size) in [0, 1]. The coordinates say where each
    pixel's centre lies; the frame of the whole picture measures in units, 1/64 of the image's side.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, pixel: float):
        self.x, self.y = x, y
        self.pixel = pixel  # its side

    def placed(self, x: float, y: float, scale: float = 1.0, tilt: float = 0.0) -> "Frame":
        """The frame with its origin at (x, y), `scale` times as large, turned clockwise by `tilt` radians."""
        across, down = (self.x - x) / scale, (self.y - y) / scale
        cos, sin = math.cos(tilt), math.sin(tilt)
        return Frame(cos * across + sin * down, cos * down - sin * across, self.pixel / scale)

    def cover(self, distance: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """Coverage from the signed distance to an outline, negative inside; the edge is one pixel or `blur` wide."""
        return np.clip(0.5 - distance / max(self.pixel, blur), 0, 1)

    def ellipse(self, x: float, y: float, rx: float, ry: float, blur: float = 0.0) -> np.ndarray:
        u, v = (self.x - x) / rx, (self.y - y) / ry
        radius = np.sqrt(u * u + v * v) + 1e-6
        slope = np.sqrt((u / rx) ** 2 + (v / ry) ** 2) + 1e-6
        return self.cover(radius * (radius - 1) / slope, blur)

    def convex(self, points: Points, blur: float = 0.0) -> np.ndarray:
        """A convex polygon; its corners are given clockwise as seen."""
        edges = zip(points, [*points[1:], points[0]], strict=True)
        return self.cover(np.maximum.reduce([self._beyond(*edge) for edge in edges]), blur)

    def _beyond(self, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
        """Distance to the left of the line from start to end, which is outside when one goes clockwise."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        return ((self.x - start[0]) * dy - (self.y - start[1]) * dx) / math.hypot(dx, dy)

    def box(self, left: float, top: float, right: float, bottom: float) -> np.ndarray:
        return self.convex([(left, top), (right, top), (right, bottom), (left, bottom)])

    def stroke(
        self, start: tuple[float, float], end: tuple[float, float], width: float, blur: float = 0.0
    ) -> np.ndarray:
        """A line with round ends."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        x, y = self.x - start[0], self.y - start[1]
        along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), 0, 1)
        return self.cover(np.hypot(x - along * dx, y - along * dy) - width / 2, blur)

    def polylines(self, lines: Sequence[Sequence[tuple[float, float]]], width: float, blur: float = 0.0) -> np.ndarray:
        """Lines through several points each, with round ends and corners."""
        pieces = np.array([piece for line in lines for piece in pairwise(line)], np.float32)
        start, end = pieces.transpose(1, 2, 0)[..., None, None]  # each (2, N, 1, 1)
        return self.stroke(start, end, width, blur).max(axis=0)

    def under(self, height: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """What lies below a line whose `height` is given at every x."""
        return self.cover((height - self.y) / np.sqrt(1 + np.gradient(height, self.x[0], axis=1) ** 2), blur)


class Picture(Frame):
    """The whole picture, float32 RGB in [0, 255], and its frame."""

    def __init__(self, size: int):
        centres = ((np.arange(size) + 0.5) * (UNITS / size)).astype(np.float32)
        super().__init__(centres[None, :], centres[:, None], UNITS / size)
        self.rgb = np.zeros((size, size, 3), np.float32)

    def fill(self, coverage: np.ndarray, colour, opacity: float = 1.0):
        """Paint over what is covered; `colour` is RGB or an array of it that broadcasts to the picture."""
        rows, columns = (np.flatnonzero(coverage.any(axis)) for axis in (1, 0))
        if not len(rows):
            return
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # most shapes are small
        colour = np.broadcast_to(np.asarray(colour, np.float32), self.rgb.shape)
        self.rgb[box] += (opacity * coverage[box])[..., None] * (colour[box] - self.rgb[box])

    def pixels(self) -> np.ndarray:
        return np.clip(self.rgb + 0.5, 0, 255).astype(np.uint8)


def blend(a, b, share) -> np.ndarray:
    """Colours from `a` (share 0) to `b` (share 1); `share` may be an array, a colour for each of its elements."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return a + (b - a) * np.asarray(share, np.float32)[..., None]


def coloured(luma: float, hue: float, strength: float) -> np.ndarray:
    """RGB of this luma (ITU-R BT.601) and hue in radians; `strength` is cut to what there is room for in RGB."""
    chroma = np.cos(hue - np.arange(3) * (2 * math.pi / 3))
    chroma -= chroma @ LUMA
    room = np.min(np.where(chroma > 0, 255 - luma, luma) / (np.abs(chroma) + 1e-9))
    return (luma + min(room, strength) * chroma).astype(np.float32)


def to_joint(across: np.ndarray, period: float) -> np.ndarray:
    """Distance to the nearest joint of bricks or boards, the middles of which are the multiples of a period."""
    return period / 2 - np.abs(across - period * np.round(across / period))
