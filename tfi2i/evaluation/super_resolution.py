"""Super-resolution, measured as its papers do: PSNR and SSIM on luma, without a border of `border` pixels.

Images are uint8 (H, W, 3). `border` is the scale in most papers: pixels there are reconstructed from half a
neighbourhood. `psnr_bicubic` and `ssim_bicubic` are those of bicubic interpolation, which a model must beat.
"""

import numpy as np

from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.data.resampling import bicubic, to_uint8
from tfi2i.directions import direction_of
from tfi2i.errors import UserError
from tfi2i.evaluation.answers import Answers, Pictures

SAMPLES = 4  # columns of the sample grid
SAMPLE_SIDE = 192  # the largest side of a picture in it
VALIDATION = 8  # test images whose PSNR decides which checkpoint is the best


def samples(model, testing):
    """A row of inputs enlarged by bicubic interpolation, one of answers, one of truths: the middle of each."""
    scale, answer = model.config.scale, answer_of(model)
    columns = []
    for i in range(min(SAMPLES, len(testing))):
        small, large = _middle(*testing[i], scale)
        columns.append([enlarged(small, scale), answer(small), large])
    return [list(row) for row in zip(*columns, strict=True)]


def score(model, testing):
    """Minus the mean PSNR of the first test images."""
    scale, answer = model.config.scale, answer_of(model)
    pairs = (testing[i] for i in range(min(VALIDATION, len(testing))))
    return -float(np.mean([psnr_y(answer(small), large, scale) for small, large in pairs]))


def answers(model, examples, stochastic=False):
    """{"x4": `Answers`}, for a scale of 4."""
    answer = answer_of(model, stochastic)
    fakes = Pictures(len(examples), lambda i: answer(examples[i][0]))
    inputs, reals = (Pictures(len(examples), lambda i, k=k: examples[i][k]) for k in (0, 1))
    return {f"x{model.config.scale}": Answers(fakes=fakes, reals=reals, inputs=inputs, paired=fakes)}


def measurement(model, examples, job, run, stochastic):
    scale, answer = model.config.scale, answer_of(model, stochastic)

    def measure(i):
        small, large = examples[i]
        interpolated, ours = enlarged(small, scale), answer(small)
        found = {"psnr_y": psnr_y(ours, large, scale), "ssim_y": ssim_y(ours, large, scale)}
        found |= {
            "psnr_bicubic": psnr_y(interpolated, large, scale),
            "ssim_bicubic": ssim_y(interpolated, large, scale),
        }
        return {f"x{scale}": found}

    protocol = (
        f"Whole images, sides cut to multiples of {scale}, smaller ones by MATLAB's bicubic; answers in 8 bits; "
        f"PSNR in dB and SSIM (11 x 11 Gaussian window) on Y of YCbCr, not rounded, without a border of {scale} "
        "pixels."
    )
    return measure, protocol


def answer_of(model, stochastic=False):
    """A function from a small image to the model's answer, both uint8."""
    direction = direction_of(model, stochastic=stochastic)
    return lambda small: to_pixels(direction(to_float(small)))


def enlarged(small, scale):
    """uint8 (H, W, 3), `scale` times larger by bicubic interpolation."""
    height, width = small.shape[:2]
    return to_uint8(bicubic(small.astype(np.float64), scale * height, scale * width))


def _middle(small, large, scale):
    """The same part of both, from the middle; of the large one at most SAMPLE_SIDE x SAMPLE_SIDE."""
    side = SAMPLE_SIDE // scale
    (top, height), (left, width) = (((n - min(n, side)) // 2, min(n, side)) for n in small.shape[:2])
    inner = large[scale * top : scale * (top + height), scale * left : scale * (left + width)]
    return small[top : top + height, left : left + width], inner


def luma_y(pixels):
    """float64 (H, W) in [16, 235]: Y of ITU-R BT.601 YCbCr as MATLAB's `rgb2ycbcr`, not rounded.

    MATLAB rounds Y of uint8 images; bicubic x4 of Set5 then has 28.42 dB and SSIM 0.8102 instead of 28.43 and 0.8111.
    """
    return 16.0 + np.asarray(pixels, np.float64) @ (np.array([65.481, 128.553, 24.966]) / 255.0)


def psnr_y(x, y, border):
    """10 log10(255^2 / MSE) in dB; inf for equal images."""
    x, y = _inner(x, y, border)
    mse = np.mean(np.square(x - y))
    return float(10.0 * np.log10(255.0**2 / mse)) if mse > 0 else float("inf")


def ssim_y(x, y, border):
    """Structural similarity (Wang et al. 2004, eq. 13 and sec. III-C), 1 for equal images.

    Windows of 11 x 11 pixels that lie inside, weighted by a Gaussian of sigma 1.5; K1 = 0.01, K2 = 0.03, range 255.
    """
    x, y = _inner(x, y, border)
    if min(x.shape) < 11:
        raise UserError(
            f"SSIM needs 11 x 11 pixels within the border of {border} (received {x.shape[0]} x {x.shape[1]})"
        )
    mean_x, mean_y = _windowed(x), _windowed(y)
    variances = _windowed(x * x) - mean_x**2 + _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float(np.mean(likeness / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))))


def _inner(x, y, border):
    if np.shape(x) != np.shape(y) or np.shape(x)[2:] != (3,) or min(np.shape(x)[:2]) <= 2 * border:
        raise UserError(
            f"two images cannot be compared without a border of {border} pixels (expected the same height and width, "
            f"more than {2 * border}, and 3 channels, received {np.shape(x)} and {np.shape(y)})"
        )
    inner = np.s_[border : len(x) - border, border : np.shape(x)[1] - border]
    return luma_y(x)[inner], luma_y(y)[inner]


def _windowed(image):
    """The weighted mean of each window."""
    weights = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, 11, axis) @ (weights / weights.sum())
    return image
