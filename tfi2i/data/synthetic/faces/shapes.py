"""Shapes of a face that `Frame` has not: bows, crescents and rounded rectangles, by their distance or coverage."""

import numpy as np

from tfi2i.data.synthetic.picture import Frame

Layer = tuple[np.ndarray, np.ndarray, float]  # coverage, colour, opacity


def bow(at: Frame, half: float, sag: float, width: float, blur: float = 0.0) -> np.ndarray:
    """A parabola's arc as a line with round ends, from (-half, 0) to (half, 0), its middle `sag` lower."""
    share = np.clip(at.x / half, -1, 1)
    slope = -2 * sag * share / half
    off = (at.y - sag * (1 - share * share)) / np.sqrt(1 + slope * slope)
    return at.cover(np.hypot(off, np.maximum(np.abs(at.x) - half, 0)) - width / 2, blur)


def crescent(at: Frame, half: float, top: float, bottom: float, corner: float = 0.0) -> np.ndarray:
    """Between two parabolas that meet at (-half, corner) and (half, corner); in the middle, `top` and `bottom` high."""
    rest = 1 - (at.x / half) ** 2
    steepness = 2 * np.clip(np.abs(at.x), 0, half) / half**2

    def beyond(middle: float, sign: int) -> np.ndarray:
        line = corner + (middle - corner) * rest
        return sign * (at.y - line) / np.sqrt(1 + ((middle - corner) * steepness) ** 2)

    return at.cover(np.maximum(beyond(top, -1), beyond(bottom, 1)))


def rounded(at: Frame, half_width: float, half_height: float, radius: float) -> np.ndarray:
    """Signed distance to a rectangle about the origin whose corners are rounded."""
    across = np.abs(at.x) - half_width + radius
    down = np.abs(at.y) - half_height + radius
    return np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(np.maximum(across, down), 0) - radius
