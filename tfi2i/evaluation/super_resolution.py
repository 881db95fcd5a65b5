"""Super-resolution, measured as its papers do: PSNR and SSIM on luma, without a border as wide as the scale.

Images are uint8 (H, W, 3). Pixels of the border are reconstructed from half a neighbourhood. `psnr_bicubic` and
`ssim_bicubic` are those of bicubic interpolation, which a model must beat.
"""

import numpy as np

from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.data.resampling import bicubic, to_uint8
from tfi2i.directions import direction_of
from tfi2i.evaluation.answers import Answers, Pictures
from tfi2i.evaluation.similarity import psnr_y, ssim_y

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
