"""Label maps, their colours and what they mean."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tfi2i.data.folders import open_folder
from tfi2i.data.synthetic import SyntheticFacades
from tfi2i.errors import UserError
from tfi2i.evaluation.palettes import IGNORED, PALETTES, Palette, guessed, labels_of_pairs, open_palette

RED_OR_BLUE = Palette("two", ("red", "blue"), ((255, 0, 0), (0, 0, 255)), ((0, 0, 0),))


def as_jpeg(pixels):
    """With halved chroma, as the published pairs are stored."""
    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=75, subsampling=2)
    return np.asarray(Image.open(content))


def drawn(palette, seed=0, side=64, cell=8):
    """A label map of random rectangles that holds every class."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(np.arange((side // cell) ** 2) % len(palette)).reshape(side // cell, -1)
    return np.kron(cells, np.ones((cell, cell), int))


@pytest.mark.parametrize("palette", PALETTES.values(), ids=list(PALETTES))
def test_painted_classes_are_read_back_through_noise(palette):
    classes = drawn(palette)
    noise = np.random.default_rng(0).integers(-3, 4, (64, 64, 3))
    painted = palette.paint(classes)
    np.testing.assert_array_equal(palette.classes(painted), classes)
    np.testing.assert_array_equal(palette.classes(np.clip(painted + noise, 0, 255).astype(np.uint8)), classes)


def test_every_pixel_has_its_nearest_colour():
    palette = PALETTES["cityscapes"]
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    colours = np.array(palette.colours + palette.ignored, float)
    for ignore in (True, False):
        for y, x in np.ndindex(9, 7):
            nearest = np.linalg.norm(colours[: None if ignore else 19] - pixels[y, x], axis=1).argmin()
            assert palette.classes(pixels, ignore)[y, x] == (nearest if nearest < 19 else IGNORED)


def test_ignored_colours_are_classes_for_nobody_but_a_translation_must_decide():
    pixels = np.array([[[0, 0, 0], [250, 9, 3], [9, 0, 20]]], np.uint8)
    assert RED_OR_BLUE.classes(pixels).tolist() == [[IGNORED, 0, IGNORED]]
    assert RED_OR_BLUE.classes(pixels, ignore=False).tolist() == [[0, 0, 1]]
    assert RED_OR_BLUE.paint(np.array([[IGNORED, 1]])).tolist() == [[[0, 0, 0], [0, 0, 255]]]


def test_grey_and_16_bit_pictures_are_read_too():
    palette = Palette("grey", ("dark", "light"), ((10, 10, 10), (200, 200, 200)))
    assert palette.classes(np.array([[[180], [20]]], np.uint8)).tolist() == [[1, 0]]
    assert palette.classes(np.array([[[180, 180, 180]]], np.uint16) * 257).tolist() == [[1]]


def test_the_distance_is_that_of_half_of_the_pixels():
    pixels = np.array([[[255, 0, 0], [255, 3, 4], [128, 128, 128]]], np.uint8)
    assert RED_OR_BLUE.distance(pixels) == 5.0


@pytest.mark.parametrize("name", PALETTES)
def test_the_palette_of_jpegs_is_guessed(name):
    maps = [as_jpeg(PALETTES[name].paint(drawn(PALETTES[name], seed))) for seed in range(3)]
    assert guessed(maps).name == name


def test_photos_fit_no_palette():
    source = SyntheticFacades("test", 32, length=4)
    with pytest.raises(UserError, match=r"no label maps .* of cityscapes .* received \d+\); give the palette"):
        guessed([source[i]["A"] for i in range(4)])
    with pytest.raises(UserError, match="no label maps to guess"):
        guessed([])


class Swapped(SyntheticFacades):
    def __getitem__(self, index):
        a, b = super().__getitem__(index).values()
        return {"A": b, "B": a}


def test_which_half_of_the_pairs_are_label_maps():
    assert labels_of_pairs(SyntheticFacades("test", 32, length=3)) == ("B", PALETTES["synthetic_facades"])
    side, palette = labels_of_pairs(Swapped("test", 32, length=3), PALETTES["synthetic_facades"])
    assert side == "A" and palette is PALETTES["synthetic_facades"]


def test_pairs_without_label_maps_or_of_nothing_else_are_refused():
    source = SyntheticFacades("test", 32, length=2)
    photos = [{"A": source[i]["A"], "B": source[i]["A"]} for i in range(2)]
    labels = [{"A": source[i]["B"], "B": source[i]["B"]} for i in range(2)]
    with pytest.raises(UserError, match="neither half"):
        labels_of_pairs(photos)
    with pytest.raises(UserError, match="both halves"):
        labels_of_pairs(labels)
    with pytest.raises(UserError, match=r"neither half .* of two"):
        labels_of_pairs(labels, RED_OR_BLUE)
    with pytest.raises(UserError, match="no images"):
        labels_of_pairs([])


def test_the_label_maps_of_real_pairs(shared_data):
    side, palette = labels_of_pairs(open_folder(shared_data / "facades", "val", paired=True))
    assert (side, palette.name) == ("B", "facades")
    with pytest.raises(UserError, match="neither half"):
        labels_of_pairs(open_folder(shared_data / "maps", "test", paired=True))


def test_a_palette_of_ones_own(tmp_path):
    (tmp_path / "p.json").write_text('{"red": [255, 0, 0], "blue": [0, 0, 255], "ignored": [[0, 0, 0]]}')
    (tmp_path / "p.csv").write_text("red,255,0,0\nblue, 0, 0, 255\n\nignored,0,0,0\n")
    for file in ("p.json", "p.csv"):
        palette = open_palette(tmp_path / file)
        assert (palette.names, palette.colours, palette.ignored) == (
            RED_OR_BLUE.names,
            RED_OR_BLUE.colours,
            RED_OR_BLUE.ignored,
        )
    assert open_palette("facades") is PALETTES["facades"]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("p.json", '{"red": [255, 0', "cannot be read as a palette"),
        ("p.json", "[1, 2]", "cannot be read as a palette"),
        ("p.json", '{"red": 255, "blue": 3}', "cannot be read as a palette"),
        ("p.csv", "name,red,green,blue\nroad,1,2,3\n", "cannot be read as a palette"),
        ("p.csv", "red,255,0,0\n", "two classes or more"),
        ("p.csv", "red,255,0\nblue,0,0,255\n", "three whole numbers"),
        ("p.csv", "red,256,0,0\nblue,0,0,255\n", "three whole numbers"),
        ("p.json", '{"red": [0.5, 0, 0], "blue": [0, 0, 1]}', "three whole numbers"),
        ("p.csv", "red,255,0,0\nblue,0,0,255\nignored,255,0,0\n", "stands for two things"),
    ],
)
def test_a_file_that_is_no_palette_is_named(tmp_path, file, content, reason):
    (tmp_path / file).write_text(content)
    with pytest.raises(UserError, match=rf"{file}.*{reason}"):
        open_palette(tmp_path / file)


def test_an_unknown_palette():
    with pytest.raises(UserError, match="expected one of cityscapes, facades, synthetic_facades"):
        open_palette("ade20k")
    with pytest.raises(UserError, match=r"absent\.json: cannot be read"):
        open_palette("absent.json")
