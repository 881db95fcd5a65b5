"""Every kind of bad data a user may have, through the command line: exit status, one line, the file's name."""

import json
import shutil
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main
from tfi2i.data import catalog

TINY = ["--netG=unet_32", "--ngf=2", "--ndf=2", "--load_size=32", "--crop_size=32", "--steps=1", "--quiet"]


def encoded(format, size=(32, 64), **options):
    content = BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(content, format, **options)
    return content.getvalue()


def claims_to_be(width, height):
    """A PNG of a few bytes whose header promises a huge image."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def flipped(content, at):
    content = bytearray(content)
    content[at] ^= 0xFF
    return bytes(content)


BROKEN = {
    "empty.png": b"",
    "text.jpg": b"this is no picture\n" * 20,
    "page.png": b"<!doctype html><html><body>404 not found</body></html>",
    "half.png": encoded("PNG")[:-300],
    "half.jpg": encoded("JPEG")[:-300],
    "half.webp": encoded("WEBP")[:-300],
    "half.gif": encoded("GIF")[:200],
    "half.tiff": encoded("TIFF")[:-3000],
    "half.bmp": encoded("BMP")[:-3000],
    "header.png": encoded("PNG")[:20],
    "checksum.png": flipped(encoded("PNG"), -100),
    "huge.png": claims_to_be(20_000, 20_000),
    "absurd.png": claims_to_be(2**31 - 1, 2**31 - 1),
    "odd.png": encoded("PNG", (32, 63)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_stops_training_by_name(tmp_path, capsys, name):
    (tmp_path / "pairs" / "train").mkdir(parents=True)
    (tmp_path / "pairs" / "train" / name).write_bytes(BROKEN[name])
    (tmp_path / "pairs" / "val").mkdir()
    (tmp_path / "pairs" / "val" / "good.png").write_bytes(encoded("PNG"))
    argv = ["train", "--model=pix2pix", f"--data_dir={tmp_path}/pairs", f"--run={tmp_path}/run", *TINY]
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfi2i: error: ") and name in line


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "odd.png"])
def test_a_broken_picture_is_counted_by_translate_and_check(tmp_path, capsys, trained_run, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(BROKEN[name])
    (tmp_path / "in" / "good.png").write_bytes(encoded("PNG"))
    assert main(["translate", str(trained_run), f"{tmp_path}/in", f"{tmp_path}/out", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("1 done, 0 skipped, 1 failed") and err.startswith("tfi2i: failed: ") and name in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["failed.csv", "good.png"]
    assert name in (tmp_path / "out" / "failed.csv").read_text() and "failed.csv" in err
    assert main(["datasets", "check", f"{tmp_path}/in", "--json"]) == 1
    assert name in json.dumps(json.loads(capsys.readouterr().out)["broken"])


def folders(root, files):
    for name, size in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded("PNG", size))


LAYOUTS = {
    "empty folder": ({}, "expected"),
    "one of a pair is missing": ({"trainA/1.png": (32, 32), "trainA/2.png": (32, 32), "trainB/1.png": (32, 32)}, "2"),
    "no name in common": ({"A/1.png": (32, 32), "B/2.png": (32, 32)}, "1"),
    "sizes differ": ({"trainA/1.png": (32, 32), "trainB/1.png": (32, 40)}, "1.png"),
    "only half a layout": ({"trainA/1.png": (32, 32)}, "trainB"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_folder_that_holds_no_pairs(tmp_path, capsys, case):
    files, named = LAYOUTS[case]
    (tmp_path / "data").mkdir()
    folders(tmp_path / "data", files)
    assert main(["train", "--model=pix2pix", f"--data_dir={tmp_path}/data", f"--run={tmp_path}/run", *TINY]) == 2
    *notes, line = capsys.readouterr().err.splitlines()
    assert line.startswith("tfi2i: error: ") and named in line
    assert all(note.startswith("tfi2i: no test images") for note in notes)


def test_pictures_smaller_than_the_crop(tmp_path, capsys):
    folders(tmp_path / "data", {"train/1.png": (16, 32), "val/1.png": (16, 32)})
    argv = ["train", "--model=pix2pix", f"--data_dir={tmp_path}/data", f"--run={tmp_path}/run", *TINY]
    assert main([*argv, "--preprocess=crop"]) == 2
    assert "smaller than --crop_size=32" in capsys.readouterr().err


def test_no_server_answers(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TFI2I_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(catalog, "PIX2PIX_MIRRORS", ("http://127.0.0.1:9/{name}.tar.gz",))
    assert main(["train", "--model=pix2pix", "--dataset=facades", f"--run={tmp_path}/run", *TINY]) == 2
    err = capsys.readouterr().err
    line = err.splitlines()[-1]
    assert line.startswith("tfi2i: error: ") and "facades.tar.gz" in line and str(tmp_path) in line


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", "can't be read"),
        ("networks/G.keras", "damaged file"),
        ("networks/SHA256SUMS", "no trained networks"),
    ],
)
def test_a_damaged_run(trained_run, tmp_path, capsys, file, message):
    shutil.copytree(trained_run, tmp_path / "run")
    if file.endswith("SUMS"):
        (tmp_path / "run" / file).unlink()
    else:
        (tmp_path / "run" / file).write_bytes((trained_run / file).read_bytes()[:-40])
    for verb in ("evaluate", "export"):
        assert main([verb, str(tmp_path / "run")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line and str(tmp_path / "run") in line


def test_a_damaged_checkpoint(trained_run, tmp_path, capsys):
    shutil.copytree(trained_run, tmp_path / "run")
    data = tmp_path / "run" / "checkpoints" / "ckpt-4.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    assert main(["train", f"--resume={tmp_path}/run", "--quiet"]) == 2
    assert "the checkpoint can't be restored" in capsys.readouterr().err


def test_a_picture_that_is_no_export(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    assert main(["translate", f"{tmp_path}/a.png", f"{tmp_path}/a.png", f"{tmp_path}/out", "--quiet"]) == 2
    assert "no export" in capsys.readouterr().err


def test_training_images_alone_are_enough(tmp_path, capsys):
    folders(tmp_path / "data", {"trainA/1.png": (32, 32), "trainB/1.png": (32, 32)})
    assert main(["train", "--model=pix2pix", f"--data_dir={tmp_path}/data", f"--run={tmp_path}/run", *TINY]) == 0
    assert "no test images" in capsys.readouterr().err


def test_a_broken_test_split_is_not_taken_for_none(tmp_path, capsys):
    folders(tmp_path / "data", {f"{d}{k}.png": (32, 32) for d in ("trainA/", "trainB/") for k in (1, 2)})
    folders(tmp_path / "data", {"testA/1.png": (32, 32), "testB/2.png": (32, 32)})
    assert main(["train", "--model=pix2pix", f"--data_dir={tmp_path}/data", f"--run={tmp_path}/run", *TINY]) == 2
    assert "no test images" not in capsys.readouterr().err
