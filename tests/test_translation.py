"""tfi2i translate: files come back in the form they went, whatever their size."""

import numpy as np
import pytest
from PIL import Image

from tfi2i.data import images
from tfi2i.errors import UserError
from tfi2i.translation import Network, open_network, translate, translated


def identity(channels=3, stride=16, size=None):
    return Network(lambda x: x, stride, channels, size)


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16), (33, 17)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_identity_gives_each_picture_back(tmp_path, size, channels, dtype):
    pixels, alpha = noise(*size, channels, dtype=dtype), np.full((*size, 1), np.iinfo(dtype).max, dtype)
    images.write(tmp_path / "a.png", pixels, alpha)
    picture = images.read_picture(tmp_path / "a.png")
    # Grey goes through an RGB network and comes back grey.
    np.testing.assert_array_equal(translated(identity(), picture), pixels)
    assert picture.alpha.dtype == dtype


def test_colour_from_grey_stays_colour():
    colourize = Network(lambda x: np.concatenate([x, -x, x], -1), 4, 1)
    picture = images.Picture(noise(8, 8, 1), None, "PNG")
    assert translated(colourize, picture).shape == (8, 8, 3)


def test_names_are_kept_what_exists_is_skipped_and_what_is_broken_is_counted(trained_run, tmp_path):
    pictures, out = tmp_path / "in", tmp_path / "out"
    pictures.mkdir()
    Image.fromarray(noise(20, 31, 3)).save(pictures / "b.jpg")
    Image.fromarray(noise(20, 31)).save(pictures / "a.png")
    Image.fromarray(noise(20, 31)).save(pictures / "g.gif")
    (pictures / "c.png").write_bytes(b"no picture")
    (pictures / "notes.txt").write_text("not a picture either")
    summary = translate(trained_run, pictures, out, progress=False)
    assert (summary.done, summary.skipped, len(summary.failed)) == (3, 0, 1)
    assert "c.png" in next(iter(summary.failed))
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.jpg", "g.png"]
    assert images.read(out / "a.png").shape == (20, 31, 1)  # grey again
    before = (out / "a.png").read_bytes()
    assert translate(trained_run, pictures, out, progress=False).skipped == 3
    assert translate(trained_run, str(pictures / "*.png"), out, overwrite=True, progress=False).done == 1
    assert (out / "a.png").read_bytes() == before  # one input has one answer
    summary = translate(trained_run, pictures / "b.jpg", tmp_path / "one", progress=False)
    assert summary.done == 1


def test_a_picture_too_large_for_the_export_is_counted(tmp_path):
    Image.fromarray(noise(40, 40, 3)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="larger than the network's 32 x 32"):
        translated(identity(size=(32, 32)), images.read_picture(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("run", "pictures", "output", "message"),
    [
        ("nowhere", "in", "out", "no such run or export"),
        ("run", "nothing", "out", "nothing"),
        ("run", "in", "in", "the results would replace the pictures"),
        ("run", "in", "in/a.png", "not a folder"),
    ],
)
def test_wrong_places(trained_run, tmp_path, monkeypatch, run, pictures, output, message):
    (tmp_path / "in").mkdir()
    Image.fromarray(noise(16, 16, 3)).save(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        translate(trained_run if run == "run" else run, pictures, output, progress=False)


def test_stochastic_draws_anew(tmp_path):
    import tfi2i
    from tfi2i import run

    model = tfi2i.create("pix2pix", netG="unet_64", ngf=2, ndf=2, load_size=64, crop_size=64)
    run.Job("pix2pix", model.config, run.Recipe(), "synthetic_facades").save(tmp_path)
    run.write_networks(model, tmp_path / "networks")
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    quiet, noisy = open_network(tmp_path), open_network(tmp_path, stochastic=True)
    np.testing.assert_array_equal(quiet.call(x), quiet.call(x))
    assert np.abs(noisy.call(x) - noisy.call(x)).max() > 0
