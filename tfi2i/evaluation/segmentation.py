"""Translations of and to label maps, measured by classes (Isola et al. 2017, sec. 4.1; Zhu et al. 2017, sec. 5.1.2).

Labels to photo, the "FCN score": a segmenter reads the translated photo, and its classes are compared with the label
map that the photo was made of; what it reads in the real photo is the ceiling, `..._real`. Photo to labels: the
translated label map is itself brought to classes, by the palette's nearest colour, and compared with the true one.

The metrics are those of Long et al. 2015, sec. 5, with n_ij the pixels of class i that are taken for j, t_i those of
class i, summed over all images as in the papers; classes without a pixel in the truth are left out of the means:

    per_pixel    sum_i n_ii / sum_i t_i
    per_class    mean over i of n_ii / t_i                                    (mean accuracy)
    class_iou    mean over i of n_ii / (t_i + sum_j n_ji - n_ii)              (mean intersection over union)
"""

from itertools import islice

import numpy as np

from tfi2i.data.images import resize, to_uint8, with_channels
from tfi2i.data.prepared import to_pixels
from tfi2i.errors import UserError
from tfi2i.evaluation import interval

METRICS = ("per_pixel", "per_class", "class_iou")


def confusion(truth, predicted, count):
    """Pixels by their class in the truth (rows) and in a prediction (columns), int64 (count, count).

    Args:
        truth: integers (H, W); below 0 a pixel is left out.
        predicted: integers (H, W) in 0..count-1.

    Raises: `UserError` where the sizes differ.
    """
    if truth.shape != predicted.shape:
        raise UserError(
            f"a label map and a prediction differ in size (expected {_size(truth)}, received {_size(predicted)})"
        )
    counted = truth >= 0
    pairs = truth[counted].astype(np.int64) * count + predicted[counted]
    return np.bincount(pairs, minlength=count * count).reshape(count, count)


def scores(matrix):
    """float64 (..., 3), `METRICS` of confusion matrices (..., K, K); 0 of empty ones."""
    right, true, taken = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1), matrix.sum(-2)
    occurs = true > 0
    accuracy, iou = right / np.maximum(true, 1), right / np.maximum(true + taken - right, 1)
    means = [np.where(occurs, share, 0).sum(-1) / np.maximum(occurs.sum(-1), 1) for share in (accuracy, iou)]
    return np.stack([right.sum(-1) / np.maximum(true.sum(-1), 1), *means], -1)


def measured(matrices):
    """{metric: {"value", "low", "high", "n"}} of the sum of confusion matrices, one (K, K) an image.

    The interval is a bootstrap over images. Raises: `UserError` where there is no image, or a single class.
    """
    count = len(matrices)
    if not count:
        raise UserError("no images to compare with label maps (expected one at least, received none)")
    matrices = np.stack(matrices)
    occurring, classes = int((matrices.sum((0, 2)) > 0).sum()), matrices.shape[1]
    if occurring < 2:
        raise UserError(
            f"the label maps of {count} images hold {occurring} of {classes} classes (expected two at least: of one, "
            "every answer is right); look at the label maps and their palette"
        )
    value = scores(matrices.sum(0))
    drawn = np.concatenate([scores(some) for some in _resampled(matrices)])
    found = {}
    for k, name in enumerate(METRICS):
        # The basic interval of a number near 1 may leave what is possible.
        ends = np.clip(interval.basic(drawn[:, k], value[k]), 0, 1) if count > 1 else (np.nan, np.nan)
        found[name] = {"value": float(value[k]), "low": float(ends[0]), "high": float(ends[1]), "n": count}
    return found


class Segmentation:
    """What `add` has seen, image by image, and its `summary`; it keeps a confusion matrix an image and no picture.

    Args:
        palette: `tfi2i.evaluation.palettes.Palette` of the label maps.
        segmenter: of `tfi2i.evaluation.segmenter`, reads photos; None: translations are label maps themselves.
        resized: bring pictures to the label maps' size where it differs, as the papers do for Cityscapes (256 x 256
            pictures, label maps of 2048 x 1024); otherwise that is an error.
    """

    def __init__(self, palette, segmenter=None, resized=False):
        self.palette, self.segmenter, self.resized = palette, segmenter, resized
        self._fake, self._real = [], []

    def add(self, labels, fake, real=None):
        """Counts one example.

        Args:
            labels: the true label map, pixels (H, W, 3).
            fake: the translation: a photo, or without a segmenter a label map; pixels or floats in [-1, 1].
            real: the true photo, where there is one; with a segmenter only.

        Raises: `UserError` where sizes differ, or a translation holds NaN.
        """
        truth = self.palette.classes(_pixels(labels))
        self._fake.append(confusion(truth, self._classes(fake, truth.shape), len(self.palette)))
        if real is not None:
            self._real.append(confusion(truth, self._classes(real, truth.shape), len(self.palette)))

    def summary(self):
        """{metric: {"value", "low", "high", "n"}}, `METRICS` of the translations and, as NAME_real, of real photos."""
        found = measured(self._fake)
        if self._real:
            found |= {f"{name}_real": numbers for name, numbers in measured(self._real).items()}
        return found

    def _classes(self, image, shape):
        pixels = _pixels(image)
        if pixels.shape[:2] != shape:
            if not self.resized:
                raise UserError(
                    f"a picture and its label map differ in size (expected {shape[0]} x {shape[1]}, received "
                    f"{_size(pixels)}); give both in one size, or have pictures resized to their label maps"
                )
            pixels = resize(pixels, *shape, "bilinear" if self.segmenter else "nearest")
        if self.segmenter:
            return self.segmenter(pixels)
        return self.palette.classes(pixels, ignore=False)


def _resampled(matrices):
    """Yields arrays (M, K, K) of the sums of the bootstrap's resampled sets of matrices (N, K, K)."""
    count, flat = len(matrices), matrices.reshape(len(matrices), -1).astype(np.float64)
    times = (np.bincount(chosen, minlength=count) for chosen in interval.resampled(count, 0, interval.RESAMPLES))
    while some := list(islice(times, 100)):
        yield (np.stack(some) @ flat).reshape(-1, *matrices.shape[1:])


def _pixels(image):
    """uint8 pixels (H, W, 3) of pixels or of floats in [-1, 1]."""
    if np.issubdtype(image.dtype, np.floating):
        if not np.isfinite(image).all():
            raise UserError("a translation holds NaN or infinity (expected numbers in [-1, 1]); look at its training")
        image = to_pixels(image)
    return with_channels(to_uint8(image), 3)


def _size(image):
    return f"{image.shape[0]} x {image.shape[1]}"
