"""What every model of the zoo keeps, without an exception: one list of sizes, and the same tests for all.

`test_contract.py` runs this file for each model in a process of its own; one alone:

    pytest tests/contract.py --model=NAME
"""

import contextlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from replicas import distribute
from sizes import options
from test_run import go_on_without, state_of

import tfi2i
from tfi2i import loop, run, zoo
from tfi2i.data.prepared import kind_of_data
from tfi2i.directions import directions_of
from tfi2i.exporting.examples import random_inputs
from tfi2i.loop import compiled_step


@pytest.fixture(scope="module")
def name(request):
    return request.config.getoption("--model")


@pytest.fixture(scope="module", autouse=True)
def in_short():
    """What takes time here and isn't what is tested here.

    The loop's steps are made as they come, for a graph of them would be traced twice; the graph of a step has its tests
    below, and pix2pix is trained and resumed in one elsewhere.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "compiled_step", lambda model, *_: model.train_step)
        yield


@contextlib.contextmanager
def double_precision():
    """In float64 rounding tips no ReLU and no sign of an L1 loss over.

    In float32 it does: initial weights times 1 + 1e-7 N(0, 1) moved what CycleGAN answers after three steps by 1e-2,
    more than XLA does.
    """
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


@pytest.fixture
def in_doubles():
    with double_precision():
        yield


def build(name, seed=0, strategy=None, **more):
    keras.utils.set_random_seed(seed)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = tfi2i.create(name, **(options(name) | more))
        model.compile()
    return model


def batch(model, size=None, seed=1):
    """As the pipeline gives it to a model of this kind."""
    c, size = model.config, size or model.config.batch_size
    random = np.random.default_rng(seed)

    def images(channels, side=c.crop_size):
        return tf.constant(random.uniform(-1, 1, (size, side, side, channels)), keras.config.floatx())

    kind = kind_of_data(c)
    if kind == "images":
        return {"x": images(c.output_nc)}
    if kind == "labelled":
        one_hot = np.eye(len(c.names), dtype=keras.config.floatx())[random.integers(0, len(c.names), size)]
        return {"x": images(3), "label": tf.constant(one_hot)}
    if kind == "high_resolution":
        return {"x": images(3, c.crop_size // c.scale), "y": images(3)}
    return {"x": images(c.input_nc), "y": images(c.output_nc)}


def answers(model):
    """{way: the answers to random inputs}."""
    return {
        name: np.asarray(network(inputs if len(inputs) > 1 else inputs[0], training=False))
        for name, network in model.generators().items()
        for inputs in [random_inputs(network, (32, 32), 2)]
    }


def assert_alike(one, other):
    for name, value in one.logs().items():
        assert float(other.logs()[name]) == pytest.approx(float(value), rel=1e-6, abs=1e-9), name
    theirs = answers(other)
    for name, image in answers(one).items():
        np.testing.assert_allclose(image, theirs[name], rtol=0, atol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def trained(name, tmp_path_factory):
    """The folder of a run of two steps."""
    folder = tmp_path_factory.mktemp("contract") / name
    recipe = run.Recipe(steps=2, log_every=1, sample_every=2, checkpoint_every=1)
    config = zoo.model_class(name).Config(**options(name))
    loop.train(run.Job(name, config, recipe, zoo.presets(name)["quick"].dataset), folder, progress=False)
    return folder


def test_resumed_equals_not_interrupted(trained, tmp_path):
    """The last checkpoint taken away, the run goes on from the one before to the same bits of all state."""
    shutil.copytree(trained, tmp_path / "run")
    go_on_without("ckpt-2", tmp_path / "run")
    assert state_of(tmp_path / "run") == state_of(trained)


def stepped(model, strategy=None):
    """The model after two steps on twice its batch: on one device compiled by XLA, on several as they come."""
    compiled = None if strategy else compiled_step(model, tf.distribute.get_strategy(), "on")
    for seed in range(2):
        images = batch(model, 2 * model.config.batch_size, seed)
        if strategy:
            strategy.run(model.train_step, args=(distribute(strategy, images),))
        else:
            compiled(images)
    return model


@pytest.fixture(scope="module")
def one_device(name):
    """The model after steps on one device, compiled by XLA."""
    with double_precision():
        return stepped(build(name))


def test_everybody_moves(name, one_device, in_doubles):
    """All trainable weights of a model belong to a player, and steps move them all."""
    players = one_device.players.values()
    owned = {id(v) for networks in players for network in networks for v in network.trainable_variables}
    assert owned == {id(v) for v in one_device.trainable_variables}
    pairs = zip(build(name).trainable_variables, one_device.trainable_variables, strict=True)
    still = [v.path for before, v in pairs if np.array_equal(before.numpy(), v.numpy())]
    # A bias in front of a norm that subtracts it has no gradient but rounding noise, which may be nought.
    assert not [path for path in still if not path.endswith("bias")]


def test_two_replicas_are_one_device_and_xla_on_equals_off(name, one_device, mirrored, in_doubles):
    """Both at once, for each more would be a graph to trace: nothing is known that would do the same wrong to both.

    That the step on one device without XLA is right, the parity tests say.
    """
    together = build(name, strategy=mirrored)
    for one, other in zip(build(name).variables, together.variables, strict=True):
        other.assign(one)
    assert_alike(one_device, stepped(together, mirrored))


def fit(name):
    """A model after `model.fit` on two batches of pictures, without a graph of the step, and the history."""
    model = build(name)
    model.run_eagerly = True
    images = tfi2i.data.load(zoo.presets(name)["quick"].dataset, "train", model.config)
    return model, model.fit(images.take(2), verbose=0).history


def step(name):
    """A model after a step, not traced, and its losses."""
    model = build(name)
    return model, {loss: [value] for loss, value in model.train_step(batch(model)).items()}


@pytest.mark.parametrize(("policy", "trained_by"), [("mixed_bfloat16", step), ("mixed_float16", fit)])
def test_mixed_precision(name, policy, trained_by):
    keras.config.set_dtype_policy(policy)
    try:
        model, history = trained_by(name)
    finally:
        keras.config.set_dtype_policy("float32")
    assert set(model.loss_names) == history.keys()
    assert np.isfinite([float(values[-1]) for values in history.values()]).all()
    assert {meter.result().dtype for meter in model.metrics} == {tf.float32}
    for image in answers(model).values():
        assert image.dtype == np.float32 and np.isfinite(image).all()
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


def test_a_run_loads_and_answers_as_before(trained, tmp_path):
    """Without checkpoints; each way of translating, and each style."""
    folder = tmp_path / "passed_on"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", "logs", "samples"))
    one, other = run.load(trained), run.load(folder)
    theirs = answers(other)
    for direction, image in answers(one).items():
        np.testing.assert_array_equal(image, theirs[direction])
    for direction in directions_of(one).values():
        if direction.style_dim:
            image = np.random.default_rng(0).uniform(-1, 1, (32, 32, 3)).astype("float32")
            assert direction.style_of(image).shape == (direction.style_dim,)
            a, b = (direction(image, style) for style in direction.random_styles(2))
            assert np.abs(a - b).max() > 0
