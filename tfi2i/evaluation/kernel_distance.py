"""The kernel distance between two sets of features (Binkowski et al. 2018): KID.

The unbiased estimate of the squared maximum mean discrepancy with the kernel (x y / D + 1)^3, as the mean over random
subsets; 100 times that with its standard deviation over the subsets, as U-GAT-IT and others print it. It may be
negative where the distributions are alike.
"""

import numpy as np

from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.frechet import check

SUBSETS, SUBSET_SIZE = 100, 1000
RESAMPLES = 500
LARGEST = 10_000  # images of a set from which the interval is computed; its time grows with their square
BLOCK = 1024  # rows of a kernel matrix in memory at a time


def kid(real, fake, subsets=SUBSETS, subset_size=None, seed=0):
    """KID x 100 of two sets of features (N, D), (M, D).

    Args:
        subsets: how many pairs of subsets are drawn, each without replacement.
        subset_size: images of each; None: 1,000, or as many as the smaller set has.

    Returns: {"value", "low", "high", "n", "n_real", "std", "subsets", "subset_size"}, and "remark" where a subset is
    the whole of both sets.
    Raises: `UserError` for fewer than two images in a set, a subset larger than a set, and features that aren't finite.
    """
    check(real, fake, "KID", least=2)
    smaller = min(len(real), len(fake))
    size = min(SUBSET_SIZE, smaller) if subset_size is None else subset_size
    if not 2 <= size <= smaller:
        raise UserError(
            f"KID's subsets (expected a size of 2 to {smaller}, the images of the smaller set, received {size}); lower "
            "it or give more images"
        )
    whole = size == len(real) == len(fake)
    rng = np.random.default_rng(seed)
    distances = [
        100 * squared_mmd(_subset(real, size, rng), _subset(fake, size, rng)) for _ in range(1 if whole else subsets)
    ]
    value = float(np.mean(distances))
    low, high = interval.of_resamples(value, 100 * _resampled(real, fake, rng, seed))
    found = {"value": value, "low": low, "high": high, "n": len(fake), "n_real": len(real)}
    found |= {"std": float(np.std(distances)), "subsets": len(distances), "subset_size": size}
    if whole:
        found["remark"] = "one subset, the whole of both sets: there are no others of this size, and no std over them"
    return found


def _resampled(real, fake, rng, seed):
    """Of more than `LARGEST` images as many are taken, and what the estimate then moves more is taken back."""
    real_part, fake_part = (_subset(features, min(LARGEST, len(features)), rng) for features in (real, fake))
    share = min(len(real_part) / len(real), len(fake_part) / len(fake))
    numbers = resampled_mmds(real_part, fake_part, RESAMPLES, seed)
    return numbers[np.isfinite(numbers)] * np.sqrt(share)


def resampled_mmds(x, y, resamples, seed):
    """(resamples,): the estimate of sets drawn with replacement from features (N, D), (M, D).

    An image is not compared with its own copies either; the estimate would be biased upwards. NaN where a set holds
    copies of one image alone, which only happens to sets of very few.
    """
    rng = np.random.default_rng(seed)
    counts = [rng.multinomial(len(f), np.full(len(f), 1 / len(f)), resamples).T.astype(np.float64) for f in (x, y)]
    return _within(x, counts[0]) + _within(y, counts[1]) - 2 * _between(x, y, *counts)


def _within(x, counts):
    """Mean kernel of two different images, for each column of counts (N, R)."""
    total = np.zeros(counts.shape[1])
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        block = kernel(x[rows], x)
        block[np.arange(len(block)), np.arange(start, start + len(block))] = 0.0
        total += np.sum(counts[rows] * (block @ counts), 0)
    with np.errstate(invalid="ignore"):  # NaN for copies of one image alone
        return total / (len(x) ** 2 - np.sum(np.square(counts), 0))


def _between(x, y, counts_x, counts_y):
    total = np.zeros(counts_x.shape[1])
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        total += np.sum(counts_x[rows] * (kernel(x[rows], y) @ counts_y), 0)
    return total / (len(x) * len(y))


def _subset(features, size, rng):
    return features[np.sort(rng.choice(len(features), size, replace=False))].astype(np.float64)


def squared_mmd(x, y):
    """The unbiased estimate from features (N, D), (M, D), float64: no image is compared with itself."""
    n, m = len(x), len(y)
    within_x, within_y, between = kernel(x, x), kernel(y, y), kernel(x, y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
        + (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
        - 2 * between.mean()
    )


def kernel(x, y):
    """(N, M) of features (N, D), (M, D)."""
    return (np.asarray(x, np.float64) @ np.asarray(y, np.float64).T / x.shape[1] + 1) ** 3
