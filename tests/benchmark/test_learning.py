"""`tfi2i benchmark learning`: that models learn, that one which doesn't is told, and what is written of it."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from tfi2i import zoo
from tfi2i.benchmark import learning
from tfi2i.cli import main
from tfi2i.data.prepared import Prepared
from tfi2i.evaluation import protocol_of, two_domains
from tfi2i.training.records import grid

COMMAND = ["benchmark", "learning", "--models=pix2pix", "--budget=short", "--quiet"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The folder of pix2pix' short training, and the README beside it."""
    folder = tmp_path_factory.mktemp("learning")
    readme = folder / "README.md"
    readme.write_text(f"before\n{learning.MARKS[0]}\nan old table\n{learning.MARKS[1]}\nafter\n")
    assert main([*COMMAND, f"--out={folder / 'out'}", f"--readme={readme}"]) == 0
    return folder / "out", readme


def result(value, model="pix2pix", copying=1.0, untrained=0.5, **known):
    """A `Learned` of numbers that nobody measured."""
    numbers = {"trained": value, "untrained": untrained, "copying": copying}
    measured = {who: {"value": v, "low": v, "high": v, "n": 16, "std": 0.0} for who, v in numbers.items()}
    facts = {"seed": 0, "budget": "short", "steps": 20, "minutes": 0.5, "beside": {}, "protocol": ""}
    return learning.Learned(model, measured=measured, **facts | known)


def test_the_command_trains_measures_and_writes(learned):
    out, readme = learned
    (kept,) = json.loads((out / "results.json").read_text())
    assert kept == json.loads((out / "pix2pix" / "learned.json").read_text())
    assert (kept["model"], kept["seed"], kept["steps"]) == ("pix2pix", 0, learning.SHORT["pix2pix"].steps)
    assert kept["minutes"] > 0
    for number in kept["measured"].values():
        assert number["low"] < number["value"] < number["high"] and number["n"] == 16
    text = (out / "table.md").read_text()
    head, _, row = text.splitlines()[:3]
    assert row.count("|") == head.count("|") and "`tfi2i train --model=pix2pix --preset=quick --steps=20`" in row
    assert readme.read_text() == f"before\n{learning.MARKS[0]}\n{text}{learning.MARKS[1]}\nafter\n"


def test_copying_is_what_copying_has(learned):
    kept = json.loads((learned[0] / "results.json").read_text())[0]["measured"]["copying"]
    config = zoo.preset("pix2pix", "quick").config
    examples = learning._testing(learning.job_of("pix2pix", "short"))
    assert isinstance(examples, Prepared) and config.direction == "BtoA"
    pairs = [[pixels / 127.5 - 1.0 for pixels in examples[i]] for i in range(16)]
    assert kept["value"] == pytest.approx(np.mean([np.abs(x - y).mean() for x, y in pairs]), rel=1e-5)


def test_untrained_is_the_network_before_the_first_step(learned, monkeypatch):
    monkeypatch.setattr(two_domains, "SAMPLES", 6)  # as in the process of that training
    run, job = learned[0] / "pix2pix", learning.job_of("pix2pix", "short")
    rows = protocol_of(job.config).samples(learning.untrained(job, run), learning._testing(job))
    np.testing.assert_array_equal(grid(rows), np.asarray(Image.open(run / "samples" / "step_00000000.png")))


def test_what_is_there_is_not_trained_again(learned, monkeypatch, capsys):
    monkeypatch.setattr(learning, "_in_a_process", None)
    assert main([*COMMAND, f"--out={learned[0]}"]) == 0
    assert capsys.readouterr().out == (learned[0] / "table.md").read_text()


@pytest.mark.parametrize("options, message", [(["--seed=1"], "expected seed 1, received 0"), ([], "expected steps 9")])
def test_another_training_in_its_place_is_told(learned, monkeypatch, capsys, options, message):
    if not options:
        shorter = dataclasses.replace(learning.SHORT["pix2pix"], steps=9)
        monkeypatch.setitem(learning.SHORT, "pix2pix", shorter)
    assert main([*COMMAND, f"--out={learned[0]}", *options]) == 2
    told = capsys.readouterr().err
    assert "holds another training" in told and message in told and "give another --out" in told


def test_what_a_training_raises_has_the_models_name(tmp_path, capfd):
    (tmp_path / "gan").write_text("a file where its folder should be")
    assert main(["benchmark", "learning", "--models=gan", "--budget=short", f"--out={tmp_path}"]) == 1
    assert "tfi2i: failed: RuntimeError: gan, seed 0: FileExistsError" in capfd.readouterr().err


@pytest.mark.parametrize("broken", [pytest.param("no step", marks=pytest.mark.slow), "sign flipped"])
def test_a_model_that_does_not_learn_fails(tmp_path, monkeypatch, broken):
    job = learning.job_of("pix2pix", "short")
    if broken == "no step":
        job = dataclasses.replace(job, config=dataclasses.replace(job.config, lr=0.0))
    else:
        l1 = zoo.pix2pix.l1
        monkeypatch.setattr(zoo.pix2pix, "l1", lambda fake, truth: -l1(fake, truth))
    found = learning.learn(job, tmp_path / "run", "short")
    assert len(found.failures()) == (1 if broken == "no step" else 2), found


def test_the_command_fails_where_a_model_has_not_learned(learned, monkeypatch, capsys):
    harder = dataclasses.replace(learning.SHORT["pix2pix"], untrained=0.1)
    monkeypatch.setitem(learning.SHORT, "pix2pix", harder)
    assert main([*COMMAND, f"--out={learned[0]}"]) == 1
    assert "tfi2i: has not learned: pix2pix, seed 0: L1 is 0.3" in capsys.readouterr().err


def test_another_precision_stands_in_its_job_and_in_the_table():
    assert learning.job_of("gan", "short", precision="mixed_bfloat16").recipe.precision == "mixed_bfloat16"
    text = learning.table([result(0.25, precision="mixed_bfloat16")])
    assert "--preset=quick --precision=mixed_bfloat16 --steps=20`" in text


def test_bounds():
    """Of errors a share of what copying and the untrained network have, of other numbers a distance from it."""
    goal = learning.SHORT["pix2pix"]
    limit = min(goal.copying * 1.0, goal.untrained * 0.5)
    assert not result(limit - 1e-9).failures()
    (told,) = result(limit + 1e-9).failures()
    assert told.startswith("L1 is 0.4") and "(expected <= " in told
    assert len(result(float("nan")).failures()) == 2
    goal = learning.SHORT["gan"]
    assert not result(goal.untrained - 100, "gan", untrained=-100).failures()
    (told,) = result(goal.untrained - 101, "gan", untrained=-100).failures()
    assert "expected >= " in told and "untrained has -100" in told


def test_every_model_has_its_goals_and_its_paper():
    assert set(learning.FULL) == set(learning.SHORT) == set(learning.PAPERS) == set(zoo.MODELS)
    for name in zoo.MODELS:
        full, short = (learning.job_of(name, budget) for budget in learning.BUDGETS)
        assert full.config == zoo.preset(name, "quick").config and short.recipe.steps < 300


def test_seeds_stand_side_by_side_in_the_table():
    text = learning.table([result(0.25), result(0.26, seed=1, minutes=1.5), result(0.3, "unit", minutes=None)])
    _, _, pix2pix, unit = text.splitlines()[:4]
    assert "| 1.0 | L1 0.250 (0.250 to 0.250), L1 0.260 (0.260 to 0.260) |" in pix2pix
    assert "| 20 |  | L1 0.300 (" in unit
    assert "Random seed 0, 1; 16 test images" in text


def test_minutes_go_on_where_a_training_was_interrupted_and_are_unknown_after_a_kill(tmp_path, monkeypatch):
    now = iter([0.0, 60.0, 100.0, 130.0, 200.0, 210.0])
    monkeypatch.setattr(learning.time, "perf_counter", lambda: next(now))
    with pytest.raises(KeyboardInterrupt), learning._clocked(tmp_path):
        (tmp_path / "config.json").write_text("{}")
        raise KeyboardInterrupt
    with learning._clocked(tmp_path):
        pass
    assert learning._minutes(tmp_path) == 1.5
    (tmp_path / "seconds").unlink()  # as a process leaves it that is killed
    with learning._clocked(tmp_path):
        pass
    assert learning._minutes(tmp_path) is None


@pytest.mark.parametrize("text", ["", "<!-- learning table -->", "<!-- /learning table --><!-- learning table -->"])
def test_a_readme_without_a_place_is_told_before_anything_is_trained(tmp_path, capsys, text):
    (tmp_path / "README.md").write_text(text)
    assert main([*COMMAND, f"--readme={tmp_path / 'README.md'}", f"--out={tmp_path / 'out'}"]) == 2
    assert "no place for the table in" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--budget=long"], "--budget=long (expected one of full, short)"),
        (["--models=cyclegam"], "did you mean cyclegan?"),
        (["--seeds=0"], "--seeds=0 (expected at least 1)"),
        (["--threads=0"], "--threads=0 (expected at least 1)"),
        (["--seed=-1"], "--seed=-1 (expected at least 0)"),
        (["--readme=nowhere.md"], "no such file: --readme=nowhere.md"),
        (["--precision=bfloat16"], "--precision=bfloat16 (expected one of float32, mixed_bfloat16, "),
        (["--rounds=3"], "unrecognized arguments: --rounds=3"),
    ],
)
def test_a_wrong_option_is_said_at_once(options, message, tmp_path, capsys):
    assert main(["benchmark", "learning", f"--out={tmp_path / 'out'}", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.MODELS if name != "pix2pix"])
def test_every_model_learns(name, tmp_path):
    """pix2pix' turn is in the default tests."""
    assert learning.learn(learning.job_of(name, "short"), tmp_path / name, "short").failures() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.MODELS if zoo.preset(name, "quick").bfloat16])
def test_presets_that_auto_takes_bfloat16_for_learn_in_it(name, tmp_path):
    job = learning.job_of(name, "short", precision="mixed_bfloat16")
    assert learning.learn(job, tmp_path / name, "short").failures() == []
