"""What the README has people type, typed: the lines under "Use" from top to bottom, in a folder with what they name."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sizes import options

from tfi2i import loop
from tfi2i.cli import doctor, main

ROOT = Path(__file__).parent.parent
NOT_TYPED = {  # and where it is tested
    "demo": "runs until it is stopped: exporting/test_demo.py",
    "benchmark": "takes hours: benchmark/",
    "evaluate --real": "needs published weights: evaluation/test_set_features.py",
    "study report": "needs people: study/test_report.py",
}
SHORT = ["--steps=1", "--sample_every=1", "--checkpoint_every=1", "--quiet"]


def lines():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^## Use\n+```sh\n(.*?)^```", text, re.M | re.S)
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def pictures(folder, names, size=(40, 36)):
    """Each name a PNG of noise."""
    random = np.random.default_rng(0)
    for name in names:
        file = Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (*size[::-1], 3), np.uint8)).save(file)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Runs of a step, and data of each form."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "STEPS", 2)
    monkeypatch.setattr(loop, "compiled_step", lambda model, *_: model.train_step)  # a graph takes longer than a step
    numbers = [f"{k}.png" for k in range(60)]  # so that the tenth that is held out has some with each attribute
    pictures("my/pairs", [f"train/{name}" for name in numbers] + ["val/1.png"], (80, 36))
    pictures("my/domains", [f"{part}/{name}" for part in ("trainA", "trainB", "testA", "testB") for name in numbers])
    pictures("rafd", [f"{feeling}/{name}" for feeling in ("happy", "sad") for name in numbers])
    pictures("celeba/images", numbers)
    for name in ("pictures", "photos", "faces", "small"):
        pictures(name, numbers[:2])
    attributes = ("Male", "Young", "Blond_Hair", "Smiling")
    rows = [f"{name} {' '.join('1' if (k >> a) & 1 else '-1' for a in range(4))}" for k, name in enumerate(numbers)]
    Path("celeba/list_attr_celeba.txt").write_text("\n".join([str(len(rows)), " ".join(attributes), *rows]) + "\n")
    digits = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    for name in ("usps.npz", "mnist.npz"):
        labels = np.arange(20) % 10
        np.savez(name, x_train=digits, y_train=labels, x_test=digits, y_test=labels)
    for name in ("latest_net_G_A.pth", "latest_net_G_B.pth"):
        shutil.copy(ROOT / "tests" / "parity" / "cyclegan_resnet9" / name, name)
    for run, model, more in (
        ("NAME", "cyclegan", ["--data_dir=my/domains"]),
        ("munit", "munit", []),
        ("ugatit", "ugatit", []),
        ("srgan", "srgan", []),
        ("gan", "gan", []),
        ("stargan", "stargan", ["--data_dir=celeba", "--attributes=Male,Young,Blond_Hair", "--exclusive="]),
    ):
        argv = ["train", f"--model={model}", "--preset=quick", f"--run=runs/{run}", *tiny(model, more), *more]
        assert main(argv) == 0
    for run in ("A", "B"):
        shutil.copytree("runs/NAME", f"runs/{run}")
    return tmp_path


def tiny(model, given=()):
    """What makes a training of the model short, but for options that are given."""
    known, given = options(model), {part.split("=")[0][2:] for part in given}
    return [*SHORT, *(f"--{key}={value}" for key, value in known.items() if key not in given)]


@pytest.mark.slow
def test_every_command_of_the_readme_is_typed(folder, capsys):
    typed = 0
    for argv in lines():
        if any(shlex.join(argv).startswith(left_out) for left_out in NOT_TYPED):
            continue
        argv = [part.replace("--dataset=facades", "--data_dir=my/pairs") for part in argv]  # which is a download
        if argv[0] == "train" and (model := re.search(r"--model=(\w+)", shlex.join(argv))):
            argv += tiny(model[1], argv)
        argv += ["--no_benchmark"] if argv[0] == "export" else []
        status = main(argv)
        assert status == 0, f"tfi2i {shlex.join(argv)}\n{capsys.readouterr().err[-2000:]}"
        typed += 1
    assert typed > 25
    for made in ("exports/NAME/1/export.json", "presets/NAME/README.md", "report/index.html", "study", "shards"):
        assert (folder / made).exists(), made
