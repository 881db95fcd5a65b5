"""Curves: what is read from the logs is what is drawn."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from tfi2i.comparison.curves import COLORS, Curve, losses, metrics, panels, plot, smoothed


@pytest.fixture
def run(tmp_path):
    """A function that makes a run of texts of logs."""

    def make(label, color, **logs):
        folder = tmp_path / label
        (folder / "logs").mkdir(parents=True)
        for name, text in logs.items():
            (folder / "logs" / f"{name}.csv").write_text(text)
        return SimpleNamespace(label=label, color=color, folder=folder)

    return make


def test_losses_are_the_columns_of_the_log(run):
    log = "step,G,D,images_per_second,data_share\n5,1.5,nan,8,0.1\n10,0.5,2,8,0.1\n15,0."  # cut off
    found = losses(run("a", 0, metrics=log))
    assert found.keys() == {"G", "D"}
    assert found["G"].steps.tolist() == [5, 10] and found["G"].values.tolist() == [1.5, 0.5]
    assert found["D"].finite().steps.tolist() == [10]
    assert losses(run("b", 0)) == {} and losses(run("c", 0, metrics="step,G\n")) == {}


def test_metrics_have_a_line_a_step_and_a_way(run):
    log = "step,way,metric,value,low,high,n\n" + "".join(
        f"{step},{way},L1,{step / 100 + k},{step / 100},{step},32\n" for step in (10, 20) for k, way in enumerate("ab")
    )
    found = metrics(run("a", 0, evaluation=log))
    assert found.keys() == {"a L1", "b L1"}
    curve = found["b L1"]
    assert curve.steps.tolist() == [10, 20] and curve.values.tolist() == [1.1, 1.2]
    assert curve.low.tolist() == [0.1, 0.2] and curve.high.tolist() == [10, 20]
    assert metrics(run("b", 0)) == {} and metrics(run("c", 0, evaluation="step,FID\n1,2\n")) == {}


def test_smoothing_is_a_mean_of_what_there_is():
    values = np.random.default_rng(0).normal(size=47)
    slow = [np.mean(values[max(0, k - 2) : k + 3]) for k in range(47)]
    assert np.allclose(smoothed(values), slow, rtol=0, atol=1e-12)
    assert np.allclose(smoothed(values[:9]), values[:9])


def test_a_panel_holds_all_runs_that_have_the_loss(run, tmp_path):
    rows = "1,2,3\n2,1,5\n"
    first, second = run("a", 0, metrics=f"step,own,shared\n{rows}"), run("b", 1, metrics=f"step,other,shared\n{rows}")
    made = panels([first, second], losses, "loss", tmp_path)
    assert [(panel.name, panel.runs) for panel in made] == [
        ("shared", (first, second)),
        ("own", (first,)),
        ("other", (second,)),
    ]
    assert made[0].alt == "shared over steps: a from 3 to 5, b from 3 to 5"
    text = (tmp_path / made[0].file).read_text()
    assert COLORS[0][0] in text and COLORS[1][0] in text and COLORS[2][0] not in text


def test_the_drawing_follows_the_scheme_and_is_the_same_each_time():
    curve = Curve(np.arange(50), np.linspace(1, 3, 50))
    svg = plot("G <$x_1$>", [(1, curve)])
    assert svg == plot("G <$x_1$>", [(1, curve)])
    ElementTree.fromstring(svg)
    assert "G &lt;$x_1$&gt;" in svg  # the loss' own name, no mathematics
    own = re.findall(r"--c\d+: (#\w+);", re.search(r"@media \(prefers-color-scheme: dark\) {(.*)}", svg)[1])
    assert COLORS[1][1] in own
    bare = re.sub(r"var\([^)]*\)|<style.*?</style>|--c\d+: #\w+;", "", svg, flags=re.DOTALL)
    assert set(re.findall(r"(?:stroke|fill): (#\w{6})", bare)) <= {"#ffffff"}, "a colour that stays as it is"


def contrast(one, other):
    """WCAG 2: (L1 + 0.05) / (L2 + 0.05) of relative luminances."""

    def luminance(color):
        rgb = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("pair", COLORS)
def test_colors_are_seen_on_their_ground(pair):
    assert contrast(pair[0], "#ffffff") >= 3.5 and contrast(pair[1], "#1d1a24") >= 3.5
