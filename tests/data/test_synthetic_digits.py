"""The drawn digits: labels that are true, ten classes that can be told apart, one hand behind photo and white ink."""

import hashlib
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from tfi2i.data.folders import Unpaired
from tfi2i.data.synthetic import SyntheticDigits
from tfi2i.errors import UserError


def digest(pair):
    return hashlib.sha256(pair["A"].tobytes() + pair["B"].tobytes()).hexdigest()


def flat(images):
    """(N, 49) means of 4 x 4 pixels, of images of 28 px."""
    return np.stack([image[..., 0].reshape(7, 4, 7, 4).mean((1, 3)).ravel() for image in images])


def nearest(known, labels, images):
    """The label of the nearest known image, of each image."""
    distances = np.square(flat(known)[None] - flat(images)[:, None]).sum(-1)
    return np.asarray(labels)[distances.argmin(1)]


def test_another_process_draws_the_same_bits():
    program = (
        "import hashlib; from tfi2i.data.synthetic import SyntheticDigits; s = SyntheticDigits('train', seed=7)\n"
        "for i in (5, 0, 3999): print(hashlib.sha256(s[i]['A'].tobytes() + s[i]['B'].tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    source = pickle.loads(pickle.dumps(SyntheticDigits("train", seed=7)))
    assert elsewhere.stdout.split() == [digest(source[i]) for i in (5, 0, 3999)]


def test_it_is_an_unpaired_source_with_labels():
    for split, length in {"train": 4000, "val": 500, "test": 500}.items():
        source = SyntheticDigits(split)
        assert isinstance(source, Unpaired) and source.aligned == (split != "train")
        assert len(source) == source.len_a == source.len_b == length
        for domain, alone in (("A", source.a), ("B", source.b)):
            assert alone.attributes == tuple(str(i) for i in range(10)) and alone.exclusive == (alone.attributes,)
            example = alone[-1]
            assert example["image"].shape == (32, 32, 3) and example["image"].dtype == np.uint8
            np.testing.assert_array_equal(example["image"], source[-1][domain])
            np.testing.assert_array_equal(example["label"], alone.label(length - 1))
            assert example["label"].dtype == np.float32 and example["label"].shape == (10,)
            assert example["label"].sum() == example["label"].max() == 1
    assert [source.name(i) for i in (0, -1)] == ["test_0000", "test_0499"]
    assert digest(SyntheticDigits("train", length=3)[2]) == digest(SyntheticDigits("train")[2])


def test_every_class_is_as_frequent_in_either_domain():
    source = SyntheticDigits("train")
    for alone in (source.a, source.b):
        frequent = np.mean([alone.label(i) for i in range(len(alone))], axis=0)
        np.testing.assert_allclose(frequent, 0.1, atol=0.02)


def test_only_what_is_for_testing_is_aligned():
    train, test = SyntheticDigits("train"), SyntheticDigits("test")
    assert all(test.scene(i, "A") == test.scene(i, "B") for i in range(500))
    scenes = {train.scene(i, domain) for i in range(200) for domain in "AB"} | {test.scene(i, "A") for i in range(200)}
    assert len(scenes) == 600


def test_white_ink_on_black():
    source = SyntheticDigits("test")
    for i in range(20):
        image = source.b[i]["image"]
        assert (image == image[..., :1]).all()
        assert image.max() == 255 and not image[[0, -1]].any() and not image[:, [0, -1]].any()
        assert 0.04 < image.mean() / 255 < 0.3


def test_the_digits_can_be_told_apart():
    known, asked = SyntheticDigits("train", 28).b, SyntheticDigits("test", 28).b
    images, labels = zip(*((known[i]["image"], known.label(i).argmax()) for i in range(600)), strict=True)
    asked, truth = zip(*((asked[i]["image"], asked.label(i).argmax()) for i in range(200)), strict=True)
    assert np.mean(nearest(images, labels, asked) == truth) > 0.95


def test_they_are_written_like_those_of_mnist(shared_data):
    """Of real digits, the nearest drawn one has the right label three times out of five, by chance one in ten."""
    known = SyntheticDigits("train", 28).b
    images, labels = zip(*((known[i]["image"], known.label(i).argmax()) for i in range(1000)), strict=True)
    with np.load(shared_data / "digits" / "mnist_part.npz") as mnist:
        real, truth = mnist["x_test"][:300, ..., None], mnist["y_test"][:300]
    assert np.mean(nearest(images, labels, real) == truth) > 0.6


def test_a_photo_shows_the_digit_of_its_truth_in_other_colours():
    source = SyntheticDigits("test")
    within = []
    for i in range(40):
        photo, ink = source[i]["A"] @ (0.299, 0.587, 0.114), source[i]["B"][..., 0]
        inside, outside = photo[ink > 250], photo[ink == 0]
        within.append(abs(inside.mean() - outside.mean()))
        assert photo.std() > 10 and source[i]["A"].std(axis=(0, 1)).min() > 4
    assert np.mean(within) > 45 and np.min(within) > 15
    hues = np.array([source[i]["A"].mean((0, 1)) for i in range(100)])
    assert (hues.std(0) > 30).all()


def test_a_photo_has_styles_and_white_ink_has_none():
    source = SyntheticDigits("test")
    photos = [source.with_style(0, "A", style).astype(float) for style in range(6)]
    assert np.mean([np.abs(a - b).mean() for a, b in pairwise(photos)]) > 25
    np.testing.assert_array_equal(source.with_style(0, "B", 0), source.with_style(0, "B", 1))


def test_an_index_is_the_same_image_at_every_size():
    small, large = SyntheticDigits("val", 32), SyntheticDigits("val", 128)
    for i in range(8):
        for domain, near in (("A", 0.03), ("B", 0.01)):
            shrunk = large[i][domain].reshape(32, 4, 32, 4, 3).mean((1, 3))
            assert np.abs(small[i][domain] - shrunk).mean() < 255 * near


@pytest.mark.parametrize("wrong", [{"split": "dev"}, {"size": 8}, {"length": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(UserError, match=r"synthetic_digits .*expected .*received"):
        SyntheticDigits(**{"split": "train", **wrong})
