"""The command line in-process: exit status and text."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main
from tfi2i.data import images


def test_the_console_script():
    script = Path(sys.executable).with_name("tfi2i")
    done = subprocess.run([script, "evaluate", "nowhere"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tfi2i: error: not a run: nowhere")


def test_help_and_version(capsys):
    assert main([]) == 0 and main(["--help"]) == 0 and main(["--version"]) == 0
    text = capsys.readouterr().out
    assert "translate" in text and "tfi2i 0." in text


def test_list(capsys):
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "pix2pix" in text and "synthetic_facades" in text and "edges2handbags" in text
    assert main(["list", "pix2pix", "--json"]) == 0
    presets = json.loads(capsys.readouterr().out)["presets"]
    assert {"quick", "facades", "map2photo", "day2night", "inpainting", "grey2colour"} <= presets.keys()


def test_help_of_train_shows_the_options_of_the_model(capsys):
    assert main(["train", "--model=pix2pix", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--lambda_L1", "--netG", "--direction", "--checkpoint_every", "vanilla|lsgan|wgangp|hinge"):
        assert option in text


@pytest.mark.parametrize("verb", ["translate", "evaluate", "export", "datasets", "list"])
def test_help_of_each_verb(capsys, verb):
    assert main([verb, "--help"]) == 0
    assert f"tfi2i {verb}" in capsys.readouterr().out


def test_help_and_list_import_no_tensorflow():
    code = (
        "import sys; from tfi2i.cli import main; import tfi2i, tfi2i.data; main(['--help']); main(['list']); "
        "bad = [m for m in ('tensorflow', 'keras', 'tensorflow_datasets', 'matplotlib') if m in sys.modules]; "
        "sys.exit(f'imported: {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


TRAIN = ["train", "--model=pix2pix"]
WRONG = {
    "unknown verb": (["trian"], "unknown command: trian", "did you mean train?"),
    "no model": (["train"], "which model?", "--model=M"),
    "unknown model": (["train", "--model=pix2pics"], "unknown model: --model=pix2pics", "did you mean pix2pix?"),
    "no data": (TRAIN, "which data?", "--dataset=NAME"),
    "unknown data": ([*TRAIN, "--dataset=facade"], "no such data set or folder: facade", "did you mean facades?"),
    "no pairs": ([*TRAIN, "--dataset=cycle_gan/horse2zebra"], "holds two domains without pairs", "synthetic_facades"),
    "two kinds of data": ([*TRAIN, "--dataset=facades", "--data_dir=x"], "both name the data", "one of them"),
    "no such folder": ([*TRAIN, "--data_dir=nowhere"], "no such data set or folder: nowhere", ""),
    "unknown preset": ([*TRAIN, "--preset=slow"], "unknown preset: --preset=slow", "quick"),
    "unknown option": ([*TRAIN, "--preset=quick", "--lamda_L1=1"], "--lamda_L1=1", "--help"),
    "no number": ([*TRAIN, "--preset=quick", "--lr=fast"], "--lr=fast", "expected a number"),
    "not a number": ([*TRAIN, "--preset=quick", "--lr=nan"], "--lr=nan", "expected at least 0"),
    "too small": ([*TRAIN, "--preset=quick", "--ngf=0"], "--ngf=0", "expected at least 1"),
    "no such choice": ([*TRAIN, "--preset=quick", "--gan_mode=lsgam"], "--gan_mode=lsgam", "did you mean lsgan?"),
    "half a number": ([*TRAIN, "--preset=quick", "--batch_size=1.5"], "--batch_size=1.5", "expected a whole number"),
    "wrong netG": ([*TRAIN, "--preset=quick", "--netG=vnet"], "--netG=vnet", "unet_256"),
    "odd netG": ([*TRAIN, "--preset=quick", "--netG=unet_100"], "--netG=unet_100", "power of two"),
    "crop and stride": ([*TRAIN, "--preset=quick", "--netG=unet_256"], "--crop_size=64 doesn't fit", "multiple of 256"),
    "crop and load": ([*TRAIN, "--preset=quick", "--crop_size=128"], "--crop_size=128 is larger", "--load_size=72"),
    "resume nothing": (["train", "--resume=nowhere"], "not a run: nowhere", "config.json"),
    "translate nothing": (["translate", "nowhere", "in", "out"], "in", ""),
    "a shard too many": (["translate", "nowhere", "in", "out", "--shard=2/2"], "--shard=2/2", "0 <= I < N"),
    "no shard": (["translate", "nowhere", "in", "out", "--shard=a/b"], "--shard=a/b", "such as 0/4"),
    "translate less": (["translate", "nowhere"], "required", "--help"),
    "evaluate nothing": (["evaluate", "nowhere"], "not a run: nowhere", "config.json"),
    "export nothing": (["export", "nowhere"], "not a run: nowhere", "config.json"),
    "check nothing": (["datasets", "check", "nowhere"], "nowhere", ""),
    "list of nothing": (["list", "pixpix"], "unknown model", "did you mean pix2pix?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    argv, what, how = WRONG[case]
    assert main(argv) == 2
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if not line.startswith("tfi2i: using")]
    assert line.startswith("tfi2i: error: ") and what in line and how in line
    assert out == "" and list(tmp_path.iterdir()) == []


def test_resume_takes_no_other_option(capsys, trained_run):
    assert main(["train", f"--resume={trained_run}", "--seed=1"]) == 2
    assert "--resume takes no other option: --seed" in capsys.readouterr().err
    assert main(["train", "--model=pix2pix", "--preset=quick", f"--run={trained_run}"]) == 2
    assert "there is a run already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "model, use",
    [("pix2pix", "translate R IN OUT"), ("stargan", "translate R IN OUT --target=all"), ("gan", "sample R OUT")],
)
def test_the_command_that_training_names_next_fits_the_model(model, use):
    from tfi2i import zoo
    from tfi2i.sharing import use_of

    assert use_of("R", zoo.presets(model)["quick"].config) == f"tfi2i {use}"


def test_debug_shows_the_traceback(tmp_path):
    from tfi2i.errors import UserError

    with pytest.raises(UserError):
        main(["evaluate", str(tmp_path), "--debug"])


def test_an_unforeseen_failure_is_one_line_and_status_1(capsys, trained_run, monkeypatch):
    import tfi2i.evaluation

    def fail(*args, **kwargs):
        raise RuntimeError("{{node G/conv}} out of memory\nand much more")

    monkeypatch.setattr(tfi2i.evaluation, "evaluate", fail)
    assert main(["evaluate", str(trained_run)]) == 1
    assert capsys.readouterr().err == "tfi2i: failed: RuntimeError: out of memory (--debug shows where)\n"


def test_ctrl_c_is_130(capsys, trained_run, monkeypatch):
    import tfi2i.evaluation

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(tfi2i.evaluation, "evaluate", interrupt)
    assert main(["evaluate", str(trained_run)]) == 130


def test_from_training_to_export(capsys, tmp_path, monkeypatch):
    """What a user types, in a row, with dashes where the habit is dashes."""
    monkeypatch.chdir(tmp_path)
    tiny = [
        "--netG=unet_32",
        "--ngf=4",
        "--ndf=4",
        "--load-size=36",
        "--crop-size",
        "32",
        "--no_flip",
        "--batch_size=2",
    ]
    train = ["train", "--model=pix2pix", "--preset=quick", *tiny, "--steps=2", "--seed=3", "--run=runs/a"]
    assert main(train) == 0
    out, err = capsys.readouterr()
    assert out == "runs/a\n" and "img/s" in err and "samples/index.html" in err
    config = json.loads((tmp_path / "runs/a/config.json").read_text())
    assert config["config"]["no_flip"] is True and config["recipe"]["seed"] == 3
    assert main(["train", "--resume=runs/a", "--quiet"]) == 0

    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    assert main(["translate", "runs/a", "a.png", "out", "--quiet"]) == 0
    assert images.size(tmp_path / "out" / "a.png") == (20, 30)

    capsys.readouterr()
    assert main(["evaluate", "runs/a", "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert values.keys() == {"BtoA"} and values["BtoA"].keys() == {"L1", "PSNR", "SSIM", "l1_copy"}

    formats = ["--format=saved_model,litert,onnx", "--quantize=none,float16,dynamic,mixed_int8"]
    assert main(["export", "runs/a", *formats, "--out=exports", "--licence=CC0-1.0"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("max error against the model") == 6 and "one partition of the delegate" in printed
    assert "Licence of the weights: CC0-1.0" in (tmp_path / "exports/a/1/export.md").read_text()
    for artefact in ("exports/a/1", "exports/a/1/a.float32.tflite", "exports/a/1/a.onnx"):
        assert main(["translate", artefact, "a.png", f"out_{artefact[-1]}", "--quiet"]) == 0
    assert main(["verify", "exports/a"]) == 0
    assert "exports/a: whole, and equal to the model" in capsys.readouterr().out
    (tmp_path / "exports/a/1/a.float32.json").write_text("{}")
    assert main(["verify", "exports/a"]) == 2
    assert "damaged export: exports/a/1/a.float32.json" in capsys.readouterr().err


def test_own_folder_and_a_broken_image(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "pairs" / "train").mkdir(parents=True)
    (tmp_path / "pairs" / "val").mkdir()
    for k in range(3):
        Image.fromarray(rng.integers(0, 255, (32, 64, 3), np.uint8)).save(tmp_path / "pairs" / "train" / f"{k}.png")
    Image.fromarray(rng.integers(0, 255, (32, 64, 3), np.uint8)).save(tmp_path / "pairs" / "val" / "v.png")
    broken = tmp_path / "pairs" / "train" / "1.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    tiny = ["--netG=unet_32", "--ngf=2", "--ndf=2", "--load_size=32", "--crop_size=32", "--steps=3", "--quiet"]
    command = ["train", "--model=pix2pix", "--dataroot=pairs", "--direction=BtoA", *tiny]

    assert main([*command, "--run=strict"]) == 2
    assert "1.png" in capsys.readouterr().err
    assert main([*command, "--run=lenient", "--skip_bad"]) == 0
    assert "skipped" in capsys.readouterr().err
    assert main(["datasets", "check", "pairs"]) == 1
    assert "1.png" in capsys.readouterr().out
