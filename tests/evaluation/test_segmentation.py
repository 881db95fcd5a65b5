"""Metrics of label maps: closed forms, counting by hand, and what is refused."""

import math

import numpy as np
import pytest

from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.palettes import Palette
from tfi2i.evaluation.segmentation import (
    METRICS,
    Segmentation,
    confusion,
    measured,
    scores,
)

PALETTE = Palette("three", ("red", "green", "blue"), ((255, 0, 0), (0, 255, 0), (0, 0, 255)), ((0, 0, 0),))


def test_a_confusion_matrix_by_hand():
    truth = np.array([[0, 0, 1], [1, 1, -1]])
    predicted = np.array([[0, 1, 1], [1, 2, 2]])
    assert confusion(truth, predicted, 3).tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 0]]


def test_scores_by_hand():
    """Of 5 pixels 3 are right; class 0 has 1 of 2, class 1 2 of 3; their unions are 2 and 4; class 2 is in no truth."""
    found = scores(np.array([[1, 1, 0], [0, 2, 1], [0, 0, 0]]))
    np.testing.assert_allclose(found, [3 / 5, (1 / 2 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2], rtol=1e-15)
    np.testing.assert_array_equal(scores(np.diag([4, 0, 3])), [1, 1, 1])


def counted(truth, predicted, classes):
    """The three metrics from sets of pixels, without a matrix."""
    known = truth >= 0
    accuracies, ious = [], []
    for k in range(classes):
        true, taken = known & (truth == k), known & (predicted == k)
        if true.any():
            accuracies.append(np.mean(predicted[true] == k))
            ious.append((true & taken).sum() / (true | taken).sum())
    return np.mean(predicted[known] == truth[known]), np.mean(accuracies), np.mean(ious)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_counting_over_all_images(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, 6, (4, 9, 11))
    truth[truth == 4] = 3  # a class that is predicted and never true
    predicted = np.where(rng.random(truth.shape) < 0.6, np.abs(truth), rng.integers(0, 6, truth.shape))
    found = measured([confusion(t, p, 6) for t, p in zip(truth, predicted, strict=True)])
    np.testing.assert_allclose([found[name]["value"] for name in METRICS], counted(truth, predicted, 6), rtol=1e-12)


def test_the_interval_is_the_bootstrap_of_the_set(monkeypatch):
    monkeypatch.setattr(interval, "RESAMPLES", 150)  # more than one batch of resampled sets
    rng = np.random.default_rng(0)
    matrices = [rng.integers(0, 50, (3, 3)) + np.diag([90, 40, 9]) for _ in range(7)]
    found = measured(matrices)
    assert found == measured(matrices)
    for k, name in enumerate(METRICS):
        value = scores(np.sum(matrices, 0))[k]
        expected = interval.of_statistic(
            lambda chosen, k=k: scores(np.sum([matrices[i] for i in chosen], 0))[k], 7, value, resamples=150
        )
        np.testing.assert_allclose([found[name]["low"], found[name]["high"]], expected, rtol=1e-12)
        assert found[name]["low"] < value < found[name]["high"] and found[name]["n"] == 7


def test_one_image_has_no_interval_and_none_leaves_the_unit():
    alone = measured([np.array([[3, 1], [0, 4]])])
    assert alone["per_pixel"]["value"] == 7 / 8 and math.isnan(alone["per_pixel"]["low"])
    wrong = np.array([[0, 9], [9, 0]])
    assert measured([np.diag([1, 1])] * 8 + [wrong])["class_iou"]["low"] == 0
    assert measured([np.diag([9, 9])] * 3 + [wrong // 9])["class_iou"]["high"] == 1


def test_too_little_to_measure():
    with pytest.raises(UserError, match="no images"):
        measured([])
    with pytest.raises(UserError, match="hold 1 of 3 classes"):
        measured([np.array([[5, 2, 0], [0, 0, 0], [0, 0, 0]])] * 2)
    with pytest.raises(UserError, match="hold 0 of 3 classes"):
        measured([np.zeros((3, 3), int)])


def label_map(rows):
    return PALETTE.paint(np.array(rows))


def brightest(pixels):
    """A segmenter: the class is the strongest channel."""
    return pixels.argmax(-1)


def test_photos_are_read_and_real_ones_are_the_ceiling():
    judged = Segmentation(PALETTE, brightest)
    photo = np.array([[[90, 10, 10], [9, 80, 70]], [[50, 60, 70], [8, 9, 7]]], np.uint8)  # 0 1 / 2 1
    judged.add(label_map([[0, 1], [1, -1]]), label_map([[0, 1], [1, 2]]) // 2, real=photo)
    judged.add(label_map([[0, 0], [0, 0]]), (label_map([[0, 0], [0, 2]]) / 127.5 - 1).astype(np.float32), real=photo)
    found = {name: numbers["value"] for name, numbers in judged.summary().items()}
    np.testing.assert_allclose([found[name] for name in METRICS], [6 / 7, (4 / 5 + 1) / 2, (4 / 5 + 1) / 2], rtol=1e-12)
    # Of the real photos class 0 is right in 2 of 5, class 1 in 1 of 2; class 1 was seen in 4 places, once rightly.
    np.testing.assert_allclose(
        [found[f"{name}_real"] for name in METRICS], [3 / 7, (2 / 5 + 1 / 2) / 2, (2 / 5 + 1 / 4) / 2], rtol=1e-12
    )


def test_translated_label_maps_are_brought_to_the_nearest_classes():
    judged = Segmentation(PALETTE)
    fake = np.array([[[200, 60, 40], [10, 9, 20]], [[0, 90, 255], [0, 250, 9]]], np.uint8)  # 0 2 / 2 1
    judged.add(label_map([[0, 2], [1, 1]]), fake)
    found = judged.summary()
    assert [found[name]["value"] for name in METRICS] == [3 / 4, (1 + 1 / 2 + 1) / 3, (1 + 1 / 2 + 1 / 2) / 3]
    assert set(found) == set(METRICS)


def test_sizes_must_agree_unless_pictures_are_to_be_resized():
    small, large = label_map([[0, 1], [2, 1]]), label_map(np.kron([[0, 1], [2, 1]], np.ones((4, 4), int)))
    with pytest.raises(UserError, match=r"differ in size \(expected 8 x 8, received 2 x 2\)"):
        Segmentation(PALETTE).add(large, small)
    judged = Segmentation(PALETTE, resized=True)
    judged.add(large, small)
    assert judged.summary()["class_iou"]["value"] == 1
    with pytest.raises(UserError, match="expected 2 x 2, received 4 x 4"):
        confusion(np.zeros((2, 2), int), np.zeros((4, 4), int), 3)


def test_a_translation_that_is_not_finite():
    fake = np.zeros((2, 2, 3), np.float32)
    fake[0, 0] = np.nan
    with pytest.raises(UserError, match="NaN"):
        Segmentation(PALETTE).add(label_map([[0, 1], [1, 1]]), fake)


def test_a_mean_over_images_would_be_another_number():
    """As the papers: pixels of all images are counted together."""
    found = measured([np.diag([90, 10]), np.array([[0, 0], [1, 0]])])
    assert found["per_pixel"]["value"] == 100 / 101
    assert tuple(found) == METRICS
