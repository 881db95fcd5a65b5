import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.color import rgb2lab

from tfi2i.data.derived import MID_GREY, TASKS, DerivedPairs, edges_to_photo
from tfi2i.data.folders import ImageFolder
from tfi2i.data.images import write
from tfi2i.errors import UserError

RNG = np.random.default_rng(0)


class Photos:
    """Smooth photos with a dark square in the middle; number 2 is grey, number 3 has 16 bits."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        y, x = np.mgrid[:40, :60]
        photo = np.stack([4 * x, 200 - 2 * y, 20 * index + x + y], axis=-1).astype(np.uint8)
        photo[10:30, 20:40] //= 4
        if index == 3:
            return {"image": photo.astype(np.uint16) * 257}
        return {"image": photo[..., :1] if index == 2 else photo}

    def name(self, index):
        return f"photo{index}"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("index", range(4))
def test_b_is_the_photo_and_a_depends_on_seed_and_index_alone(task, index):
    pairs = DerivedPairs(Photos(), task, seed=7)
    pair = pairs[index]
    assert len(pairs) == 4 and pairs.name(index) == f"photo{index}" and sorted(pair) == ["A", "B"]
    photo = Photos()[index]["image"]
    np.testing.assert_array_equal(pair["B"], np.broadcast_to(photo if index < 3 else photo // 257, (40, 60, 3)))
    assert pair["A"].shape == (40, 60, 3 if task == "inpainting" else 1)
    assert pair["A"].dtype == pair["B"].dtype == np.uint8
    again = pickle.loads(pickle.dumps(pairs))[index]
    np.testing.assert_array_equal(again["A"], pair["A"])


def test_grey_is_the_lightness_of_cie_lab(tmp_path):
    colours = RNG.integers(0, 256, (32, 32, 3), np.uint8)
    colours[0, :4] = [[255, 255, 255], [0, 0, 0], [119, 119, 119], [255, 0, 0]]
    write(tmp_path / "colours.png", colours)
    grey = DerivedPairs(ImageFolder(tmp_path), "grey_to_colour")[0]["A"]

    value = colours / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2225, 0.7169, 0.0606]  # of sRGB's primaries as ICC profiles have them, before white D50
    lightness = np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)
    assert np.abs(grey[..., 0] - 2.55 * lightness).max() < 1
    assert np.abs(grey[..., 0] - 2.55 * rgb2lab(colours)[..., 0]).max() < 8  # before white D65


@pytest.mark.parametrize("shape", [(64, 48), (5, 7), (1, 1), (1, 9)])
def test_inpainting_leaves_all_but_one_rectangle(shape):
    holes = set()
    for seed in range(30):
        photo = RNG.integers(0, 100, (*shape, 3), np.uint8)
        masked = TASKS["inpainting"](photo, np.random.default_rng(seed))
        hole = np.all(masked == MID_GREY, axis=-1)
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns) > 0
        for side, length in ((len(rows), shape[0]), (len(columns), shape[1])):
            assert max(1, length // 4) <= side <= max(1, length // 2)
        np.testing.assert_array_equal(masked[~hole], photo[~hole])
        holes.add((rows[0], columns[0]))
    assert len(holes) > 5 or min(shape) < 2


def test_holes_differ_between_images_and_seeds():
    def hole(seed, index):
        return DerivedPairs(Photos(), "inpainting", seed)[index]["A"].tobytes()

    assert len({hole(0, 0), hole(1, 0), hole(2, 0)}) == 3
    a, b = (DerivedPairs(Photos(), "inpainting")[index] for index in (0, 1))
    assert np.any((a["A"] != a["B"]).any(axis=-1) != (b["A"] != b["B"]).any(axis=-1))


def test_edges_are_dark_lines_on_white_where_the_square_begins():
    drawing = DerivedPairs(Photos(), "edges_to_photo")[0]["A"][..., 0]
    assert drawing[20, 20] < 60 and drawing[20, 39] < 60 and drawing[10, 30] < 60
    assert drawing[2:8].min() > 150 and drawing[14:26, 24:36].min() > 200
    assert np.median(drawing) > 200


def test_edges_of_nothing():
    even = np.full((16, 16, 3), 77, np.uint8)
    noise = even + RNG.integers(0, 2, even.shape, np.uint8)
    assert edges_to_photo(even, RNG).min() == 255
    assert edges_to_photo(noise, RNG).min() > 200


@pytest.mark.parametrize("task", TASKS)
def test_threads(task):
    pairs = DerivedPairs(Photos(), task)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(pairs.__getitem__, [0, 1, 2, 3] * 6))
    for number, pair in enumerate(together):
        np.testing.assert_array_equal(pair["A"], pairs[number % 4]["A"])


def test_an_unknown_task():
    with pytest.raises(UserError, match="expected one of grey_to_colour, inpainting, edges_to_photo, received sketch"):
        DerivedPairs(Photos(), "sketch")
