"""The Frechet distance between Gaussians fitted to two sets of features (Heusel et al. 2017): FID.

|m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)). With any factors C = F F^T the last trace is the sum of the
singular values of F1^T F2: real and never negative, of full precision where a covariance is singular, and without the
multiple of the identity that other programs then add. Of fewer images than features the centred ones are a factor.

The expected FID of N images falls with N towards that of the whole distribution, so two FIDs compare at equal N only.
The interval is of the FID at this N. Resampled sets hold images twice and have a higher FID, like smaller sets; so not
the sets are resampled, but what the images contribute to the number to first order (the infinitesimal jackknife, Efron
1982), whose spread is nearer to that of sets drawn anew.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from tfi2i.errors import UserError
from tfi2i.evaluation import interval

BLOCK = 2048  # rows of features in memory at a time


@dataclass(frozen=True)
class Gaussian:
    """mean (D,) and factor (D, R), both float64: the covariance is factor @ factor.T.

    centred: R is the number of images, and column i is image i without the mean over the root of R - 1. Otherwise the
        columns are orthogonal.
    """

    mean: np.ndarray
    factor: np.ndarray
    centred: bool = False

    @classmethod
    def of_moments(cls, mean, covariance):
        """Of a mean (D,) and a covariance (D, D), which may be singular."""
        values, vectors = linalg.eigh(covariance)
        kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
        factor = vectors[:, kept] * np.sqrt(values[kept])
        return cls(np.asarray(mean, np.float64), factor)

    @classmethod
    def of_features(cls, features):
        """Of at least two features (N, D), read block by block."""
        count, size = features.shape
        if count > size:
            return cls.of_moments(*moments(features))
        features = np.asarray(features, np.float64)
        mean = features.mean(0)
        return cls(mean, (features - mean).T / np.sqrt(count - 1), centred=True)


def moments(features):
    """Mean (D,) and unbiased covariance (D, D) of features (N, D), float64.

    Block by block (Chan et al. 1979), each around its own mean: sound where means are large beside deviations.
    """
    size = features.shape[1]
    count, mean, scatter = 0, np.zeros(size), np.zeros((size, size))
    for block in blocks(features):
        own = block.mean(0)
        block -= own
        moved, total = own - mean, count + len(block)
        scatter += block.T @ block + np.outer(moved, moved) * (count * len(block) / total)
        mean += moved * (len(block) / total)
        count = total
    return mean, scatter / (count - 1)


def blocks(features):
    """Float64 copies of up to `BLOCK` rows at a time."""
    for start in range(0, len(features), BLOCK):
        yield np.array(features[start : start + BLOCK], np.float64)


def distance(one, other):
    """The squared Frechet distance of two `Gaussian`s."""
    return _from(one, other, linalg.svdvals(one.factor.T @ other.factor))


def _from(one, other, singular):
    traces = np.sum(np.square(one.factor)) + np.sum(np.square(other.factor))
    return float(np.sum(np.square(one.mean - other.mean)) + traces - 2 * np.sum(singular))


def fid(real, fake, seed=0):
    """FID of two sets of features (N, D), (M, D): {"value", "low", "high", "n", "n_real"}, "remark" if N or M < D.

    Raises: `UserError` for fewer than two images in a set, for sets of different features, and where one isn't finite.
    """
    check(real, fake, "FID", least=2)
    one, other = Gaussian.of_features(real), Gaussian.of_features(fake)
    left, singular, right = linalg.svd(one.factor.T @ other.factor, full_matrices=False)
    value = max(0.0, _from(one, other, singular))
    influences = (
        _influences(real, one, other.mean, left, singular),
        _influences(fake, other, one.mean, right.T, singular),
    )
    low, high = interval.of_influences(value, influences, seed)
    found = {"value": value, "low": max(0.0, low), "high": high, "n": len(fake), "n_real": len(real)}
    if min(len(real), len(fake)) <= real.shape[1]:
        found["remark"] = (
            f"fewer images than the {real.shape[1]} features: FID is far above that of many images; compare it with "
            "FIDs of as many images only"
        )
    return found


def _influences(features, own, other_mean, vectors, singular):
    """The derivative of the distance by the weight of each image of a set, times their number N, but for a constant.

    2 (m1 - m2)(x - m1) + N / (N - 1) (|x - m1|^2 - |S^(1/2) V^T F^+ (x - m1)|^2), where V are the singular vectors on
    the set's side.
    """
    count = len(features)
    if own.centred:
        squares = np.sum(np.square(own.factor), 0) - np.square(vectors) @ singular
        return count * squares + 2 * np.sqrt(count - 1) * (own.factor.T @ (own.mean - other_mean))
    pseudoinverse = own.factor / np.sum(np.square(own.factor), 0)  # transposed
    seen = pseudoinverse @ (vectors * np.sqrt(singular))
    found = []
    for block in blocks(features):
        block -= own.mean
        squares = np.sum(np.square(block), 1) - np.sum(np.square(block @ seen), 1)
        found.append(count / (count - 1) * squares + 2 * block @ (own.mean - other_mean))
    return np.concatenate(found)


def check(real, fake, metric, least):
    """Raises `UserError` unless both are finite features of at least `least` images and of one kind."""
    for name, features in (("real", real), ("fake", fake)):
        if features.ndim != 2 or len(features) < least:
            raise UserError(
                f"{metric} of the {name} set (expected features of at least {least} images, received "
                f"{' x '.join(map(str, features.shape))}); give more images"
            )
        if not all(np.isfinite(block).all() for block in blocks(features)):
            raise UserError(f"{metric} of the {name} set (expected finite features, received NaN or infinity)")
    if real.shape[1] != fake.shape[1]:
        raise UserError(
            f"{metric} of two sets (expected features of one network, received {real.shape[1]} and {fake.shape[1]} of "
            "each image)"
        )
