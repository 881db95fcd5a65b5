"""Real photos, which the project doesn't hold: they skip, with a reason, where there are none."""

import numpy as np
from PIL import Image

from tfi2i.cli import main
from tfi2i.data import images
from tfi2i.data.check import check
from tfi2i.data.derived import TASKS
from tfi2i.data.folders import open_folder
from tfi2i.data.pipeline import load


def test_the_layouts_of_real_sets(shared_data):
    assert [len(open_folder(shared_data / "facades", split, paired=True)) for split in ("train", "val")] == [400, 100]
    assert [len(open_folder(shared_data / "maps", split, paired=True)) for split in ("train", "test")] == [150, 30]
    pair = open_folder(shared_data / "facades", "val", paired=True)[0]
    assert pair["A"].shape == pair["B"].shape == (256, 256, 3)
    report = check(shared_data / "maps")
    assert report.ok and report.images == 180


def test_decoding_equals_pillow(shared_data):
    path = shared_data / "facades" / "val" / "1.jpg"
    with Image.open(path) as image:
        np.testing.assert_array_equal(images.read(path), np.asarray(image.convert("RGB")))


def test_pairs_from_single_photos(shared_data):
    for task in TASKS:
        photos = load(shared_data / "monet2photo" / "trainB", "train", task=task, load_size=72, crop_size=64)
        batch = next(iter(photos))
        assert batch["x"].shape == batch["y"].shape == (1, 64, 64, 3)
        assert np.abs(batch["x"] - batch["y"]).mean() > 0.01


def test_train_translate_and_evaluate_real_facades(shared_data, tmp_path, capsys):
    facades, run = str(shared_data / "facades"), str(tmp_path / "run")
    tiny = ["--netG=unet_64", "--ngf=4", "--ndf=4", "--load_size=72", "--crop_size=64", "--steps=3", "--quiet"]
    assert main(["train", "--model=pix2pix", f"--data_dir={facades}", "--direction=BtoA", f"--run={run}", *tiny]) == 0
    assert main(["evaluate", run, "--split=val", "--quiet"]) == 0
    assert "100 images" in capsys.readouterr().out
    assert main(["translate", run, f"{facades}/val/1*.jpg", str(tmp_path / "out"), "--quiet"]) == 0
    assert "12 done, 0 skipped, 0 failed" in capsys.readouterr().out
    assert images.size(tmp_path / "out" / "1.jpg") == (256, 512)
