"""tfi2i translate: files come back in the form they went, whatever their size."""

import csv
import itertools
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfi2i import translation
from tfi2i.cli import main
from tfi2i.data import images
from tfi2i.data.collection import AHEAD
from tfi2i.errors import UserError
from tfi2i.tiles import in_tiles
from tfi2i.translation import Network, network_of, open_network, translate, translated


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
    y, answer_alpha = translated(identity(), picture)
    np.testing.assert_array_equal(y, pixels)
    np.testing.assert_array_equal(answer_alpha, alpha)


def test_colour_from_grey_stays_colour():
    colourize = Network(lambda x: np.concatenate([x, -x, x], -1), 4, 1)
    picture = images.Picture(noise(8, 8, 1), None, "PNG")
    y, _ = translated(colourize, picture)
    assert y.shape == (8, 8, 3)


def twice(x):
    return x.repeat(2, 1).repeat(2, 2)


@pytest.mark.parametrize("tile", [None, 1, 7, 16, 64])
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (33, 17)])
def test_super_resolution_multiplies_the_size_of_pixels_and_alpha(size, tile):
    picture = images.Picture(noise(*size, 3), np.full((*size, 1), 255, np.uint8), "PNG")
    y, alpha = translated(Network(twice, 4, 3), picture, tile=tile)
    np.testing.assert_array_equal(y, picture.pixels.repeat(2, 0).repeat(2, 1))
    assert alpha.shape == (2 * size[0], 2 * size[1], 1) and (alpha == 255).all()


@pytest.mark.parametrize(("tile", "overlap"), [(20, 8), (32, 16), (23, 17)])
def test_tiles_are_the_whole_where_the_overlap_is_wider_than_what_the_network_sees(tile, overlap):
    """A mean over 7 x 7 pixels, zeros beyond the border."""

    def blurred(x):
        padded = np.pad(x, ((3, 3), (3, 3), (0, 0)))
        return np.lib.stride_tricks.sliding_window_view(padded, (7, 7), (0, 1)).mean((-1, -2)).repeat(2, 0).repeat(2, 1)

    x = np.random.default_rng(0).uniform(-1, 1, (61, 90, 3)).astype("float32")
    np.testing.assert_allclose(in_tiles(blurred, x, tile, overlap), blurred(x), atol=1e-6)
    assert np.abs(in_tiles(blurred, x, tile, 2) - blurred(x)).max() > 0.01


def test_tiles_of_a_smooth_picture_have_no_seams():
    """Of a G that looks two dozen pixels far, at the default overlap; at a small one there are."""
    import tfi2i

    network = network_of(tfi2i.create("srgan", stage="srresnet", n_blocks=8, ngf=8))
    ramp = np.linspace(0, 65535, 96)
    pixels = np.stack([ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp, (ramp[:, None] + ramp) / 2], -1)
    picture = images.Picture(pixels.astype(np.uint16), None, "PNG")
    ways = ({}, {"tile": 64}, {"tile": 64, "overlap": 4})
    whole, tiled, seamed = (translated(network, picture, **way)[0].astype(float) / 257 for way in ways)
    assert np.abs(tiled - whole).max() < 0.02  # of 255 levels
    assert np.abs(seamed - whole).max() > 1


@pytest.mark.parametrize(
    ("tile", "overlap", "message"),
    [(0, None, "--tile=0"), (8, 8, "expected 0 to 7"), (8, -1, "expected 0 to 7"), (None, 4, "give --tile too")],
)
def test_wrong_tiles(tile, overlap, message, trained_run, tmp_path):
    images.write(tmp_path / "a.png", noise(8, 8, 3))
    with pytest.raises(UserError, match=message):
        translate(trained_run, tmp_path / "a.png", tmp_path / "out", tile=tile, overlap=overlap, progress=False)


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
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.jpg", "failed.csv", "g.png"]
    (row,) = csv.DictReader((out / "failed.csv").read_text().splitlines())
    assert row["path"] == str(pictures / "c.png") and "expected JPEG" in row["reason"]
    assert images.read(out / "a.png").shape == (20, 31, 1)  # grey again
    before = (out / "a.png").read_bytes()
    assert translate(trained_run, pictures, out, progress=False).skipped == 3
    assert translate(trained_run, str(pictures / "*.png"), out, overwrite=True, progress=False).done == 1
    assert (out / "a.png").read_bytes() == before  # one input has one answer
    summary = translate(trained_run, pictures / "b.jpg", tmp_path / "one", progress=False)
    assert summary.done == 1


@pytest.fixture
def opened(monkeypatch):
    """Translations with the network that the test puts in this list, "source" whatever it is."""
    networks = [identity()]
    monkeypatch.setattr(translation, "open_network", lambda *_: networks[0])
    return networks


def test_a_picture_that_fails_in_the_network_is_counted_and_the_manifest_goes_when_it_is_mended(opened, tmp_path):
    pictures, out = tmp_path / "in", tmp_path / "out"
    for name, side in (("a.png", 40), ("b.png", 20), ("folder/b.png", 16)):
        (pictures / name).parent.mkdir(exist_ok=True, parents=True)
        images.write(pictures / name, noise(side, side, 3))
    opened[0] = identity(size=(32, 32))
    summary = translate("source", pictures, out, progress=False)
    assert (summary.done, list(summary.failed)) == (1, [str(pictures / "a.png")])
    assert "larger than the network's 32 x 32" in (out / "failed.csv").read_text()

    def out_of_memory(x):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmuch more")

    opened[0] = Network(out_of_memory, 16, 3)
    summary = translate("source", pictures, out, progress=False)
    assert (summary.skipped, list(summary.failed.values())) == (1, ["ResourceExhaustedError: OOM when allocating"])
    opened[0] = identity()
    assert translate("source", pictures, out, progress=False)[:2] == (1, 1)
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png"]  # subfolders are not looked into
    assert translate("source", pictures / "*" / "*.png", tmp_path / "deep", progress=False).done == 1
    assert (tmp_path / "deep" / "folder" / "b.png").is_file()


def test_what_is_no_picture_s_fault_ends_the_job(opened, tmp_path, monkeypatch):
    """A full disk would fail every picture that is left."""
    images.write(tmp_path / "a.png", noise(8, 8, 3))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        translate("source", tmp_path / "a.png", tmp_path / "out", progress=False)


def test_memory_does_not_grow_with_what_is_held_of_a_picture(opened, tmp_path):
    """20,000 names, three to do: some 100 bytes each, names included; a list of paths takes more than twice that."""
    count, pictures, out = 20_000, tmp_path / "in", tmp_path / "out"
    pictures.mkdir()
    out.mkdir()
    images.write(tmp_path / "one.png", noise(4, 4, 3))
    for k in range(count):
        os.link(tmp_path / "one.png", pictures / f"picture_{k:05}.png")
        if k % 8000:
            os.link(tmp_path / "one.png", out / f"picture_{k:05}.png")
    tracemalloc.start()
    summary = translate("source", pictures, out, progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (summary.done, summary.skipped) == (3, count - 3)
    assert peak < 150 * count, peak / count


def test_no_more_than_a_few_pictures_are_read_ahead(opened, tmp_path, monkeypatch):
    """However slow the network is, nor however many there are; and no file is read before it is its turn."""
    read, ahead = images.read_picture, []
    calls, answers = itertools.count(1), itertools.count(1)
    monkeypatch.setattr(images, "read_picture", lambda path: (ahead.append(next(calls)), read(path))[1])

    def slow(x):
        time.sleep(0.01)
        assert ahead[-1] <= next(answers) + AHEAD
        return x

    opened[0] = Network(slow, 1, 3)
    for k in range(30):
        images.write(tmp_path / "in" / f"{k}.png", noise(4, 4, 3)) if k else (tmp_path / "in").mkdir()
    assert translate("source", tmp_path / "in", tmp_path / "out", progress=False).done == 29
    assert len(ahead) == 29


def test_killed_it_leaves_whole_files_and_ends_with_the_same_bytes_when_repeated(trained_run, tmp_path):
    pictures, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    pictures.mkdir()
    for k in range(80):
        images.write(pictures / f"{k}.jpg", noise(96, 96 + k, 3))
    assert translate(trained_run, pictures, whole, progress=False).done == 80
    program = "import sys; from tfi2i.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "translate", str(trained_run), str(pictures), str(out), "--quiet"]
    process = subprocess.Popen(command)
    while process.poll() is None and (not out.exists() or len(list(out.glob("*.jpg"))) < 5):
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -9, "it ended before it was killed: give it more pictures"
    there = {path.name: path.read_bytes() for path in out.glob("*.jpg")}
    assert all(content == (whole / name).read_bytes() for name, content in there.items())
    stray = out / f".{'0' * 32}.tmp"  # as one that was killed while it wrote leaves behind
    stray.write_bytes(b"half")
    os.utime(stray, (0, 0))
    summary = translate(trained_run, pictures, out, progress=False)
    assert (summary.skipped, summary.done) == (len(there), 80 - len(there))
    assert not stray.exists()
    for path in whole.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


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


def test_a_network_that_answers_at_its_own_size_gives_pictures_back_at_theirs():
    """What it sees is the whole picture at that size, not a picture with mirrored borders."""
    seen = []

    def at_8(x):
        seen.append(x)
        return np.full((1, 8, 8, 3), x.mean(), "float32")

    picture = images.Picture(np.repeat(noise(1, 16, 3), 16, 0), None, "PNG")
    answer, _ = translated(Network(at_8, 1, 3, answers_at=(8, 8)), picture)
    assert seen[0].shape == (1, 8, 8, 3) and answer.shape == (16, 16, 3)
    assert np.ptp(answer) == 0 and abs(int(answer[0, 0, 0]) - picture.pixels.mean()) < 3


def test_pictures_of_another_scale_are_told(trained_run, tmp_path, capsys):
    """Those of the training were brought to 36 px."""
    for side, told in ((40, False), (96, True)):
        images.write(tmp_path / f"{side}.png", np.zeros((side, side, 3), np.uint8))
        assert (
            main(["translate", str(trained_run), str(tmp_path / f"{side}.png"), str(tmp_path / "out"), "--quiet"]) == 0
        )
        assert ("brought to 36 px, and this one has 96x96" in capsys.readouterr().err) == told
