"""The table of metrics: what is best, and what must not be compared."""

import json
from types import SimpleNamespace

import pytest

from tfi2i.comparison.page import _metrics as shown
from tfi2i.comparison.scores import better, decimals, scores

PROTOCOL = "64 x 64 px (square, nothing random); dropout off."


@pytest.fixture
def measured(tmp_path):
    """A function that makes runs of {label: changes to evaluation.json, or its text, or None for no such file}."""

    def make(runs):
        made = []
        for color, (label, changes) in enumerate(runs.items()):
            folder = tmp_path / label
            folder.mkdir()
            made.append(SimpleNamespace(label=label, color=color, folder=folder))
            record = {"dataset": "d", "split": "test", "images": 9, "protocol": PROTOCOL, "values": {}}
            if changes is not None:
                text = changes if isinstance(changes, str) else json.dumps(record | changes)
                (folder / "evaluation.json").write_text(text)
        return made

    return make


def of(way="AtoB", n=9, **metrics):
    return {"values": {way: {name: {"value": v, "low": v - 1, "high": v + 1, "n": n} for name, v in metrics.items()}}}


@pytest.mark.parametrize(
    ("direction", "metrics"),
    [
        (
            "higher",
            "PSNR SSIM SSIM_RGB MS-SSIM psnr_y accuracy kept diversity LPIPS_diversity IS CIS per_class class_iou",
        ),
        ("lower", "L1 l1_edit l1_cycle FID KID LPIPS classification_error identity_distance l1_random"),
        (
            None,
            "l1_copy accuracy_real per_pixel_real accuracy_copy psnr_bicubic log_likelihood_train l1_change unheard_of",
        ),
    ],
)
def test_which_way_is_better(direction, metrics):
    assert {name: better(name) for name in metrics.split()} == dict.fromkeys(metrics.split(), direction)


def test_the_best_is_marked_by_what_the_metric_means(measured):
    runs = measured({"a": of(L1=0.2, PSNR=20, l1_copy=1), "b": of(L1=0.1, PSNR=18, l1_copy=2), "c": of(L1=0.100001)})
    found = {line.metric: line.best for line in scores(runs).lines}
    assert found["L1"] == [False, True, True]  # alike as shown
    assert found["PSNR"] == [True, False, False]
    assert found["l1_copy"] == [False, False, False]
    assert "<b>0.1000</b>" in shown(runs, scores(runs))


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "val"},
        {"images": 8},
        {"dataset": "e"},
        {"protocol": PROTOCOL.replace("64", "32")},
        {"protocol": PROTOCOL.replace("dropout off", "dropout on")},
        {"settings": {"resize": "legacy", "metrics": "all"}},
        {"sha256": {"pictures": "ab" * 32, "networks": "1"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_numbers_that_were_not_measured_alike_have_no_best(measured, changes):
    common = {"settings": {"resize": "clean", "metrics": "basic"}, "sha256": {"pictures": "cd" * 32, "networks": "2"}}
    runs = measured({"a": of(L1=1) | common, "b": of(L1=2) | common | changes})
    found = scores(runs)
    assert len(found.differing) == 1 and found.lines[0].best == [False, False]
    assert "must not be compared" in shown(runs, found)


def test_numbers_of_other_images_have_no_best(measured):
    found = scores(measured({"a": of(FID=1, L1=1), "b": of(FID=2, n=8) | {"not_measured": {"L1": "no <truth>"}}}))
    assert [line.best for line in found.lines] == [[False, False], [False, False]]
    assert found.differing == [] and found.lines[1].reasons == ["", "no <truth>"]


def test_records_of_old_and_broken_ones(measured):
    old = {"values": {"AtoB": {"L1": {"mean": 0.5, "std": 0.1}}}}
    nothing = {"values": {"AtoB": {"L1": {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 9}}}}
    runs = measured({"old": old, "new": of(L1=0.75), "nan": nothing, "none": None, "broken": "{", "list": "[1]"})
    found = scores(runs)
    (line,) = found.lines
    assert line.best == [True, False, False, False, False, False]
    assert (line.numbers[0].value, line.numbers[0].std, line.numbers[0].low, line.numbers[0].n) == (0.5, 0.1, None, 9)
    assert found.unmeasured == {"none": f"tfi2i evaluate {runs[3].folder}"}
    assert found.damaged.keys() == {"broken", "list"} and "can't be read" in found.damaged["list"]
    page = shown(runs, found)
    assert "± 0.1000" in page and "[-0.2500, 1.7500]" in page and "none has not been measured" in page


def test_four_digits():
    assert [decimals([v]) for v in (188.05, 18.3, 0.18, 0.0123, 0, float("inf"), 123456)] == [1, 2, 4, 5, 0, 0, 0]
