"""The Inception score and its conditional form, from the logits that a classifier gives to images.

Logarithms of probabilities are logits, too.

IS (Salimans et al. 2016) is exp of the mean of KL(p(y|x) || p(y)), p(y) being the mean of p(y|x): above 1 as far as
images are each of one class and together of many. It is computed in 10 splits as everywhere, and grows with their size:
published ones are of 50,000 images.

CIS (Huang et al. 2018, MUNIT, eq. 13 and sec. 6.2) compares the outputs of each input with one another: the mean of
KL(p(y2|x12) || p(y2|x1)), p(y2|x1) being the mean over the outputs of the input x1. Beside it MUNIT prints as IS (eq.
14) the mean of KL(p(y2|x12) || p(y2)) over all outputs. Both are in nats, without exp, and the classifier was one of
the target domain's classes.
"""

import numpy as np

from tfi2i.errors import UserError
from tfi2i.evaluation import interval

SPLITS = 10
RESAMPLES = 1000


def inception_score(logits, splits=SPLITS, seed=0):
    """IS of logits (N, classes), read split by split: {"value", "low", "high", "n", "std", "splits"}, std over splits.

    The splits follow one another, as in OpenAI's program. Of fewer than two images a split there are fewer splits, and
    a "remark".

    Raises: `UserError` for fewer than two images, and for logits that aren't finite.
    """
    count = len(logits)
    if count < 2:
        raise UserError(f"IS (expected at least 2 images, received {count}); give more images")
    used = min(splits, count // 2)
    scores, resampled = [], []
    for k in range(used):
        p = _softmax(logits[k * count // used : (k + 1) * count // used], 2)
        scores.append(np.exp(_divergence(p).mean()))
        resampled.append(_resampled_scores(p, (seed, k)))
    value = float(np.mean(scores))
    low, high = interval.of_resamples(value, np.mean(resampled, axis=0))
    found = {"value": value, "low": max(1.0, low), "high": high, "n": count}
    found |= {"std": float(np.std(scores)), "splits": used}
    if used < splits:
        found["remark"] = (
            f"{used} splits instead of {splits}, for there are {count} images; IS is far below that of many"
        )
    return found


def conditional_inception_score(logits, seed=0):
    """CIS and MUNIT's IS of logits (inputs, outputs of each, classes): {"CIS": measured, "IS": measured}.

    Measured is {"value", "low", "high", "n", "std"} over inputs, in nats.

    Raises: `UserError` for fewer than two outputs of an input, and for logits that aren't finite.
    """
    p = _softmax(logits, 3)
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


def _divergence(p, reference=None):
    """KL(p || reference) of each row (N, classes), in nats; the reference is the rows' mean unless another is given."""
    reference = p.mean(0) if reference is None else reference
    return np.sum(_p_log_p(p), -1) - p @ _log(reference)


def _resampled_scores(p, seed):
    """IS of sets drawn with replacement from a split: exp of the mean of p log p less m log m of their mean."""
    counts = np.random.default_rng(seed).multinomial(len(p), np.full(len(p), 1 / len(p)), RESAMPLES) / len(p)
    return np.exp(counts @ np.sum(_p_log_p(p), -1) - np.sum(_p_log_p(counts @ p), -1))


def _p_log_p(p):
    return p * _log(p)


def _log(p):
    return np.log(np.where(p > 0, p, 1.0))  # 0 log 0 is 0


def _softmax(logits, dimensions):
    logits = np.asarray(logits, np.float64)
    shape = " x ".join(map(str, logits.shape))
    if logits.ndim != dimensions or not logits.size:
        raise UserError(
            f"the Inception score (expected {dimensions} dimensions of logits, the last for classes, received {shape})"
        )
    largest = logits.max(-1, keepdims=True)
    if not np.isfinite(largest).all():  # a logit may be -inf, of a class without probability, but not all of an image
        raise UserError(f"the Inception score (expected finite logits, received NaN or infinity among {shape})")
    powers = np.exp(logits - largest)
    return powers / powers.sum(-1, keepdims=True)
