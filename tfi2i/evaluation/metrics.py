"""Distances between a translation and its target, for one pair of images at a time, in NumPy.

Images are float arrays (H, W, C) in [-1, 1].
"""

import numpy as np


def l1(x, y):
    """Mean absolute difference, in units of [-1, 1]: 0 for equal images, at most 2."""
    return float(np.mean(np.abs(np.asarray(x, np.float64) - y)))


def around_the_edit(image, fake, truth):
    """Of an edit whose truth is known {"l1_edit": where it differs from the image, "l1_copy": what the image itself has
    there, "l1_rest": where nothing should change}; what is nowhere is left out."""
    changed = np.any(image != truth, -1)
    found = {"l1_rest": l1(fake[~changed], truth[~changed])} if not changed.all() else {}
    if changed.any():
        found |= {"l1_edit": l1(fake[changed], truth[changed]), "l1_copy": l1(image[changed], truth[changed])}
    return found


def psnr(x, y):
    """Peak signal-to-noise ratio in dB over pixels and channels, 10 log10(2^2 / MSE); inf for equal images."""
    mse = np.mean(np.square(np.asarray(x, np.float64) - y))
    return float(10.0 * np.log10(4.0 / mse)) if mse > 0 else float("inf")


def ssim(x, y, window=7):
    """Structural similarity (Wang et al. 2004, eq. 13) of the grey images, 1 for equal ones.

    Every window of `window` x `window` pixels that lies inside the image counts alike, with unbiased variances and
    K1 = 0.01, K2 = 0.03: what scikit-image computes by default. Colour is reduced to luma (ITU-R BT.601), and that to
    [0, 1], black at 0: the formula compares mean luminances, and would give another number around another zero.
    """
    x, y = (grey(x) + 1.0) / 2.0, (grey(y) + 1.0) / 2.0
    if min(x.shape) < window:
        raise ValueError(f"SSIM needs images of at least {window} x {window} pixels. Received: {x.shape}")
    pixels = window * window

    def mean(image):
        return np.lib.stride_tricks.sliding_window_view(image, (window, window)).mean(axis=(-2, -1))

    mean_x, mean_y = mean(x), mean(y)
    unbiased = pixels / (pixels - 1)
    variance_x = unbiased * (mean(x * x) - mean_x * mean_x)
    variance_y = unbiased * (mean(y * y) - mean_y * mean_y)
    covariance = unbiased * (mean(x * y) - mean_x * mean_y)
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float(np.mean(likeness / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))))


def grey(image):
    """(H, W) luma of an image (H, W, 1 or 3)."""
    image = np.asarray(image, np.float64)
    return image[..., 0] if image.shape[-1] == 1 else image @ np.array([0.299, 0.587, 0.114])


METRICS = {"L1": l1, "PSNR": psnr, "SSIM": ssim}
