"""The benchmark of the input pipeline: that both sides do the same work, and what it says of it."""

import itertools

import numpy as np
import pytest

from tfi2i.benchmark import input as benchmark
from tfi2i.benchmark.interleaved import Timed
from tfi2i.cli import main
from tfi2i.data.folders import ImageFiles
from tfi2i.data.prepared import PreparedImages, Preprocess, to_float


def test_the_peer_makes_the_same_images(tmp_path):
    pytest.importorskip("torch")
    files = benchmark._drawn(tmp_path / "files", 3, (50, 70))
    preprocess = Preprocess(load_size=40, crop_size=40)
    prepared = PreparedImages(ImageFiles(files), preprocess, True)
    peer = benchmark._Files(files, preprocess)
    for index in range(3):
        ours = to_float(prepared[index][0])
        theirs = [peer[index].permute(1, 2, 0).numpy() for _ in range(12)]
        seen = {np.abs(image - ours).max() < 1e-6 for image in theirs}
        assert seen == {True, False}  # as it is, and mirrored
        assert all(min(np.abs(image - some).max() for some in (ours, ours[:, ::-1])) < 1e-6 for image in theirs)
    cut = benchmark._Files(files, Preprocess(load_size=40, crop_size=32))
    assert cut[0].shape == (3, 32, 32) and len({cut[0].numpy().tobytes() for _ in range(9)}) > 5
    order = list(itertools.islice(benchmark._Endless(4), 12))
    assert [sorted(order[k : k + 4]) for k in (0, 4, 8)] == [[0, 1, 2, 3]] * 3


def test_the_table(monkeypatch):
    monkeypatch.setattr(benchmark, "version", lambda name: "1.0")  # PyTorch may not be installed
    timed = {
        benchmark.CACHED: Timed(None, [0.1, 0.2, 0.3]),
        benchmark.PYTORCH: Timed(None, [0.8, 0.8, 0.6]),
    }
    measured = benchmark.Measured(64, timed, 0.25)
    text = benchmark.table(measured, Preprocess(), 4, 2, 3, "64 JPEG files of 9x9")
    assert "| cached | 320 | 256-427 | 4.00 (4.00) |" in text
    assert "| PyTorch DataLoader | 80 | 80-91 | 1.00 (1.00) |" in text
    assert "64 JPEG files of 9x9, to 286, cut to 256, batches of 4, 2 cores" in text and "at most 25% of" in text
    assert "torch 1.0" in text


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--images=0", "--images=0 (expected at least 1)"),
        ("--size=0x9", "--size=0x9 (expected HxW"),
        ("--peer=jax", "--peer=jax (expected one of pytorch, none)"),
        ("--load_size=20", "--crop_size=256 is larger than --load_size=20"),
    ],
)
def test_wrong_options(option, said, capsys):
    assert main(["benchmark", "input", option]) == 2
    assert said in capsys.readouterr().err
