"""What helps without being asked for: the doctor, completion, and what is said to who types nothing."""

import shutil
import subprocess

import pytest

from tfi2i import zoo
from tfi2i.cli import doctor, main


def test_the_doctor_says_a_line_each_and_trains(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "STEPS", 4)
    assert main(["doctor", f"--dir={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all(line.split()[0] in ("ok", "note") for line in lines)
    for line, told in zip(
        lines, ("tensorflow 2.21", "CPU cores", "bfloat16", "memory", "disk", "4 steps"), strict=True
    ):
        assert told in line
    assert not list(tmp_path.iterdir())


def test_the_doctor_finds_what_must_be_mended(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        doctor.metadata, "requires", lambda _: ["numpy<1", "nowhere-to-be-had>=2", "torch; extra == 'x'"]
    )
    assert doctor.packages().level == "bad"
    assert main(["doctor", "--no_training", f"--dir={tmp_path}"]) == 1
    told = capsys.readouterr().out.splitlines()[0]
    assert (
        told.startswith("bad  packages: expected 'numpy<1' (received ")
        and "nowhere-to-be-had>=2' (received none)" in told
    )
    assert main(["doctor", "--dir=nowhere"]) == 2


@pytest.mark.parametrize("share, level", [(0.5, "note"), (0.01, "ok")])
def test_the_doctor_tells_a_feed_that_does_not_keep_up(share, level, tmp_path, monkeypatch):
    from tfi2i import loop

    monkeypatch.setattr(loop, "train", lambda *_, **__: {"images_per_second": 80.0, "data_share": share})
    assert doctor.feed(tmp_path).level == level


def test_bash_completes_verbs_options_and_models(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "tfi2i.bash"
    script.write_text(capsys.readouterr().out)
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("no bash")

    def completed(*words):
        line = " ".join(words)
        program = (
            f"source {script}; COMP_WORDS=({line}); [[ '{words[-1]}' ]] || COMP_WORDS+=(''); "
            f"COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_tfi2i tfi2i '{words[-1]}' '{words[-2]}'; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run([bash, "-c", program], capture_output=True, text=True)
        assert not done.stderr, done.stderr
        return done.stdout.split()

    assert completed("tfi2i", "tra") == ["train", "translate"]
    assert "--lambda_A" in completed("tfi2i", "train", "--lambda")
    assert completed("tfi2i", "train", "--model", "cy") == ["cyclegan"]
    assert set(completed("tfi2i", "train", "--model", "")) == zoo.MODELS.keys()


def test_who_types_nothing_is_told_what_to_type(capsys):
    assert main(["train"]) == 2
    assert "to begin with, type: tfi2i train --model=pix2pix --dataset=synthetic_facades" in capsys.readouterr().err
