"""tfi2i import: official files become a run; every bad file is one line, and nothing in it is run."""

import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main

PARITY = Path(__file__).parent.parent / "parity"
FILES = {
    "pix2pix": ["pix2pix_unet/latest_net_G.pth"],
    "cyclegan": ["cyclegan_resnet9/latest_net_G_A.pth", "cyclegan_resnet9/latest_net_G_B.pth"],
    "munit": ["munit/gen_00000001.pt"],
    "drit": ["drit/weights.pth"],
    "srgan": ["srgan/g_last.pth.tar"],
    "ugatit": ["ugatit_light/weights.pth"],
}


def import_run(model, tmp_path, *more):
    files = [str(PARITY / file) for file in FILES[model]]
    return main(["import", f"--model={model}", *files, f"--run={tmp_path / 'run'}", *more])


def picture(path, size=(64, 64)):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("model", FILES)
def test_an_imported_run_translates_and_exports_but_has_no_training(model, tmp_path, capsys):
    assert import_run(model, tmp_path) == 0
    run, photo = str(tmp_path / "run"), picture(tmp_path / "photo.png")
    assert main(["translate", run, photo, str(tmp_path / "out"), "--quiet"]) == 0
    with Image.open(tmp_path / "out" / "photo.png") as answer:
        assert answer.size == ((256, 256) if model == "srgan" else (64, 64))
    if model in ("pix2pix", "cyclegan"):  # the matrix of exports has the networks of all
        export = ["export", run, "--format=litert", f"--out={tmp_path / 'exports'}", "--size=64x64", "--no_benchmark"]
        assert main(export) == 0
        assert "random numbers instead of images (the run was imported and knows no data)" in capsys.readouterr().err
        exports = sorted(path.name for path in (tmp_path / "exports" / "run" / "1-devices").glob("*.tflite"))
        ways = [""] if model == "pix2pix" else ["_AtoB", "_BtoA"]
        assert exports == [f"run{way}.float32.tflite" for way in ways]
    if model == "pix2pix":
        assert main([*export, "--quantize=mixed_int8"]) == 2
        assert "give --images=FOLDER" in capsys.readouterr().err
        assert main([*export, "--quantize=mixed_int8", f"--images={photo}", "--min_psnr=10"]) == 0
    capsys.readouterr()
    assert main(["train", f"--resume={run}"]) == 2
    assert "was imported" in capsys.readouterr().err
    assert main(["evaluate", run]) == 2
    assert "give --dataset" in capsys.readouterr().err


def test_one_generator_alone_translates_its_own_direction(tmp_path, capsys):
    run, photo = str(tmp_path / "run"), picture(tmp_path / "photo.png")
    file = str(PARITY / "cyclegan_resnet9" / "latest_net_G_B.pth")
    assert main(["import", "--model=cyclegan", file, f"--run={run}"]) == 0
    assert [path.name for path in (tmp_path / "run" / "networks").glob("*.keras")] == ["F.keras"]
    assert main(["translate", run, photo, str(tmp_path / "out"), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["translate", run, photo, str(tmp_path / "out2"), "--direction=AtoB", "--quiet"]) == 2
    assert "--direction=AtoB (this model translates BtoA)" in capsys.readouterr().err


def torch_zip(content):
    """A file in torch.save's zip format around any pickle."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return eval, (self.command,)


def bad_files(canary):
    good = (PARITY / "cyclegan_resnet9" / "latest_net_G_A.pth").read_bytes()
    evil = pickle.dumps({"model.1.weight": Evil(f"open({str(canary)!r}, 'w').close()")}, protocol=2)
    script = BytesIO()
    with zipfile.ZipFile(script, "w") as archive:
        archive.writestr("model/code/__torch__.py", "class Model(Module): ...")
        archive.writestr("model/data.pkl", pickle.dumps({}))
    return {
        "empty.pth": b"",
        "page.pth": b"<!doctype html><html>404</html>",
        "truncated.pth": good[: len(good) // 2],
        "evil.pth": torch_zip(evil),
        "evil_legacy.pth": evil,
        "whole_module.pth": torch_zip(b"\x80\x02c__main__\nResnetGenerator\nq\x00)\x81q\x01."),
        "torchscript.pt": script.getvalue(),
        "nothing.pth": torch_zip(pickle.dumps({}, protocol=2)),
    }


def test_bad_files(tmp_path, capsys):
    canary = tmp_path / "executed"
    for name, content in bad_files(canary).items():
        (tmp_path / name).write_bytes(content)
        for model in FILES:
            run = tmp_path / f"{model}_{name}"
            assert main(["import", f"--model={model}", str(tmp_path / name), f"--run={run}"]) == 2, (model, name)
            _out, err = capsys.readouterr()
            assert err.startswith("tfi2i: error: ") and err.count("\n") == 1 and name in err, (model, name, err)
            assert not run.exists() and not canary.exists()


@pytest.mark.parametrize("model", FILES)
def test_files_of_another_model(model, tmp_path, capsys):
    for other, files in FILES.items():
        if other == model or {other, model} == {"pix2pix", "cyclegan"}:  # one program, the same generators
            continue
        path = str(PARITY / files[0])
        assert main(["import", f"--model={model}", path, f"--run={tmp_path / other}"]) == 2, other
        err = capsys.readouterr().err
        assert err.startswith("tfi2i: error: ") and err.count("\n") == 1 and Path(path).name in err, (other, err)


def test_a_generator_of_another_program_says_which_layers_it_has(shared_data, tmp_path, capsys):
    file = shared_data / "checkpoints" / "cyclegan_digits_pytorch" / "g12-10000.pkl"
    assert main(["import", "--model=cyclegan", str(file), f"--run={tmp_path / 'run'}"]) == 2
    err = capsys.readouterr().err
    assert "no network of the pix2pix and CycleGAN program" in err and "64x1x4x4" in err, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "--model=cyclegan", "--run=r"], "FILE"),
        (["import", "--model=starlight", "a.pth", "--run=r"], "--model=starlight (expected one of pix2pix"),
        (["import", "--model=cyclegan", "nowhere.pth", "--run=r"], "nowhere.pth"),
        (["import", "--model=cyclegan", "a.pth"], "--run"),
    ],
)
def test_what_is_missing_is_named(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
