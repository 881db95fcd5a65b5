"""How alike two pictures of one thing are: L1, PSNR, SSIM and MS-SSIM, one pair at a time, in NumPy.

A picture is uint8 (H, W, 3 or 1), or floats in [-1, 1], which are not rounded. `crop` pixels of border are left out of
both before anything else. `METRICS` says of each number what it means and how it is measured.

Raises everywhere: `UserError` for two shapes, a border that leaves nothing, values that are not finite, and pictures
smaller than the metric's windows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d

from tfi2i.errors import UserError

K1, K2 = 0.01, 0.03
UNIFORM = np.full(7, 1 / 7)
GAUSSIAN = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
GAUSSIAN /= GAUSSIAN.sum()
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # MS-SSIM's weights, the finest first
MS_SSIM_LEAST = 161  # halved four times, rounded up each time: 11


def l1(x, y, crop=0):
    """Mean absolute difference in units of [-1, 1]: 0 for equal pictures, at most 2."""
    x, y = _both(x, y, crop)
    return float(np.mean(np.abs(x - y)))


def around_the_edit(image, fake, truth):
    """Of an edit whose truth is known {"l1_edit": where it differs from the image, "l1_copy": what the image itself has
    there, "l1_rest": where nothing should change}; what is nowhere is left out."""
    changed = np.any(image != truth, -1)
    found = {"l1_rest": l1(fake[~changed], truth[~changed])} if not changed.all() else {}
    if changed.any():
        found |= {"l1_edit": l1(fake[changed], truth[changed]), "l1_copy": l1(image[changed], truth[changed])}
    return found


def psnr(x, y, crop=0):
    """Peak signal-to-noise ratio in dB over pixels and channels, 10 log10(2^2 / MSE); inf for equal pictures."""
    x, y = _both(x, y, crop)
    return _decibel(np.mean(np.square(x - y)), peak=2.0)


def psnr_y(x, y, crop=0):
    """PSNR in dB on Y of YCbCr (see `luma_y`), 10 log10(255^2 / MSE); inf for equal pictures. RGB alone."""
    x, y = _both_y(x, y, crop)
    return _decibel(np.mean(np.square(x - y)), peak=255.0)


def ssim(x, y, crop=0):
    """Structural similarity (Wang et al. 2004, eq. 13) of the grey pictures, 1 for equal ones.

    Every window of 7 x 7 pixels that lies inside the picture counts alike, with unbiased variances: what scikit-image
    computes by default. Colour is reduced to luma (ITU-R BT.601), and that to [0, 1], black at 0: the formula compares
    mean luminances, and would give another number around another zero.
    """
    x, y = ((grey(image) + 1.0) / 2.0 for image in _both(x, y, crop))
    luminance, structure = _compared(x, y, UNIFORM, unbiased=True, name="SSIM")
    return float(np.mean(luminance * structure))


def ssim_rgb(x, y, crop=0):
    """Structural similarity as its paper measures it (Wang et al. 2004, sec. III-C), the mean of the channels.

    Windows of 11 x 11 pixels that lie inside, weighted by a Gaussian of sigma 1.5, with biased variances; channels in
    [0, 1].
    """
    x, y = ((image + 1.0) / 2.0 for image in _both(x, y, crop))
    luminance, structure = _compared(x, y, GAUSSIAN, name="SSIM_RGB")
    return float(np.mean(luminance * structure))


def ssim_y(x, y, crop=0):
    """`ssim_rgb` on Y of YCbCr (see `luma_y`) instead, with a range of 255. RGB alone."""
    x, y = (image / 255.0 for image in _both_y(x, y, crop))
    luminance, structure = _compared(x, y, GAUSSIAN, name="SSIM_Y")
    return float(np.mean(luminance * structure))


def ms_ssim(x, y, crop=0):
    """Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003, eq. 7), the mean of the channels.

    Contrast and structure at five scales and luminance at the coarsest, each to the power of its weight in `SCALES`, in
    the windows of `ssim_rgb`; from scale to scale the mean of 2 x 2 pixels, the last row or column twice where the side
    is odd. A negative contrast counts as 0. Equal to `tf.image.ssim_multiscale`.
    """
    x, y = ((image + 1.0) / 2.0 for image in _both(x, y, crop))
    _check_side(x, MS_SSIM_LEAST, "MS-SSIM")
    product = 1.0
    for k, weight in enumerate(SCALES):
        if k:
            x, y = _halved(x), _halved(y)
        luminance, structure = _compared(x, y, GAUSSIAN, name="MS-SSIM")
        last = k == len(SCALES) - 1
        alike = np.mean(luminance * structure if last else structure, axis=(0, 1))
        product = product * np.maximum(alike, 0.0) ** weight
    return float(np.mean(product))


def grey(image):
    """(H, W) luma, ITU-R BT.601, of numbers (H, W, 1 or 3), in their range."""
    image = np.asarray(image, np.float64)
    return image[..., 0] if image.shape[-1] == 1 else image @ np.array([0.299, 0.587, 0.114])


def luma_y(image):
    """float64 (H, W) in [16, 235]: Y of ITU-R BT.601 YCbCr as MATLAB's `rgb2ycbcr`, not rounded, of an RGB picture.

    MATLAB rounds Y of uint8 images; bicubic x4 of Set5 then has 28.42 dB and SSIM 0.8102 instead of 28.43 and 0.8111.
    """
    return 16.0 + (signed(image) + 1.0) / 2.0 @ np.array([65.481, 128.553, 24.966])


def signed(image):
    """float64 in [-1, 1] of a picture."""
    image = np.asarray(image)
    return image / 127.5 - 1.0 if image.dtype == np.uint8 else image.astype(np.float64)


def check_alike(x, y):
    """Raises `UserError` unless two pictures, or two batches, are of one shape and hold finite numbers."""
    if np.shape(x) != np.shape(y):
        raise UserError(
            "two pictures cannot be compared (expected the same height, width and channels, received "
            f"{_shown(x)} and {_shown(y)}); resize one, or give both as many channels"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError("a picture holds NaN or infinity (expected numbers in [-1, 1], or uint8); mend what made it")


def _both(x, y, crop):
    """Both pictures `signed` and without their border, when they are fit to be compared."""
    check_alike(x, y)
    if min(np.shape(x)[:2]) <= 2 * crop:
        raise UserError(
            f"two pictures cannot be compared without a border of {crop} pixels (expected more than {2 * crop} x "
            f"{2 * crop}, received {_shown(x)}); take larger ones or a smaller border"
        )
    x, y = signed(x), signed(y)
    if crop:
        x, y = (image[crop:-crop, crop:-crop] for image in (x, y))
    return x, y


def _both_y(x, y, crop):
    x, y = _both(x, y, crop)
    if x.shape[2:] != (3,):
        raise UserError(f"Y of YCbCr is of colour (expected 3 channels, received {_shown(x)}); measure PSNR and SSIM")
    return luma_y(x), luma_y(y)


def _shown(image):
    return " x ".join(map(str, np.shape(image)))


def _check_side(image, least, name):
    if min(image.shape[:2]) < least:
        raise UserError(
            f"{name} needs at least {least} x {least} pixels within the border (received {image.shape[0]} x "
            f"{image.shape[1]}); take larger pictures or leave {name} out"
        )


def _decibel(mse, peak):
    return float(10.0 * np.log10(peak**2 / mse)) if mse > 0 else float("inf")


def _compared(x, y, weights, name, unbiased=False):
    """The two factors of SSIM in each window, likeness of luminances and of contrasts and structures, for [0, 1]."""
    _check_side(x, len(weights), name)
    mean_x, mean_y = _windowed(x, weights), _windowed(y, weights)
    variances = _windowed(x * x + y * y, weights) - mean_x**2 - mean_y**2
    covariance = _windowed(x * y, weights) - mean_x * mean_y
    if unbiased:
        pixels = len(weights) ** 2
        variances, covariance = (moment * pixels / (pixels - 1) for moment in (variances, covariance))
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _windowed(image, weights):
    """The weighted mean of each window that lies inside; the weights are those of its rows, and of its columns."""
    margin = len(weights) // 2
    image = correlate1d(image, weights, 0)[margin:-margin]
    return correlate1d(image, weights, 1)[:, margin:-margin]


def _halved(image):
    (height, width), rest = image.shape[:2], image.shape[2:]
    image = np.pad(image, [(0, height % 2), (0, width % 2), (0, 0)], "symmetric")
    height, width = (side // 2 for side in image.shape[:2])
    return image.reshape(height, 2, width, 2, *rest).mean((1, 3))


@dataclass(frozen=True)
class Metric:
    """A number of two pictures, and what there is to say of it.

    measure: function (x, y, crop) -> number.
    unit: "" for a pure number. low, high: the ends of its range. better: "lower" or "higher".
    least: the smallest side, within the border, of a picture that it can be measured on.
    protocol: how it is measured, in one line.
    """

    measure: Callable
    unit: str
    low: float
    high: float
    better: str
    least: int
    protocol: str

    def __call__(self, x, y, crop=0):
        return self.measure(x, y, crop)


_WANG = "11 x 11 Gaussian window of sigma 1.5"
_Y = "Y of YCbCr as MATLAB's, not rounded"
_INF = float("inf")
METRICS = {
    "L1": Metric(l1, "", 0, 2, "lower", 1, "mean absolute difference on [-1, 1]"),
    "PSNR": Metric(psnr, "dB", 0, _INF, "higher", 1, "over RGB"),
    "SSIM": Metric(ssim, "", -1, 1, "higher", 7, "on luma, 7 x 7 uniform window"),
    "SSIM_RGB": Metric(ssim_rgb, "", -1, 1, "higher", 11, f"mean of R, G and B, {_WANG}"),
    "MS-SSIM": Metric(ms_ssim, "", 0, 1, "higher", MS_SSIM_LEAST, f"mean of R, G and B, five scales, {_WANG}"),
    "PSNR_Y": Metric(psnr_y, "dB", 0, _INF, "higher", 1, f"on {_Y}, peak 255"),
    "SSIM_Y": Metric(ssim_y, "", -1, 1, "higher", 11, f"on {_Y}, range 255, {_WANG}"),
}
