"""Bicubic resampling with antialiasing, the one by which super-resolution is measured.

It is what MATLAB's `imresize` computes by default: Keys' cubic kernel with a = -0.5 (R. Keys, "Cubic Convolution
Interpolation for Digital Image Processing", IEEE TASSP 1981), stretched by 1/scale where an image becomes smaller,
pixels' centres at halves, borders mirrored. Pillow's differs near the borders, beyond which it sees nothing.
"""

from functools import lru_cache

import numpy as np

from tfi2i.errors import UserError


@lru_cache(maxsize=32)
def bicubic_matrix(size_in: int, size_out: int) -> np.ndarray:
    """The weights of one axis: float64 (size_out, size_in), read-only; every row sums to 1.

    An image (H, W) becomes (h, w) by `bicubic_matrix(H, h) @ image @ bicubic_matrix(W, w).T`.
    """
    stretch = max(size_in / size_out, 1.0)
    centres = (np.arange(size_out)[:, None] + 0.5) * (size_in / size_out) - 0.5
    reach = int(np.ceil(2 * stretch))
    taps = np.floor(centres).astype(int) + np.arange(-reach, reach + 2)
    weights = _keys((centres - taps) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    around = taps % (2 * size_in)  # the line of pixels and its mirror image, again and again
    mirrored = np.where(around < size_in, around, 2 * size_in - 1 - around)
    matrix = np.zeros((size_out, size_in))
    np.add.at(matrix, (np.arange(size_out)[:, None], mirrored), weights)
    matrix.setflags(write=False)
    return matrix


def bicubic(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A float array (H, W, C) as (height, width, C) of the same type; beside edges it overshoots the image's range."""
    return _columns(_rows(image, height), width)


def shrink(pixels: np.ndarray, scale: int) -> np.ndarray:
    """uint8 (H, W, C) as uint8 (H / scale, W / scale, C), in whole numbers after each axis as MATLAB does.

    Raises:
        UserError: a side that `scale` doesn't divide.
    """
    height, width = pixels.shape[:2]
    if height % scale or width % scale:
        raise UserError(
            f"an image cannot be made {scale} times smaller (expected sides that {scale} divides, received {height} x "
            f"{width}); crop it first"
        )
    return to_uint8(
        _columns(to_uint8(_rows(pixels.astype(np.float64), height // scale)).astype(np.float64), width // scale)
    )


def to_uint8(image: np.ndarray) -> np.ndarray:
    """The nearest of 0, 1, ..., 255; halves go up, NumPy's own would go to even."""
    return np.floor(np.clip(image, 0, 255) + 0.5).astype(np.uint8)


def _rows(image: np.ndarray, height: int) -> np.ndarray:
    return np.tensordot(bicubic_matrix(image.shape[0], height).astype(image.dtype), image, axes=1)


def _columns(image: np.ndarray, width: int) -> np.ndarray:
    return bicubic_matrix(image.shape[1], width).astype(image.dtype) @ image  # a product for each row


def _keys(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
