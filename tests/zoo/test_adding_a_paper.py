"""The worked example of docs/adding_a_paper.md, run as it stands there."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import tfi2i
from tfi2i import loop, run, zoo

PAGE = Path(__file__).parent.parent.parent / "docs" / "adding_a_paper.md"
SIZES = {"ngf": 4, "ndf": 4, "n_blocks": 1, "load_size": 72, "crop_size": 64}


@pytest.fixture
def gcgan(monkeypatch):
    """The page's file as a module, and its line in the registry."""
    file, entry, *_ = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    module = types.ModuleType("tfi2i.zoo.gcgan")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(file, str(PAGE), "exec"), module.__dict__)
    monkeypatch.setitem(zoo.MODELS, "gcgan", eval(f"{{{entry}}}", {"Entry": zoo.Entry})["gcgan"])


def test_the_example_trains_resumes_and_translates(gcgan, tmp_path):
    preset = zoo.preset("gcgan", "quick")
    config = zoo.model_class("gcgan").Config(**SIZES)
    job = run.Job("gcgan", config, run.Recipe(steps=2, log_every=1), preset.dataset)
    logs = loop.train(job, tmp_path / "run", progress=False)
    assert set(zoo.model_class("gcgan").loss_names) <= logs.keys() and np.isfinite(list(logs.values())).all()
    loop.train(run.Job.load(tmp_path / "run"), tmp_path / "run", progress=False)
    answer = tfi2i.load(tmp_path / "run").generators()["AtoB"](np.zeros((1, 64, 64, 3), np.float32))
    assert answer.shape == (1, 64, 64, 3) and np.isfinite(answer).all()


def test_its_consistency_is_the_equation(gcgan):
    """lambda || G(x) - f^-1(G(f(x))) ||_1, f a quarter turn, by NumPy."""
    model = tfi2i.create("gcgan", lambda_gc=3.0, **SIZES)
    model.compile()
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 2, 64, 64, 3)).astype("float32")
    upright = model.G(x, training=True).numpy()
    turned = model.G(np.rot90(x, axes=(1, 2)), training=True).numpy()
    wanted = 3.0 * np.abs(np.rot90(turned, -1, axes=(1, 2)) - upright).mean()
    assert wanted > 1e-3
    assert float(model.train_step({"x": x, "y": y})["gc"]) == pytest.approx(wanted, rel=1e-4)
