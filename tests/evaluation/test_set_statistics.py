"""FID, KID, IS and CIS from given features and logits: closed forms, scipy, direct sums, and other packages' numbers.

CLEAN_FID, TORCHMETRICS and so on are what those packages' formulas (clean-fid 0.1.35, torchmetrics 1.9.0 in float64,
torch-fidelity 0.4.0 without shuffling) gave for the arrays of `two_sets` and `some_logits`.
"""

import numpy as np
import pytest
from scipy import linalg

from tfi2i.errors import UserError
from tfi2i.evaluation import frechet, interval, kernel_distance
from tfi2i.evaluation.frechet import Gaussian, distance, fid, moments
from tfi2i.evaluation.inception_score import conditional_inception_score, inception_score
from tfi2i.evaluation.kernel_distance import kid, resampled_mmds, squared_mmd


def two_sets(real=150, fake=120, size=48):
    """Correlated features that are never negative, as the network's."""
    rng = np.random.default_rng(3)
    mixing = rng.standard_normal((2, 30, size))
    return [
        np.maximum(rng.standard_normal((count, 30)) @ mixing[0] * scale + 0.1 * mixing[1, 0] + shift, 0.0)
        for count, scale, shift in ((real, 1.0, 0.0), (fake, 0.9, 0.3))
    ]


def some_logits(count=103, classes=20):
    return 2.0 * np.random.default_rng(4).standard_normal((count, classes))


CLEAN_FID, TORCHMETRICS_FID = 73.12376854369711, 73.12376854369757
CLEAN_FID_KID, TORCHMETRICS_KID = 30.13948829367582, 30.13948829367564  # of the first 120 images of each
TORCH_FIDELITY_IS = 2.6191511256455327, 0.2690967080489066


def gaussian(seed, size=7, rank=7):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((size, rank))
    return rng.standard_normal(size), factor @ factor.T


def by_scipy(mean, covariance, other_mean, other_covariance):
    root = linalg.sqrtm(covariance @ other_covariance).real
    return np.sum((mean - other_mean) ** 2) + np.trace(covariance + other_covariance - 2 * root)


def test_distance_of_diagonal_gaussians():
    a, b = np.array([1.0, 4.0, 0.0, 9.0]), np.array([4.0, 4.0, 1.0, 0.25])  # variances; they add up axis by axis
    expected = 3.0**2 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    one = Gaussian.of_moments(np.zeros(4), np.diag(a))
    other = Gaussian.of_moments(np.array([0.0, 3.0, 0.0, 0.0]), np.diag(b))
    assert distance(one, other) == pytest.approx(expected, abs=1e-12)


def test_distance_of_commuting_gaussians():
    turned = linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    a, b = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([5.0, 0.5, 3.0, 0.0, 1.0])
    one, other = (Gaussian.of_moments(np.ones(5), turned * values @ turned.T) for values in (a, b))
    assert distance(one, other) == pytest.approx(np.sum((np.sqrt(a) - np.sqrt(b)) ** 2), abs=1e-9)


def test_distance_by_scipys_root():
    one, other = gaussian(1), gaussian(2)
    assert distance(Gaussian.of_moments(*one), Gaussian.of_moments(*other)) == pytest.approx(by_scipy(*one, *other))


def test_singular_covariances():
    """Of rank 2 and 3 among 7: apart, and each the same as itself."""
    one, other = gaussian(1, rank=2), gaussian(2, rank=3)
    nearly = [(mean, covariance + 1e-13 * np.eye(7)) for mean, covariance in (one, other)]
    a, b = Gaussian.of_moments(*one), Gaussian.of_moments(*other)
    assert distance(a, b) == pytest.approx(by_scipy(*nearly[0], *nearly[1]), rel=1e-5)
    assert distance(a, a) == pytest.approx(0.0, abs=1e-12)


def test_fid_equals_other_packages():
    found = fid(*two_sets())
    assert found["value"] == pytest.approx(CLEAN_FID, rel=1e-9) == pytest.approx(TORCHMETRICS_FID, rel=1e-9)
    assert (found["n"], found["n_real"]) == (120, 150) and "remark" not in found


@pytest.mark.parametrize(("real", "fake"), [(30, 20), (150, 20), (20, 150)])
def test_fid_of_fewer_images_than_features(real, fake):
    x, y = two_sets(real, fake)
    found = fid(x, y)
    expected = distance(*(Gaussian.of_moments(f.mean(0), np.cov(f, rowvar=False)) for f in (x, y)))
    assert found["value"] == pytest.approx(expected, rel=1e-9)
    assert "fewer images than the 48 features" in found["remark"]


def test_equal_sets_have_fid_0():
    x, _ = two_sets(20)
    assert fid(x, x.copy())["value"] == pytest.approx(0.0, abs=1e-9)


def test_moments_in_blocks(monkeypatch):
    """Float32 features whose mean is 10,000 times their deviation: sums of squares would lose all digits."""
    monkeypatch.setattr(frechet, "BLOCK", 16)
    features = (1e4 + np.random.default_rng(0).standard_normal((50, 6))).astype(np.float32)
    mean, covariance = moments(features)
    np.testing.assert_allclose(mean, features.mean(0, dtype=np.float64), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("count", [40, 12])
def test_influences_are_derivatives_of_fid(monkeypatch, count):
    """By the weight of an image, against finite differences; with more images than features, and with fewer."""
    x, y = two_sets(count, 30, size=16)
    taken = {}
    monkeypatch.setattr(interval, "of_influences", lambda value, influences, seed: taken.update(i=influences) or (0, 0))
    fid(x, y)

    def weighted(weights):
        total = weights.sum()
        mean = weights @ x / total
        covariance = (x - mean).T * weights @ (x - mean) / total * count / (count - 1)
        return distance(Gaussian.of_moments(mean, covariance), Gaussian.of_features(y))

    step = 1e-4
    numeric = []
    for i in range(count):
        more, less = np.ones(count), np.ones(count)
        more[i] += step
        less[i] -= step
        numeric.append(count * (weighted(more) - weighted(less)) / (2 * step))
    ours = taken["i"][0]
    np.testing.assert_allclose(ours - np.mean(ours), numeric - np.mean(numeric), atol=1e-4 * np.ptp(numeric))


def test_intervals_are_as_wide_as_sets_drawn_anew_spread():
    """Mean width of the 95 % intervals against 2 x 1.96 standard deviations of the numbers over 40 pairs of sets."""
    rng = np.random.default_rng(5)
    values, widths = {}, {}
    for _ in range(40):
        x, y = rng.standard_normal((2, 80, 5)) * 0.8 + [[[0.0]], [[0.7]]]
        score = inception_score(3 * x, splits=2)
        measured = {"FID": fid(x, y), "KID": kid(x, y, subsets=3, subset_size=60), "IS": score}
        for name, found in measured.items():
            values.setdefault(name, []).append(found["value"])
            widths.setdefault(name, []).append(found["high"] - found["low"])
            assert found["low"] <= found["value"] <= found["high"]
    for name in values:
        assert 0.75 < np.mean(widths[name]) / (2 * 1.96 * np.std(values[name])) < 1.35, name


def test_mmd_by_a_double_loop():
    x, y = two_sets(9, 7, size=5)

    def k(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / 5 + 1) ** 3

    def mean(pairs):
        values = [k(a, b) for a, b in pairs]
        return sum(values) / len(values)

    within = [mean([(a, b) for i, a in enumerate(f) for j, b in enumerate(f) if i != j]) for f in (x, y)]
    expected = sum(within) - 2 * mean([(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-12)


def test_resampled_mmd_leaves_out_copies(monkeypatch):
    """By the same sets written out, in which no image meets its own copy."""
    monkeypatch.setattr(kernel_distance, "BLOCK", 4)
    x, y = two_sets(9, 7, size=5)
    rng = np.random.default_rng(8)
    chosen = [np.repeat(np.arange(len(f)), rng.multinomial(len(f), np.full(len(f), 1 / len(f)), 2)[0]) for f in (x, y)]
    within = []
    for f, drawn in zip((x, y), chosen, strict=True):
        others = drawn[:, None] != drawn
        within.append(kernel_distance.kernel(f[drawn], f[drawn])[others].mean())
    expected = sum(within) - 2 * kernel_distance.kernel(x[chosen[0]], y[chosen[1]]).mean()
    rng = np.random.default_rng(8)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: rng)
    assert resampled_mmds(x, y, 2, 0)[0] == pytest.approx(expected, rel=1e-12)


def test_kid_equals_other_packages():
    x, y = two_sets()
    found = kid(x[:120], y)
    assert found["value"] / 100 == pytest.approx(CLEAN_FID_KID, rel=1e-9) == pytest.approx(TORCHMETRICS_KID, rel=1e-9)
    assert found["subsets"] == 1 and "no std" in found["remark"]


def test_kid_in_subsets():
    x, y = two_sets()
    found = kid(x, y, subsets=50, subset_size=40)
    assert found["value"] == pytest.approx(100 * squared_mmd(x, y), abs=3 * found["std"] / np.sqrt(50))
    assert found == kid(x, y, subsets=50, subset_size=40) != kid(x, y, subsets=50, subset_size=40, seed=1)
    assert kid(x, y, subsets=2)["subset_size"] == 120


def test_kid_of_equal_distributions_is_0_on_average():
    rng = np.random.default_rng(0)
    values = [squared_mmd(*rng.standard_normal((2, 12, 4))) for _ in range(2000)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(2000)
    assert min(values) < 0


def test_kid_of_large_sets(monkeypatch):
    """The interval of a part, narrowed to the whole, is about that of the whole."""
    x, y = two_sets(400, 400, size=5)
    whole = kid(x, y, subsets=4, subset_size=300)
    monkeypatch.setattr(kernel_distance, "LARGEST", 100)
    part = kid(x, y, subsets=4, subset_size=300)
    assert part["value"] == whole["value"] and part["high"] != whole["high"]
    assert 0.5 < (part["high"] - part["low"]) / (whole["high"] - whole["low"]) < 2


@pytest.mark.parametrize("metric", [fid, kid])
def test_sets_that_cannot_be_measured(metric):
    x, y = two_sets(9, 7, size=5)
    bad = y.copy()
    bad[3, 2] = np.nan
    with pytest.raises(UserError, match=r"the fake set .expected finite features, received NaN"):
        metric(x, bad)
    with pytest.raises(UserError, match=r"the real set .expected features of at least 2 images, received 1 x 5"):
        metric(x[:1], y)
    with pytest.raises(UserError, match="expected features of one network, received 5 and 4"):
        metric(x, y[:, :4])


@pytest.mark.parametrize("metric", [fid, kid])
def test_the_smallest_sets(metric):
    found = metric(*two_sets(2, 2, size=5))
    assert found["low"] <= found["value"] <= found["high"]


def test_kid_of_subsets_larger_than_a_set():
    x, y = two_sets(9, 7, size=5)
    with pytest.raises(UserError, match="expected a size of 2 to 7, the images of the smaller set, received 8"):
        kid(x, y, subset_size=8)


def certain(classes):
    """Logits of images whose class is certain."""
    with np.errstate(divide="ignore"):
        return np.log(np.eye(max(classes) + 1)[classes])


def test_inception_score_by_hand():
    found = inception_score(certain([0, 1, 2, 3] * 10))
    assert found["value"] == pytest.approx(4.0) and found["std"] == pytest.approx(0.0, abs=1e-12)
    assert inception_score(np.tile(some_logits(1), (40, 1)))["value"] == pytest.approx(1.0)  # all alike
    assert inception_score(certain([0] * 5 + [1] * 5), splits=1)["value"] == pytest.approx(2.0)
    assert inception_score(certain([0] * 5 + [1] * 5), splits=2)["value"] == pytest.approx(1.0)  # in turn
    half = np.log([[0.75, 0.25], [0.25, 0.75]])  # KL((3/4, 1/4) || (1/2, 1/2)) = ln 2 - H(1/4)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert inception_score(half, splits=1)["value"] == pytest.approx(2.0 / np.exp(entropy))


def test_inception_score_equals_torch_fidelity():
    found = inception_score(some_logits())
    assert (found["value"], found["std"]) == pytest.approx(TORCH_FIDELITY_IS, rel=1e-9)
    assert found["splits"] == 10 and "remark" not in found


def test_few_images_have_fewer_splits():
    found = inception_score(some_logits(7))
    assert found["splits"] == 3 and "3 splits instead of 10" in found["remark"]


def test_conditional_inception_score_by_hand():
    one_class_each = certain([0, 0, 1, 1, 2, 2, 3, 3]).reshape(4, 2, 4)
    found = conditional_inception_score(one_class_each)
    assert found["CIS"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert found["IS"]["value"] == pytest.approx(np.log(4))
    all_classes_each = certain([0, 1, 2, 3] * 3).reshape(3, 4, 4)
    found = conditional_inception_score(all_classes_each)
    assert found["CIS"]["value"] == found["IS"]["value"] == pytest.approx(np.log(4))
    mixed = certain([0, 1, 0, 0]).reshape(2, 2, 2)  # ln 2 of the first input, 0 of the second; p(y2) = (3/4, 1/4)
    found = conditional_inception_score(mixed)
    assert found["CIS"]["value"] == pytest.approx(np.log(2) / 2)
    assert found["IS"]["value"] == pytest.approx(0.75 * np.log(4 / 3) + 0.25 * np.log(4))
    assert found["CIS"]["n"] == 2 and found["CIS"]["std"] == pytest.approx(np.log(2) / 2)


def test_logits_that_cannot_be_measured():
    bad = some_logits()
    bad[5, 3] = np.nan
    with pytest.raises(UserError, match="expected finite logits, received NaN"):
        inception_score(bad)
    with pytest.raises(UserError, match="expected at least 2 images, received 1"):
        inception_score(some_logits(1))
    with pytest.raises(UserError, match="expected at least 2 outputs of each input, received 1"):
        conditional_inception_score(some_logits()[:, None])
    with pytest.raises(UserError, match="expected 3 dimensions of logits, the last for classes, received 103 x 20"):
        conditional_inception_score(some_logits())
