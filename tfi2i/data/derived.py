"""Pairs made from photos alone: the photo is B, and A is computed from it.

All three are among the tasks of pix2pix (Isola et al., 2017).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from tfi2i.data.images import to_uint8, with_channels
from tfi2i.errors import UserError

MID_GREY = 128


class DerivedPairs:
    """Pairs {"A", "B"} of a task from any source of single images {"image"}.

    B is the photo as (H, W, 3) uint8; A, uint8 too, is what the task's function makes of it. A pair depends on the
    photo, the seed and the index alone.

    Raises:
        UserError: a task that isn't in TASKS.
    """

    def __init__(self, photos: Sequence, task: str, seed: int = 0):
        if task not in TASKS:
            raise UserError(f"task (expected one of {', '.join(TASKS)}, received {task})")
        self.photos = photos
        self.task = task
        self.seed = seed

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        photo = with_channels(to_uint8(self.photos[index]["image"]), 3)
        rng = np.random.default_rng((self.seed, index))
        return {"A": TASKS[self.task](photo, rng), "B": photo}

    def name(self, index: int) -> str:
        return self.photos.name(index)


def grey_to_colour(photo: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Returns the CIE lightness L* (0 to 100 as 0 to 255) of an sRGB photo (H, W, 3) as (H, W, 1)."""
    lab = ImageCms.applyTransform(Image.fromarray(photo), _srgb_to_lab())
    return np.array(lab.getchannel("L"))[..., None]


def inpainting(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the photo (H, W, 3) with a rectangle in MID_GREY, a quarter to a half as high and as wide as it."""
    top, bottom = _hole(photo.shape[0], rng)
    left, right = _hole(photo.shape[1], rng)
    masked = photo.copy()
    masked[top:bottom, left:right] = MID_GREY
    return masked


def edges_to_photo(photo: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Returns a drawing of the edges of a photo (H, W, 3) as (H, W, 1), dark on white: the Sobel gradient of its luma.

    The strongest 2 % of the gradients are black, so that dim photos get lines too, but not the noise of even ones.
    """
    import tensorflow as tf

    with tf.device("CPU"):  # this runs in the threads that feed the accelerator
        luma = tf.constant(with_channels(photo, 1)[None], tf.float32)
        dy, dx = np.moveaxis(tf.image.sobel_edges(luma).numpy()[0], -1, 0)
    gradient = np.hypot(dy, dx)
    black = max(np.percentile(gradient, 98), 4 * 16)  # the filter answers a step of 16 levels with four times that
    return (255 - np.rint(255 * gradient / black).clip(0, 255)).astype(np.uint8)


TASKS = {"grey_to_colour": grey_to_colour, "inpainting": inpainting, "edges_to_photo": edges_to_photo}


def _hole(length: int, rng: np.random.Generator) -> tuple[int, int]:
    """Returns the start and the end of a hole in an image side of this length."""
    width = int(rng.integers(length // 4, length // 2, endpoint=True)) or 1
    start = int(rng.integers(0, length - width, endpoint=True))
    return start, start + width


@cache
def _srgb_to_lab() -> ImageCms.ImageCmsTransform:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
