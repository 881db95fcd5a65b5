"""The drawn unpaired sets: nothing to pair in training, the truth in testing, and styles of a bounded effect."""

import dataclasses
import hashlib
import itertools
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfi2i.data.catalog import CATALOG
from tfi2i.data.folders import Unpaired
from tfi2i.data.named import open_named
from tfi2i.data.synthetic import SyntheticAnimals, SyntheticSeasons
from tfi2i.errors import UserError

BOTH = pytest.mark.parametrize("drawn", [SyntheticSeasons, SyntheticAnimals])


def digest(pair):
    return hashlib.sha256(pair["A"].tobytes() + pair["B"].tobytes()).hexdigest()


def l1(a, b):
    """Mean distance of two images on the scale [-1, 1]."""
    return np.abs(a.astype(np.float32) - b).mean() / 127.5


@BOTH
def test_another_process_draws_the_same_bits_in_any_order(drawn):
    program = (
        f"import hashlib; from tfi2i.data.synthetic import {drawn.__name__} as drawn; s = drawn('train', 64, seed=7)\n"
        "for i in (5, 0, 399): print(hashlib.sha256(s[i]['A'].tobytes() + s[i]['B'].tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    source = pickle.loads(pickle.dumps(drawn("train", 64, seed=7)))
    with ThreadPoolExecutor(4) as threads:
        here = list(threads.map(lambda i: digest(source[i]), (5, 0, 399)))
    assert elsewhere.stdout.split() == here


@BOTH
def test_it_is_an_unpaired_source_whose_domains_are_drawn_apart(drawn):
    for split, length in {"train": 400, "val": 100, "test": 100}.items():
        source = drawn(split, 32)
        assert isinstance(source, Unpaired)
        assert len(source) == source.len_a == source.len_b == length
        for image, alone in ((source[3]["A"], source.a), (source[3]["B"], source.b)):
            assert image.shape == (32, 32, 3) and image.dtype == np.uint8
            np.testing.assert_array_equal(image, alone[3]["image"])
    assert [source.name(i) for i in (0, 99, -1)] == ["test_0000", "test_0099", "test_0099"]
    assert len(list(drawn("train", 32, length=3))) == 3
    np.testing.assert_array_equal(drawn("train", 32, length=3)[2]["B"], drawn("train", 32)[2]["B"])


@BOTH
def test_no_scene_is_in_two_splits_or_seeds_nor_in_both_domains_of_the_training_split(drawn):
    scenes = []
    for split, seed in itertools.product(("train", "val", "test"), (0, 1)):
        source = drawn(split, seed=seed)
        for domain in "AB" if split == "train" else "A":
            scenes += [source.scene(i, domain) for i in range(len(source))]
    assert len(set(scenes)) == len(scenes) == 2 * (400 + 400 + 100 + 100)


@BOTH
def test_only_what_is_for_testing_is_aligned(drawn):
    train = drawn("train", 32)
    assert not train.aligned
    for split in ("val", "test"):
        source = drawn(split, 32)
        assert source.aligned
        assert all(source.scene(i, "A") == source.scene(i, "B") for i in range(len(source)))


def test_summer_and_winter_have_the_same_outlines():
    def edges(image):
        return np.hypot(*np.gradient(image.astype(np.float32).mean(-1))).ravel()

    source = SyntheticSeasons("test", 64)
    outlines = [(edges(source[i]["A"]), edges(source[i]["B"])) for i in range(20)]
    aligned = [np.corrcoef(*pair)[0, 1] for pair in outlines]
    others = [np.corrcoef(outlines[i][0], outlines[i - 1][1])[0, 1] for i in range(20)]
    assert np.mean(aligned) > np.mean(others) + 0.25


def test_cat_and_dog_sit_in_the_same_place_before_the_same_wall():
    source = SyntheticAnimals("test", 64)
    for i in range(20):
        face, pair = source.scene(i, "A"), source[i]
        changed = (pair["A"] != pair["B"]).any(-1)
        assert not changed[:8, [0, -1]].any() and changed.mean() < 0.85
        assert abs(np.nonzero(changed)[1].mean() - face.x) < 4


def test_a_dark_cat_is_a_dark_dog():
    source = SyntheticAnimals("test", 64)
    dark, light = (
        np.argsort([source.scene(i, "A").coat for i in range(100)])[part] for part in (np.s_[:8], np.s_[-8:])
    )
    for domain in "AB":
        dark_mean, light_mean = (
            np.mean([source[i][domain][24:40, 24:40].mean() for i in which]) for which in (dark, light)
        )
        assert dark_mean + 40 < light_mean


@pytest.mark.parametrize(("drawn", "least", "most"), [(SyntheticSeasons, 0.4, 0.6), (SyntheticAnimals, 0.25, 0.4)])
def test_a_copy_is_far_from_the_truth(drawn, least, most):
    source = drawn("test", 64)
    copies = [l1(source[i]["A"], source[i]["B"]) for i in range(100)]
    assert least < np.mean(copies) < most
    assert np.min(copies) > 0.75 * least


@pytest.mark.parametrize(
    ("drawn", "domain", "least", "most"),
    [
        (SyntheticSeasons, "A", 0.08, 0.15),
        (SyntheticSeasons, "B", 0.08, 0.15),
        (SyntheticAnimals, "A", 0.05, 0.1),
        (SyntheticAnimals, "B", 0.05, 0.1),
    ],
)
def test_a_style_is_seen_and_changes_less_than_the_domain(drawn, domain, least, most):
    source = drawn("test", 64)
    images = [[source.with_style(i, domain, style) for style in range(8)] for i in range(12)]
    distances = [l1(*pair) for of_scene in images for pair in itertools.combinations(of_scene, 2)]
    assert least < np.mean(distances) < most
    np.testing.assert_array_equal(images[2][3], drawn("test", 64).with_style(2, domain, 3))


@BOTH
def test_a_domain_tells_nothing_of_the_style_of_the_other(drawn):
    source = drawn("test", 32)
    shifts = {
        domain: [
            (source[i][domain].astype(np.float32) - source.with_style(i, domain, 0)).mean((0, 1)) @ (1, 0, -1)
            for i in range(len(source))
        ]
        for domain in "AB"
    }
    assert abs(np.corrcoef(shifts["A"], shifts["B"])[0, 1]) < 0.25
    assert min(np.std(shifts["A"]), np.std(shifts["B"])) > 2


@BOTH
def test_an_index_is_the_same_image_at_every_size(drawn):
    small, large = drawn("val", 64), drawn("val", 256)
    for i, domain in itertools.product(range(6), "AB"):
        shrunk = large[i][domain].reshape(64, 4, 64, 4, 3).mean((1, 3))
        assert l1(small[i][domain], shrunk) < 0.02
        assert l1(small[i + 1][domain], shrunk) > 0.1


@BOTH
def test_by_name(drawn):
    entry = CATALOG[drawn.title]
    assert entry.kind == "domains" and entry.builder is None
    for split in entry.splits:
        np.testing.assert_array_equal(open_named(drawn.title, split, size=48)[3]["B"], drawn(split, 48)[3]["B"])


@BOTH
def test_a_scene_cannot_be_changed(drawn):
    with pytest.raises(dataclasses.FrozenInstanceError):
        drawn("val").scene(0, "A").x = 1


@BOTH
@pytest.mark.parametrize("wrong", [{"split": "dev"}, {"size": 8}, {"length": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_refused(drawn, wrong):
    with pytest.raises(UserError, match=rf"{drawn.title} .*expected .*received"):
        drawn(**{"split": "train", **wrong})
