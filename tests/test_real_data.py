"""Real photos, which the project doesn't hold: they skip, with a reason, where there are none."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from sizes import options

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


OTHERS = {  # data below shared/data, options, and how the run is asked for answers
    "gan": ("digits/mnist_part.npz", [], ["sample", "--count=3"]),
    "stargan": ("celeba", ["--attributes=Male,Smiling", "--exclusive="], ["translate", "--target=all"]),
    "dtn": ("digits/usps.npz,digits/mnist_part.npz", ["--f_iters=2"], ["translate"]),
    "diat": ("celeba", ["--attribute=Smiling"], ["translate"]),
}


def few_examples(source, into, train=300, test=40):
    """The first of a set of digits or of faces, in `into`: a path."""
    made = into / source.name
    if source.suffix == ".npz":
        arrays = np.load(source)
        np.savez(made, **{key: arrays[key][: train if "train" in key else test] for key in arrays})
        return str(made)
    made.mkdir()
    (made / "images").symlink_to(source / "images")
    parts = [line.split() for line in (source / "list_eval_partition.txt").read_text().splitlines()]
    names = [[name for name, part in parts if part == wanted] for wanted in ("0", "2")]
    kept = {*names[0][:train], *names[1][:test]}
    for file in ("list_eval_partition.txt", "list_attr_celeba.txt"):
        lines = [
            line
            for line in (source / file).read_text().splitlines()
            if not line[:6].isdigit() or line.split()[0] in kept
        ]
        if file.startswith("list_attr"):
            lines = [str(len(kept)), *(line for line in lines if not line.strip().isdigit())]
        (made / file).write_text("\n".join(lines) + "\n")
    return str(made)


@pytest.mark.parametrize("name", OTHERS)
def test_digits_and_faces(name, shared_data, tmp_path, capsys, monkeypatch):
    """Trained and resumed, asked for answers, measured and exported."""
    from tfi2i.evaluation import classifier, generation

    monkeypatch.setattr(classifier, "EPOCHS", 0.1)
    monkeypatch.setattr(generation, "PARZEN", 100)
    files, more, (verb, *asked) = OTHERS[name]
    data = ",".join(few_examples(shared_data / file, tmp_path) for file in files.split(","))
    run, face = str(tmp_path / "run"), str(shared_data / "celeba" / "images" / "000001.jpg")
    given = {option.split("=")[0][2:] for option in more}
    sizes = [f"--{key}={value}" for key, value in options(name).items() if key not in given]
    assert main(["train", f"--model={name}", f"--data_dir={data}", f"--run={run}", "--steps=2", *sizes, *more]) == 0
    assert main(["train", f"--resume={run}", "--quiet"]) == 0
    answered = [run, str(tmp_path / "out")] if verb == "sample" else [run, face, str(tmp_path / "out")]
    assert main([verb, *answered, *asked]) == 0
    assert list((tmp_path / "out").iterdir())
    assert main(["evaluate", run, "--quiet"]) == 0
    assert "split test" in capsys.readouterr().out
    assert main(["export", run, f"--out={tmp_path / 'exports'}", "--format=litert", "--no_benchmark"]) == 0


def test_super_resolution_of_real_photos(shared_data, tmp_path, capsys):
    run, sizes = str(tmp_path / "run"), [f"--{key}={value}" for key, value in options("srgan").items()]
    train = ["train", "--model=srgan", f"--data_dir={shared_data / 'sr' / 'BSD_part'}", f"--run={run}", "--quiet"]
    assert main([*train, "--steps=2", *sizes]) == 0
    assert main(["evaluate", run, f"--dataset={shared_data / 'sr' / 'Set5'}", "--split=all", "--quiet"]) == 0
    assert re.search(r"psnr_bicubic +28\.4305 ", capsys.readouterr().out)
    bird = str(shared_data / "sr" / "Set5" / "bird.png")
    assert main(["translate", run, bird, str(tmp_path / "out"), "--tile=100", "--overlap=20", "--quiet"]) == 0
    assert images.size(tmp_path / "out" / "bird.png") == (4 * 288, 4 * 288)
    assert main(["export", run, f"--out={tmp_path / 'exports'}", "--format=litert", "--no_benchmark"]) == 0
    # Of one size, crop_size / scale: larger pictures in tiles.
    lite = str(tmp_path / "exports" / "run" / "1-devices" / "run.float32.tflite")
    assert main(["translate", lite, bird, str(tmp_path / "lite"), "--tile=8", "--overlap=0", "--quiet"]) == 0
    assert images.size(tmp_path / "lite" / "bird.png") == (4 * 288, 4 * 288)


def few(folder, into, train=12, test=4):
    """Links to the first images of each part of a set of two domains, in a folder of its name."""
    for part in folder.iterdir():
        linked = into / folder.name / part.name
        linked.mkdir(parents=True)
        for path in sorted(part.iterdir())[: train if part.name.startswith("train") else test]:
            (linked / path.name).symlink_to(path)
    return into / folder.name


@pytest.mark.parametrize("name", ["cyclegan", "munit", "ugatit"])
def test_models_of_two_domains_on_real_images(name, shared_data, tmp_path, capsys):
    """Trained, in both directions, with styles and attention where there are any, and measured.

    CycleGAN is also resumed, exported, and its export asked; the contract and the matrix of exports do that with all.
    """
    dataset = "cat2dog" if name == "ugatit" else "monet2photo"
    folder = few(shared_data / dataset, tmp_path)
    run, photos, data = str(tmp_path / "run"), str(folder / "testA"), f"--data_dir={folder}"
    sizes = [f"--{key}={value}" for key, value in options(name).items()]
    assert main(["train", f"--model={name}", data, f"--run={run}", "--steps=2", "--quiet", *sizes]) == 0
    for direction in ("AtoB", "BtoA"):
        out = tmp_path / direction
        assert main(["translate", run, photos, str(out), f"--direction={direction}", "--quiet"]) == 0
        assert len(list(out.iterdir())) == 4
    if name == "munit":
        first, second = (str(sorted((folder / f"test{d}").iterdir())[0]) for d in "AB")
        assert main(["translate", run, first, str(tmp_path / "styles"), "--styles=2", "--quiet"]) == 0
        assert len(list((tmp_path / "styles").iterdir())) == 2
        assert main(["translate", run, first, str(tmp_path / "like"), f"--style_image={second}", "--quiet"]) == 0
    if name == "ugatit":
        first = str(sorted((folder / "testA").iterdir())[0])
        assert main(["translate", run, first, str(tmp_path / "maps"), "--attention", "--quiet"]) == 0
        with Image.open(next((tmp_path / "maps").glob("*_attention.png"))) as sheet:
            assert sheet.size == (5 * 256, 256)
    assert main(["evaluate", run, "--quiet"]) == 0
    assert "l1_cycle" in capsys.readouterr().out
    if name != "cyclegan":
        return
    assert main(["train", f"--resume={run}", "--quiet"]) == 0
    export = ["export", run, f"--out={tmp_path / 'exports'}", "--size=64x64", "--no_benchmark"]
    assert main([*export, "--format=saved_model,litert", "--quantize=none,mixed_int8"]) == 0
    (made,) = (tmp_path / "exports" / "run").glob("1*")
    assert len(list(made.glob("*.tflite"))) == 4
    assert json.loads((made / "export.json").read_text())["compared_on"]["from"] == f"{dataset}, test"  # and no path
    served = str(tmp_path / "exports" / "run")
    assert main(["translate", served, photos, str(tmp_path / "served"), "--direction=BtoA", "--quiet"]) == 0
