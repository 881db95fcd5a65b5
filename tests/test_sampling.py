"""tfi2i sample: the same codes give the same images; the way between two codes keeps to their sphere."""

import numpy as np
import pytest
from PIL import Image
from sizes import options

from tfi2i import loop, run, zoo
from tfi2i.cli import main
from tfi2i.sampling import between


@pytest.fixture(scope="module")
def gan_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gan") / "run"
    config = zoo.model_class("gan").Config(**options("gan"))
    loop.train(run.Job("gan", config, run.Recipe(steps=2), "synthetic_written_digits"), folder, progress=False)
    return folder


def test_images_and_a_grid(gan_run, tmp_path, capsys):
    assert main(["sample", str(gan_run), str(tmp_path / "few"), "--count=3"]) == 0
    assert main(["sample", str(gan_run), str(tmp_path / "more"), "--count=5", "--grid"]) == 0
    assert sorted(path.name for path in (tmp_path / "few").iterdir()) == ["0001.png", "0002.png", "0003.png"]
    for name in ("0001.png", "0003.png"):  # whatever the count
        assert (tmp_path / "few" / name).read_bytes() == (tmp_path / "more" / name).read_bytes()
    with Image.open(tmp_path / "more" / "grid.png") as sheet, Image.open(tmp_path / "few" / "0001.png") as image:
        assert image.size == (16, 16) and sheet.size == (3 * 16 + 2 * 4, 2 * 16 + 4)
    capsys.readouterr()
    assert main(["translate", str(gan_run), str(tmp_path / "few"), str(tmp_path / "out")]) == 2
    assert "tfi2i sample" in capsys.readouterr().err


def test_interpolation_goes_from_code_to_code(gan_run, tmp_path):
    assert main(["sample", str(gan_run), str(tmp_path / "codes"), "--count=3"]) == 0
    assert main(["sample", str(gan_run), str(tmp_path / "ways"), "--count=2", "--interpolate=4"]) == 0
    assert len(list((tmp_path / "ways").glob("0*.png"))) == 8
    for way, code in (("0001", "0001"), ("0004", "0002"), ("0005", "0002"), ("0008", "0003")):
        one, other = (
            np.asarray(Image.open(tmp_path / folder / f"{name}.png"), int)
            for folder, name in (("ways", way), ("codes", code))
        )
        assert np.abs(one - other).max() <= 1  # codes on the way are computed


def test_the_way_between_two_codes_is_a_great_circle():
    a, b = np.eye(2, dtype=np.float32)
    way = between(a, b, 3)
    np.testing.assert_allclose(way, [[1, 0], [0.5**0.5, 0.5**0.5], [0, 1]], atol=1e-6)


@pytest.mark.parametrize(("option", "said"), [("--count=0", "at least 1"), ("--interpolate=1", "at least 2")])
def test_numbers_below_one_are_refused(gan_run, tmp_path, capsys, option, said):
    assert main(["sample", str(gan_run), str(tmp_path / "out"), option]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_translates_samples_nothing(trained_run, tmp_path, capsys):
    assert main(["sample", str(trained_run), str(tmp_path / "out")]) == 2
    assert "tfi2i translate" in capsys.readouterr().err
