"""SyntheticFacades: the same picture everywhere, and one from which there is something to learn."""

import hashlib
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfi2i.data.synthetic import PALETTE, SyntheticFacades
from tfi2i.errors import UserError


def digest(pair):
    return hashlib.sha256(pair["A"].tobytes() + pair["B"].tobytes()).hexdigest()


def shrunk(image, factor):
    height, width, channels = image.shape
    return image.reshape(height // factor, factor, width // factor, factor, channels).mean((1, 3))


def test_another_process_draws_the_same_bits_in_any_order():
    program = (
        "import hashlib; from tfi2i.data.synthetic import SyntheticFacades; s = SyntheticFacades('val', 64, seed=7)\n"
        "for i in (5, 0, 99): print(hashlib.sha256(s[i]['A'].tobytes() + s[i]['B'].tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    np.random.seed(0)
    source = pickle.loads(pickle.dumps(SyntheticFacades("val", 64, seed=7)))
    with ThreadPoolExecutor(4) as threads:
        here = list(threads.map(lambda i: digest(source[i]), (5, 0, 99)))
    assert elsewhere.stdout.split() == here


def test_no_two_images_of_any_split_or_seed_are_alike():
    drawn = [
        digest(SyntheticFacades(split, 32, length=20, seed=seed)[i])
        for split in ("train", "val", "test")
        for seed in (0, 1)
        for i in range(20)
    ]
    assert len(set(drawn)) == len(drawn)


def test_an_image_does_not_depend_on_the_length_of_the_set():
    assert digest(SyntheticFacades("train", 32)[2]) == digest(SyntheticFacades("train", 32, length=3)[2])


@pytest.mark.parametrize("size", [32, 64, 100, 256])
def test_label_maps_hold_only_colours_of_the_palette(size):
    source = SyntheticFacades("train", size)
    palette = {tuple(colour) for colour in PALETTE.values()}
    seen = set()
    for i in range(12):
        pair = source[i]
        assert pair["A"].shape == pair["B"].shape == (size, size, 3)
        assert pair["A"].dtype == pair["B"].dtype == np.uint8
        seen |= {tuple(colour) for colour in np.unique(pair["B"].reshape(-1, 3), axis=0).tolist()}
    assert seen == palette


def test_an_index_is_the_same_building_at_every_size():
    for i in range(8):
        small, large = (SyntheticFacades("test", size)[i] for size in (64, 256))
        agreement = (small["B"] == large["B"][2::4, 2::4]).all(-1).mean()
        assert agreement > 0.985  # a sloping roof's edge may fall on the other side of a pixel
        difference = np.abs(small["A"] - shrunk(large["A"], 4)).mean()
        other = np.abs(small["A"] - shrunk(SyntheticFacades("test", 256)[i + 1]["A"], 4)).mean()
        assert difference < 6 < other


def explained(images, labels):
    """Share of the variance over pixels that the mean of each class explains."""
    images = images.reshape(-1, 3).astype(np.float64)
    classes = labels.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1]
    within = sum(((images[classes == c] - images[classes == c].mean(0)) ** 2).sum() for c in np.unique(classes))
    return 1 - within / ((images - images.mean(0)) ** 2).sum()


def test_the_label_map_explains_most_of_the_photo():
    source = SyntheticFacades("train", 64)
    shares = [explained(source[i]["A"], source[i]["B"]) for i in range(40)]
    swapped = [explained(source[i]["A"], source[i + 1]["B"]) for i in range(40)]
    assert np.mean(shares) > 0.5
    assert np.mean(shares) > 2 * np.mean(swapped)


def test_the_family_of_the_wall_can_be_told_from_the_label_map():
    """Shutters mean warm stucco, balconies pale stone: the wall's mean colour lies close together in each family."""
    source = SyntheticFacades("train", 64)
    walls = {"shutter": [], "balcony": []}
    for i in range(80):
        photo, labels = source[i]["A"], source[i]["B"]
        for cue, colours in walls.items():
            if (labels == PALETTE[cue]).all(-1).any():
                colours.append(photo[(labels == PALETTE["wall"]).all(-1)].mean(0))
    stucco, stone = (np.array(colours) for colours in walls.values())
    assert min(len(stucco), len(stone)) > 10
    apart = np.linalg.norm(stucco.mean(0) - stone.mean(0))
    assert apart > 2 * max(stucco.std(0).mean(), stone.std(0).mean())


def test_names_are_unique_and_an_index_out_of_range_ends_iteration():
    source = SyntheticFacades("val", 32, length=3)
    assert [source.name(i) for i in range(3)] == ["val_0000", "val_0001", "val_0002"]
    assert len(list(source)) == len(source) == 3
    assert [len(SyntheticFacades(split)) for split in ("train", "val", "test")] == [400, 100, 100]


@pytest.mark.parametrize("wrong", [{"split": "dev"}, {"size": 8}, {"length": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(UserError, match=r"expected .*received"):
        SyntheticFacades(**{"split": "train", **wrong})
