"""The Inception score and its conditional form, from the probabilities of classes that a classifier gives to images.

IS (Salimans et al. 2016) is exp of the mean of KL(p(y|x) || p(y)), p(y) being the mean of p(y|x): above 1 as far as
images are each of one class and together of many. It is computed in 10 splits as everywhere, and grows with their size:
published ones are of 50,000 images.

CIS (Huang et al. 2018, MUNIT, eq. 13 and sec. 6.2) compares the outputs of each input with one another: the mean of
KL(p(y2|x12) || p(y2|x1)), p(y2|x1) being the mean over the outputs of the input x1. Beside it MUNIT prints as IS (eq.
14) the mean of KL(p(y2|x12) || p(y2)) over all outputs. Both are in nats, without exp, and the classifier was one of the
target domain's classes.
"""

import numpy as np

from tfi2i.errors import UserError
from tfi2i.evaluation import interval

SPLITS = 10
RESAMPLES = 1000


def inception_score(probabilities, splits=SPLITS, seed=0):
    """IS of probabilities (N, classes): {"value", "low", "high", "n", "std", "splits"}, the std over the splits.

    The splits are N / splits images in turn, as in OpenAI's program. Fewer than two images a split: fewer splits, and
    a "remark".

    Raises: `UserError` for fewer than two images, and for what are no probabilities.
    """
    p = _probabilities(probabilities, 2)
    count = len(p)
    if count < 2:
        raise UserError(f"IS (expected at least 2 images, received {count}); give more images")
    used = min(splits, count // 2)
    parts = np.array_split(p, used)
    scores = [np.exp(_divergence(part).mean()) for part in parts]
    resampled = np.mean([_resampled_scores(part, (seed, k)) for k, part in enumerate(parts)], axis=0)
    value = float(np.mean(scores))
    low, high = interval.of_resamples(value, resampled)
    found = {
        "value": value,
        "low": max(1.0, low),
        "high": high,
        "n": count,
        "std": float(np.std(scores)),
        "splits": used,
    }
    if used < splits:
        found["remark"] = (
            f"{used} instead of {splits} splits, for there are {count} images: IS is far below that of many"
        )
    return found


def conditional_inception_score(probabilities, seed=0):
    """CIS and MUNIT's IS of probabilities (inputs, outputs of each, classes): {"CIS": measured, "IS": measured}.

    Measured is {"value", "low", "high", "n", "std"} over inputs, in nats.

    Raises: `UserError` for fewer than two outputs of an input, and for what are no probabilities.
    """
    p = _probabilities(probabilities, 3)
    if p.shape[1] < 2:
        raise UserError(f"CIS (expected at least 2 outputs of each input, received {p.shape[1]}); give more styles")
    of_all = p.mean((0, 1))
    each = {
        "CIS": [_divergence(outputs).mean() for outputs in p],
        "IS": [_divergence(outputs, of_all).mean() for outputs in p],
    }
    found = {}
    for name, values in each.items():
        low, high = interval.of_mean(values, seed)
        found[name] = {"value": float(np.mean(values)), "low": low, "high": high, "n": len(values)}
        found[name]["std"] = float(np.std(values))
    return found


def softmax(logits):
    """Probabilities (..., classes), float64."""
    exponents = np.asarray(logits, np.float64)
    powers = np.exp(exponents - exponents.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _divergence(p, reference=None):
    """KL(p || reference) of each row (N, classes), in nats; the reference is the rows' mean unless another is given."""
    reference = p.mean(0) if reference is None else reference
    return np.sum(_p_log_p(p), -1) - p @ _log(reference)


def _resampled_scores(p, seed):
    """IS of sets drawn with replacement from one split: exp of the mean of sum p log p, less sum m log m of the mean m."""
    counts = np.random.default_rng(seed).multinomial(len(p), np.full(len(p), 1 / len(p)), RESAMPLES) / len(p)
    return np.exp(counts @ np.sum(_p_log_p(p), -1) - np.sum(_p_log_p(counts @ p), -1))


def _p_log_p(p):
    return p * _log(p)


def _log(p):
    return np.log(np.where(p > 0, p, 1.0))  # 0 log 0 is 0


def _probabilities(p, dimensions):
    p = np.asarray(p, np.float64)
    if p.ndim != dimensions or not p.size:
        raise UserError(
            f"the Inception score (expected probabilities of {dimensions} dimensions, the last one the classes, received "
            f"{' x '.join(map(str, p.shape))})"
        )
    if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(-1), 1.0, atol=1e-3)):
        raise UserError(
            "the Inception score (expected probabilities, which are finite, not negative and sum to 1, received others); "
            "give the softmax of logits"
        )
    return p
