"""`tfi2i benchmark export` on the smallest model; its times are nobody's business here."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest

from tfi2i.benchmark import interleaved
from tfi2i.cli import main


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    for name, value in {"STARTS": 1, "TRIES": 1, "QUIET": 1e9}.items():
        monkeypatch.setattr(interleaved, name, value)


def test_the_command_writes_a_table_and_its_numbers(tmp_path, capsys):
    files = [f"--out={tmp_path / 'table.md'}", f"--json={tmp_path / 'numbers.json'}"]
    assert main(["benchmark", "export", "--models=gan", "--preset=quick", "--rounds=2", "--peer=none", *files]) == 0
    text = (tmp_path / "table.md").read_text()
    assert capsys.readouterr().out == text
    head, _, row = text.splitlines()[:3]
    runtimes = ["Keras tf.function", "LiteRT float32", "LiteRT float16", "LiteRT dynamic"]
    ratios = ["LiteRT float32 to Keras tf.function", "LiteRT dynamic to LiteRT float32"]
    assert head.split(" | ")[3:] == [*runtimes, ratios[0], f"{ratios[1]} |"]
    assert row.startswith("| `gan` sample | 164,737 | 32x32 | ") and row.count("|") == head.count("|")

    (numbers,) = json.loads((tmp_path / "numbers.json").read_text())
    assert (numbers["model"], numbers["way"], numbers["parameters"], numbers["answer"]) == (
        "gan",
        "sample",
        164737,
        [32, 32],
    )
    assert list(numbers["median_ms"]) == list(numbers["quartiles_ms"]) == runtimes
    assert all(low <= numbers["median_ms"][name] <= high for name, (low, high) in numbers["quartiles_ms"].items())
    assert [(r["runtime"], r["as"]) for r in numbers["times_as_fast"]] == [tuple(r.split(" to ")) for r in ratios]
    assert numbers["max_error"]["LiteRT float32"] < 1e-4


@pytest.mark.parametrize(
    "options, message",
    [
        (["--size=128"], "--size=128 (expected HxW"),
        (["--rounds=0"], "--rounds=0 (expected at least 1)"),
        (["--peer=jax"], "--peer=jax (expected one of pytorch, none)"),
        (["--models=cyclegam"], "did you mean cyclegan?"),
        (
            ["--models=cyclegan", "--size=66x64", "--peer=none"],
            "--size=66x64 doesn't fit cyclegan (expected multiples of 4",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(options, message, capsys):
    assert main(["benchmark", "export", *options]) == 2
    assert message in capsys.readouterr().err


def test_without_pytorch_the_extra_is_named(monkeypatch, capsys):
    from tfi2i.benchmark import export

    monkeypatch.setattr(export, "find_spec", lambda package: None)
    assert main(["benchmark", "export", "--models=gan"]) == 2
    assert "pip install 'tfi2i[benchmark]'; or --peer=none" in capsys.readouterr().err


def test_each_subject_has_its_own_process_and_as_many_turns():
    subjects = {name: (partial, (os.getpid,)) for name in "abc"}
    timed, _ = interleaved.measure(subjects, rounds=3)
    assert len({t.answer for t in timed.values()} | {os.getpid()}) == 4
    assert all(len(t.seconds) == 3 for t in timed.values())


def test_a_peer_that_is_another_network_is_refused():
    from tfi2i.benchmark import export

    image = np.zeros((1, 2, 2, 3))
    for wrong in (image + 0.01, image + np.nan):
        with pytest.raises(RuntimeError, match="PyTorch eager differs from Keras"):
            export._check_exact({export.KERAS: image, export.DYNAMIC: image + 1, export.PYTORCH: wrong})


def test_what_fails_in_a_subject_is_said_with_its_name():
    with pytest.raises(RuntimeError, match=r"broken: TypeError: .* takes at least one argument"):
        interleaved.measure({"broken": (partial, ())}, rounds=1)


def test_a_subject_that_is_killed_is_told():
    with pytest.raises(RuntimeError, match=r"gone: its process ended \(exit status -9; is there memory for all"):
        interleaved.measure({"gone": (partial, (signal.raise_signal, signal.SIGKILL))}, rounds=1)


def test_ratios_are_of_the_medians_and_of_each_round():
    slow, fast = interleaved.Timed(None, [4.0, 6.0, 20.0]), interleaved.Timed(None, [2.0, 2.0, 5.0])
    assert fast.times_as_fast_as(slow) == (3.0, 3.0)
    assert interleaved.Timed(None, [4.0, 2.0, 1.0]).times_as_fast_as(slow) == (3.0, 3.0)
    assert slow.median == 6.0 and slow.quartiles == (5.0, 13.0)
