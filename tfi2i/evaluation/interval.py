"""Confidence intervals by the bootstrap (Efron 1979): how far a number moves if other images had been drawn.

Images are resampled with replacement by a seed, so that the same numbers have the same interval.
"""

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000


def measured(values, seed=0):
    """What is said of a number that each image has: {"value", "std", "low", "high", "n"}, mean, standard deviation and
    interval over the n images. Where one is infinite, so may be the mean, and there is neither deviation nor interval.
    """
    values = np.asarray(values, np.float64)
    std = low = high = float("nan")
    if np.isfinite(values).all():
        std, (low, high) = float(values.std()), of_mean(values, seed)
    return {"value": float(values.mean()), "std": std, "low": low, "high": high, "n": len(values)}


def of_mean(values, seed=0, resamples=RESAMPLES):
    """(low, high) of the mean of `values` (N,), by percentiles; both NaN for less than two values."""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return float("nan"), float("nan")
    means = [values[chosen].mean() for chosen in resampled(len(values), seed, resamples)]
    return _percentiles(means)


def of_statistic(statistic, count, value, seed=0, resamples=RESAMPLES):
    """(low, high) of a number of a whole set, by the basic bootstrap.

    A resampled set holds images twice, which moves such a number: FID and the rank of a covariance by much, always
    upwards. The basic interval, 2 value - percentiles, turns that around; percentiles might not even hold `value`.

    Args:
        statistic: function of indices (count,) into the images -> the number.
        value: the number of all images once.
    """
    if count < 2:
        return float("nan"), float("nan")
    return basic([statistic(chosen) for chosen in resampled(count, seed, resamples)], value)


def basic(numbers, value):
    """(low, high) by the basic bootstrap of `value`, the number of all images, from those of resampled sets."""
    low, high = _percentiles(numbers)
    return 2 * value - high, 2 * value - low


def of_influences(value, influences, seed=0, resamples=RESAMPLES):
    """(low, high) of a number of several sets that were drawn apart, by percentiles of its linear part.

    Args:
        value: the number.
        influences: for each set, (count,): how much one image more of a kind moves the number, times the count.
    """
    if min(map(len, influences)) < 2:
        return float("nan"), float("nan")
    moved = np.zeros(resamples)
    for k, of_set in enumerate(influences):
        centred = np.asarray(of_set, np.float64) - np.mean(of_set)
        moved += [centred[chosen].mean() for chosen in resampled(len(centred), (seed, k), resamples)]
    low, high = _percentiles(moved)
    return value + low, value + high


def of_resamples(value, numbers):
    """(low, high): as far from `value` as resampled `numbers` spread about their mean."""
    low, high = _percentiles(np.asarray(numbers) - np.mean(numbers))
    return value + low, value + high


def resampled(count, seed, resamples):
    """Yields `resamples` times indices (count,) drawn from range(count) with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield rng.integers(0, count, count)


def _percentiles(numbers):
    outside = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(numbers, [outside, 100 - outside])
    return float(low), float(high)
