"""The drawn textures: the same picture everywhere, and detail that interpolation can't bring back."""

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tfi2i.data.resampling import bicubic, shrink
from tfi2i.data.synthetic import SyntheticTextures
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import Picture
from tfi2i.data.synthetic.textures.patterns import PATTERNS
from tfi2i.errors import UserError


def digest(example):
    return hashlib.sha256(example["image"].tobytes()).hexdigest()


def lost(image):
    """Root mean square of what making an image four times smaller and larger again takes away."""
    small = shrink(image, 4).astype(np.float64)
    return np.sqrt(np.mean((bicubic(small, *image.shape[:2]) - image) ** 2))


def test_another_process_draws_the_same_bits():
    program = (
        "import hashlib; from tfi2i.data.synthetic import SyntheticTextures; s = SyntheticTextures('val', 64, seed=7)\n"
        "for i in (5, 0, 49): print(hashlib.sha256(s[i]['image'].tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    source = pickle.loads(pickle.dumps(SyntheticTextures("val", 64, seed=7)))
    assert elsewhere.stdout.split() == [digest(source[i]) for i in (5, 0, 49)]


def test_it_is_a_source_of_single_images():
    for split, length in {"train": 200, "val": 50, "test": 50}.items():
        assert len(SyntheticTextures(split)) == length
    source = SyntheticTextures("test", 48, length=4)
    assert len(list(source)) == 4
    image = source[-1]["image"]
    assert image.shape == (48, 48, 3) and image.dtype == np.uint8
    assert [source.name(i) for i in (0, -1)] == ["test_0000", "test_0003"]
    assert digest(source[2]) == digest(SyntheticTextures("test", 48)[2])


def test_no_two_images_of_any_split_or_seed_are_alike():
    drawn = [
        digest(SyntheticTextures(split, 32, length=8, seed=seed)[i])
        for split in ("train", "val", "test")
        for seed in (0, 1)
        for i in range(8)
    ]
    assert len(set(drawn)) == len(drawn)


def test_interpolation_cannot_bring_the_detail_back():
    losses = [lost(SyntheticTextures("test", 128)[i]["image"]) for i in range(12)]
    assert 12 < np.mean(losses) < 40 and np.min(losses) > 4


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__[1:])
def test_every_pattern_has_its_detail_and_no_more(pattern):
    """Detail in all but the gradients, and the same at two sizes, as it would not be if it were aliased."""
    soft = pattern.__name__ == "_gradient"
    for seed in range(4):
        large, small = (
            np.clip(pattern(Picture(size), Dice(np.random.SeedSequence(seed))), 0, 255) for size in (384, 192)
        )
        assert large.shape == (384, 384, 3)
        assert lost(large.astype(np.uint8)) < 3 if soft else lost(small.astype(np.uint8)) > 5
        shrunk = large.reshape(192, 2, 192, 2, 3).mean((1, 3))
        assert np.abs(shrunk - small).mean() < 0.2 * np.abs(shrunk - shrunk.mean((0, 1))).mean()


@pytest.mark.parametrize("wrong", [{"split": "dev"}, {"size": 8}, {"length": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(UserError, match=r"synthetic_textures .*expected .*received"):
        SyntheticTextures(**{"split": "train", **wrong})
