"""Enlargements: bicubic interpolation, each run's answer and the truth, where a picture has most detail."""

import numpy as np
from tqdm import tqdm

from tfi2i.comparison.album import Cell, Section
from tfi2i.comparison.runs import shared_examples, spread
from tfi2i.data import images
from tfi2i.evaluation.similarity import psnr_y, ssim_y
from tfi2i.evaluation.super_resolution import answer_of, enlarged

CROP = 96  # the side of what is shown, in pixels of the truth
FRAME = np.array([255, 64, 64], np.uint8)


def sections(runs, options, album):
    """One section: the place, bicubic, answers and truth. Arguments as in `two_domains`."""
    examples, scale = shared_examples(runs, options.split, options.dataset), runs[0].job.config.scale
    indices = spread(options.count or 12, len(examples))
    rows = []
    for k, i in enumerate(indices):
        name, (small, large) = examples.name(i), examples[i]
        top, left = most_detailed(large, CROP)
        bicubic = _shown(album, name, k, "bicubic", enlarged(small, scale), large, scale, None)
        where = album.picture("crops", f"{k + 1:04d}_where", framed(large, top, left), f"{name}, the part shown framed")
        rows.append((name, [Cell("where", where), bicubic]))
    means = {}
    for run in runs:
        answer, measured = answer_of(run.load()), []
        for k, i in enumerate(tqdm(indices, run.label, disable=not options.progress, dynamic_ncols=True)):
            small, large = examples[i]
            answered = answer(small)
            measured.append((psnr_y(answered, large, scale), ssim_y(answered, large, scale)))
            rows[k][1].append(_shown(album, examples.name(i), k, run.label, answered, large, scale, run))
        psnr, ssim = np.mean(measured, axis=0)
        means[run.label] = {"PSNR": float(psnr), "SSIM": float(ssim)}
    for k, i in enumerate(indices):
        large = examples[i][1]
        picture = album.picture("crops", f"{k + 1:04d}_truth", _crop(large, large), f"{examples.name(i)}, the truth")
        rows[k][1].append(Cell("truth", picture))
    lead = (
        f"{len(indices)} pictures, x{scale}: of each the square of {CROP} px with most detail. PSNR and SSIM are those "
        f"of the whole picture, on Y, without a border of {scale} pixels."
    )
    return [
        Section("crops", f"Crops, x{scale}", lead, rows, album.sheet("sheet", rows, "all crops in one file"), means)
    ]


def most_detailed(pixels, side):
    """(top, left) of the square of `side` in which luma changes most from pixel to pixel; (0, 0) of a small picture."""
    grey = images.with_channels(pixels, 1)[..., 0].astype(np.float64)
    down, across = np.abs(np.diff(grey, axis=0, prepend=grey[:1])), np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    sums = np.pad((down + across).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    high, wide = (min(side, length) for length in grey.shape)
    windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    return tuple(int(place) for place in np.unravel_index(np.argmax(windows), windows.shape))


def framed(pixels, top, left, side=CROP):
    """A copy with a frame around a square."""
    copy, line = pixels.copy(), max(1, max(pixels.shape[:2]) // 128)
    high, wide = (min(side, length) for length in pixels.shape[:2])
    inner = copy[top + line : top + high - line, left + line : left + wide - line].copy()
    copy[top : top + high, left : left + wide] = FRAME
    copy[top + line : top + high - line, left + line : left + wide - line] = inner
    return copy


def _shown(album, name, k, label, pixels, large, scale, run):
    notes = f"{psnr_y(pixels, large, scale):.2f} dB", f"SSIM {ssim_y(pixels, large, scale):.3f}"
    file = f"{k + 1:04d}_{run.color + 1}_{label}" if run else f"{k + 1:04d}_{label}"
    return Cell(label, album.picture("crops", file, _crop(pixels, large), f"{name}, {label}"), run, notes)


def _crop(pixels, large):
    """The part of `pixels` that is the most detailed one of `large`."""
    top, left = most_detailed(large, CROP)
    return pixels[top : top + CROP, left : left + CROP]
