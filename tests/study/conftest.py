"""Folders of small pictures, and studies of them."""

import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main

SIDE = 16


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Folders in, real, plain, fancy of 8 pictures each, by the same names; every picture is another."""
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("in", "real", "plain", "fancy"):
        (root / name).mkdir()
        for k in range(8):
            Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(root / name / f"{k}.png")
    return root


@pytest.fixture(scope="module")
def made(pictures, tmp_path_factory):
    """A function that makes a study of a kind of the pictures and returns its folder."""

    def make(kind, *options):
        out = tmp_path_factory.mktemp("studies") / kind
        folders = [f"--{name}={pictures / folder}" for name, folder in (("real", "real"), ("input", "in"))]
        fakes = [f"--fake={name}={pictures / name}" for name in ("plain", "fancy")]
        assert main(["study", "new", *fakes, *folders, f"--kind={kind}", f"--out={out}", "--quiet", *options]) == 0
        return out

    return make
