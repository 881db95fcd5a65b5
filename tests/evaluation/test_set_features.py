"""Features of sets of pictures: a batch at a time, kept by pixels and network, and the numbers made of them.

A stand-in for the network sees each picture's mean colours; the network itself is tested in `test_inception`.
"""

import numpy as np
import pytest

from tfi2i.errors import UserError
from tfi2i.evaluation.features import features_of, hash_of
from tfi2i.evaluation.inception import CLASSES, FEATURES, rgb
from tfi2i.evaluation.sets import set_metrics


class MeanColours:
    """Features and logits that begin with the mean red, green and blue; counts the pictures that it saw."""

    def __init__(self, identity="mean colours"):
        self.identity, self.batches = identity, []

    def __call__(self, pictures):
        self.batches.append(len(pictures))
        means = np.stack([rgb(picture).mean((0, 1)) for picture in pictures]) / 255
        wide = np.zeros((len(pictures), FEATURES + CLASSES), np.float32)
        wide[:, :3] = wide[:, FEATURES : FEATURES + 3] = means
        return wide[:, :FEATURES], wide[:, FEATURES:]


class Lazy:
    """A set whose pictures are made when they are asked for, and counted."""

    def __init__(self, count, seed=0, shift=0):
        self.count, self.seed, self.shift, self.read = count, seed, shift, 0

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        if i >= self.count:
            raise IndexError(i)
        self.read += 1
        rng = np.random.default_rng((self.seed, i))
        return (rng.integers(0, 150, (1, 1, 3)) + rng.integers(0, 50, (4, 5, 3)) + self.shift).astype(np.uint8)


def test_in_batches_and_in_order():
    pictures, judge = Lazy(70), MeanColours()
    found, logits = features_of(pictures, judge)
    assert judge.batches == [32, 32, 6] and pictures.read == 70
    assert found.shape == (70, FEATURES) and logits.shape == (70, CLASSES) and found.dtype == np.float32
    assert isinstance(found, np.memmap) and isinstance(logits, np.memmap)
    np.testing.assert_allclose(found[69, :3], pictures[69].mean((0, 1)) / 255, rtol=1e-5)
    np.testing.assert_array_equal(found[:, :3], logits[:, :3])


def test_kept_by_pixels_and_network(tmp_path):
    judge = MeanColours()
    first, _ = features_of(Lazy(5), judge, tmp_path)
    again, _ = features_of(Lazy(5), judge, tmp_path)
    assert judge.batches == [5] and len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(first, again)
    features_of(Lazy(5, shift=1), judge, tmp_path)
    features_of(Lazy(5), MeanColours("others"), tmp_path)
    assert judge.batches == [5, 5] and len(list(tmp_path.iterdir())) == 3


def test_hash_knows_pixels_shapes_and_order():
    a, b = np.zeros((2, 3, 1), np.uint8), np.ones((2, 3, 1), np.uint8)
    sets = [[a, b], [b, a], [a], [a.reshape(3, 2, 1), b], [a, b.astype(np.uint16)]]
    assert len({hash_of(pictures) for pictures in sets}) == len(sets)
    assert hash_of([a, b]) == hash_of(np.stack([a, b])) != hash_of([a, b], "clean")


def test_nothing_is_left_of_a_set_that_fails(tmp_path):
    pictures = [*Lazy(3), np.zeros((4, 5, 4), np.uint8)]
    with pytest.raises(
        UserError, match=r"a picture for Inception .expected uint8 or uint16 of height x width x 1 or 3"
    ):
        features_of(pictures, MeanColours(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_features_that_are_not_finite():
    class Broken(MeanColours):
        def __call__(self, pictures):
            found, logits = super().__call__(pictures)
            found[-1, 7] = np.nan
            return found, logits

    with pytest.raises(UserError, match="features of picture 31 are not finite"):
        features_of(Lazy(40), Broken())
    with pytest.raises(UserError, match="empty"):
        features_of([], MeanColours())


def test_set_metrics(tmp_path):
    real, fake, judge = Lazy(20), Lazy(16, seed=1, shift=40), MeanColours()
    found = set_metrics(real, fake, ("fid", "kid", "is"), judge, tmp_path)
    assert set(found) == {"FID", "KID", "IS"}
    assert fake.read == 16 and len(list(tmp_path.iterdir())) == 1  # the real set alone is kept
    for name, measured in found.items():
        assert measured["low"] <= measured["value"] <= measured["high"] and measured["n"] == 16, name
    assert "2048 features" in found["FID"]["remark"] and found["KID"]["subset_size"] == 16
    assert found == set_metrics(Lazy(20), Lazy(16, seed=1, shift=40), ("fid", "kid", "is"), MeanColours(), tmp_path)
    nearer = set_metrics(real, Lazy(16, seed=1, shift=5), inception=judge)
    assert set(nearer) == {"FID", "KID"} and nearer["FID"]["value"] < found["FID"]["value"]


def test_grey_pictures_count_as_colour():
    grey = [picture[..., :1] for picture in Lazy(6)]
    coloured = [np.repeat(picture, 3, -1) for picture in grey]
    assert set_metrics(grey, Lazy(6), inception=MeanColours()) == set_metrics(
        coloured, Lazy(6), inception=MeanColours()
    )


def test_what_cannot_be_measured():
    judge = MeanColours()
    with pytest.raises(UserError, match="expected some of fid, kid, is, received lpips"):
        set_metrics(Lazy(3), Lazy(3), ("fid", "lpips"), judge)
    with pytest.raises(UserError, match=r"the fake set .expected at least 2 pictures, received 1"):
        set_metrics(Lazy(3), Lazy(1), inception=judge)
    with pytest.raises(UserError, match=r"the real set .expected at least 2 pictures, received 0"):
        set_metrics([], Lazy(3), inception=judge)
