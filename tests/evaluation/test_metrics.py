"""The metrics against scikit-image and against values worked out by hand; the command against copying the target."""

import json

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfi2i.evaluation import evaluate
from tfi2i.evaluation.metrics import grey, l1, psnr, ssim


def pair(channels=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (24, 31, channels))
    return x, np.clip(x + rng.normal(0, 0.2, x.shape), -1, 1)


def test_by_hand():
    black, white = np.full((8, 8, 3), -1.0), np.full((8, 8, 3), 1.0)
    assert l1(black, white) == 2.0
    assert psnr(black, white) == 0.0
    assert psnr(black, black) == float("inf")
    assert ssim(black, black) == pytest.approx(1.0)
    assert psnr(white, white - 0.2) == pytest.approx(20.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_against_scikit_image(channels):
    x, y = pair(channels)
    assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=2.0), abs=1e-9)
    wanted = structural_similarity(127.5 * (grey(x) + 1), 127.5 * (grey(y) + 1), data_range=255)
    assert ssim(x, y) == pytest.approx(wanted, abs=1e-9)


def test_too_small_for_ssim():
    with pytest.raises(ValueError, match="at least 7 x 7"):
        ssim(np.zeros((6, 9, 3)), np.zeros((6, 9, 3)))


def test_evaluate_a_run(trained_run):
    result = evaluate(trained_run, "val", progress=False)
    assert result.images == 100
    assert 0 < result.values["AtoB"]["L1"]["value"] < 2
    assert "AtoB L1" in str(result) and "32 x 32 px" in str(result) and "SSIM on luma" in str(result)
    record = json.loads((trained_run / "evaluation.json").read_text())
    assert record["values"] == evaluate(trained_run, "val", progress=False).values  # two runs, one answer
