"""`tfi2i evaluate`: what it measures of a run, what it writes, what it refuses; and the same while a run is trained."""

import dataclasses
import json

import numpy as np
import pytest

from tfi2i import loop, run, zoo
from tfi2i.cli import main
from tfi2i.errors import UserError
from tfi2i.evaluation import evaluate
from tfi2i.evaluation.interval import measured
from tfi2i.evaluation.result import score_of
from tfi2i.evaluation.settings import Settings


def test_two_evaluations_of_a_run_are_equal(trained_run):
    result = evaluate(trained_run, "val", progress=False)
    record = json.loads((trained_run / "evaluation.json").read_text())
    assert record == json.loads(evaluate(trained_run, "val", progress=False).as_json())
    l1 = record["values"]["AtoB"]["L1"]
    assert l1["n"] == record["images"] == 100 and l1["low"] < l1["value"] < l1["high"]
    assert record["versions"]["tensorflow"] and record["settings"]["metrics"] == "basic" and record["seed"] == 0
    assert all(len(digest) == 64 for digest in record["sha256"].values()) and record["sha256"].keys() == {
        "networks",
        "pictures",
    }
    assert "n=100" in str(result) and "bootstrap" in str(result)


def test_an_earlier_evaluation_is_kept(trained_run, tmp_path):
    result = evaluate(trained_run, "val", settings=Settings(metrics="psnr"), progress=False)
    for seed in (0, 0, 1, 2):
        dataclasses.replace(result, seed=seed).write(tmp_path / "evaluation.json")
    seeds = {path.name: json.loads(path.read_text())["seed"] for path in tmp_path.iterdir()}
    assert seeds == {"evaluation.json": 2, "evaluation_1.json": 0, "evaluation_2.json": 1}


def test_the_metrics_that_are_asked_for(trained_run):
    values = evaluate(trained_run, "val", settings=Settings(metrics="psnr,L1"), progress=False).values
    assert values["AtoB"].keys() == {"PSNR", "L1"}
    with pytest.raises(UserError, match=r"--metrics=fidd \(expected basic, all, .*fid.* or one of L1, PSNR"):
        evaluate(trained_run, settings=Settings(metrics="l1,fidd"), progress=False)


@pytest.mark.parametrize(
    "arguments",
    [[], ["runs/a", "--real=a", "--fake=b"], ["--real=a"], ["--fake=b"]],
    ids=["nothing", "both", "real alone", "fake alone"],
)
def test_one_thing_is_measured(arguments, capsys):
    assert main(["evaluate", *arguments]) == 2
    assert "expected a run's folder, or both --real=DIR and --fake=DIR" in capsys.readouterr().err


def test_an_interval_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(200):
        found = measured(rng.exponential(1.0, 60), seed)
        covered += found["low"] <= 1.0 <= found["high"]
    assert 178 <= covered <= 200  # 95 % of 200 is 190; a percentile interval of 60 exponentials covers a little less


def test_which_checkpoint_is_the_best():
    values = {"AtoB": {"L1": {"value": 0.2}, "PSNR": {"value": 20.0}}, "BtoA": {"L1": {"value": 0.4}}}
    assert score_of(values, "L1") == pytest.approx(0.3)
    assert score_of(values, "AtoB.l1") == 0.2
    assert score_of(values, "psnr") == -20.0
    with pytest.raises(UserError, match=r"--best=FID \(expected one of .*AtoB.L1, AtoB.PSNR, BtoA.L1"):
        score_of(values, "FID")


def test_metrics_while_a_run_is_trained(tiny, tmp_path):
    config = zoo.model_class("pix2pix").Config(**tiny)
    often = {"log_every": 2, "sample_every": 6, "checkpoint_every": 6}
    recipe = run.Recipe(steps=6, **often, eval_every=2, eval_images=3, best="SSIM")
    loop.train(run.Job("pix2pix", config, recipe, "synthetic_facades"), tmp_path / "run", progress=False)
    lines = [line.split(",") for line in (tmp_path / "run" / "logs" / "evaluation.csv").read_text().splitlines()]
    ssim = {int(step): float(value) for step, way, metric, value, *_ in lines[1:] if metric == "SSIM"}
    assert list(ssim) == [0, 2, 4, 6] and lines[1][-1] == "3"
    best = max((2, 4, 6), key=ssim.get)
    assert f"ckpt-{best}" in (tmp_path / "run" / "checkpoints" / "best" / "checkpoint").read_text()


def test_what_is_the_best_must_be_measured(tiny, tmp_path):
    with pytest.raises(UserError, match="expected with --eval_every"):
        run.Recipe(best="FID")
    recipe = run.Recipe(steps=2, eval_every=1, eval_images=2, best="FID")
    job = run.Job("pix2pix", zoo.model_class("pix2pix").Config(**tiny), recipe, "synthetic_facades")
    with pytest.raises(UserError, match="--best=FID"):
        loop.train(job, tmp_path / "run", progress=False)
