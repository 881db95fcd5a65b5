"""Difference maps, sheets, facts."""

from types import SimpleNamespace

import numpy as np

from tfi2i.comparison.album import Album, as_file, difference_map, sheet
from tfi2i.comparison.facts import differences, preset_of
from tfi2i.comparison.runs import spread
from tfi2i.data import images
from tfi2i.run import Job, Recipe
from tfi2i.zoo import preset


def test_more_difference_is_lighter_in_equal_steps():
    levels = np.linspace(0, 1, 11, dtype=np.float32)
    x = np.zeros((1, 11, 3), np.float32)
    y = np.repeat(levels[None, :, None], 3, -1)
    y[..., 2] *= -1
    light = images.with_channels(difference_map(x, y), 1)[0, :, 0].astype(int)
    assert (np.diff(light) > 5).all() and light[0] < 5 and light[-1] > 240
    assert np.array_equal(difference_map(x[:, :1], x[:, :1] + 1), difference_map(x[:, :1], x[:, :1] + 2))
    one_channel = np.array([[[0.0, 0.0, 0.9]]], np.float32)
    assert np.array_equal(difference_map(x[:, :1], one_channel), difference_map(x[:, :1], 0 * x[:, :1] + 0.3))


def test_a_sheet_keeps_pixels_or_makes_them_smaller():
    small, large = np.full((40, 64, 3), 9, np.uint8), np.full((512, 256, 3), 200, np.uint8)
    small[:, :32] = 77
    made = sheet(["a", "b"], [("first", [small, None]), ("a name " * 40, [small, large])])
    assert made.dtype == np.uint8 and made.shape[-1] == 4
    shown = made[made[..., 3] == 255]
    colors = {tuple(c): n for c, n in zip(*np.unique(shown[:, :3], axis=0, return_counts=True), strict=True)}
    assert colors[77, 77, 77] == colors[9, 9, 9] == 2 * 40 * 32 * 4  # whole multiples: each pixel four
    assert colors[200, 200, 200] == 256 * 128
    assert made.shape[1] < 500  # the long name was cut


def test_names_of_any_sign_are_files(tmp_path):
    picture = Album(tmp_path).picture("A/B", "../ü 1", np.zeros((2, 3, 1), np.uint16), "text")
    assert picture.file == "pictures/A-B/1.png" and (picture.width, picture.height) == (3, 2)
    assert images.read(tmp_path / picture.file).dtype == np.uint8
    assert as_file("..") == "x"


def test_inputs_are_spread():
    assert spread(3, 9) == [0, 3, 6] and spread(12, 5) == [0, 1, 2, 3, 4] and spread(4, 10) == [0, 2, 5, 7]


def test_settings_that_differ():
    def run(model, **options):
        base = preset(model, "quick").config
        config = type(base)(**{**vars(base), **options})
        return SimpleNamespace(job=Job(model, config, Recipe(steps=7), "synthetic_facades"))

    one, other, cyclegan = run("pix2pix"), run("pix2pix", lambda_L1=10.0, ngf=8), run("cyclegan")
    assert differences([one, other]) == [("ngf", ["32", "8"]), ("lambda_L1", ["100", "10"])]
    assert ("lambda_L1", ["10", ""]) not in differences([other, cyclegan])  # one has it alone
    assert preset_of(one.job) == "quick" and preset_of(other.job) == "quick, ngf=8, lambda_L1=10"
