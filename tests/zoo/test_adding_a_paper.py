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
    """A generator that treats pixels alike has none to pay for; the turned answer is turned back."""
    import tensorflow as tf

    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(tf.image.rot90(tf.image.rot90(x), 3), x)
    model = tfi2i.create("gcgan", **SIZES)
    model.compile()
    model.G.set_weights([np.zeros_like(w) for w in model.G.get_weights()])  # answers 0 everywhere
    batch = {key: np.tile(x, (1, 8, 8, 1)) for key in ("x", "y")}
    assert float(model.train_step(batch)["gc"]) == 0.0
