"""The verb `turn`: who moves, by how much, and what happens when a number is not finite."""

import numpy as np
import pytest
import tensorflow as tf
from replicas import distribute

import tfi2i
from tfi2i.loop import compiled_step

# No norm: neither batch statistics nor biases whose true gradient is zero blur the comparisons.
PLAIN = {"norm": "none", "no_dropout": True}


def batch(size=2, seed=1):
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, size, 16, 16, 3)).astype("float32")
    return {"x": x, "y": y}


def build(tiny, seed=0, strategy=None, **options):
    tf.keras.utils.set_random_seed(seed)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = tfi2i.create("pix2pix", **(tiny | options))
        model.compile()
    return model


def weights(network):
    return [w.numpy() for w in network.trainable_weights]


def moved(before, network):
    return [not np.array_equal(a, b.numpy()) for a, b in zip(before, network.trainable_weights, strict=True)]


class Halves(tfi2i.zoo.model_class("pix2pix")):
    """One turn alone."""

    loss_names = ("loss",)

    def train_step(self, batch):
        G, D = self.networks(training=True)
        with self.turn(self.player) as losses:
            fake = G(batch["x"])
            losses["loss"] = tf.reduce_mean(D(tf.concat([batch["x"], fake], -1)))
        return self.logs()


@pytest.mark.parametrize("player", ["G", "D"])
def test_a_turn_moves_its_player_alone(tiny, player):
    model = Halves(Halves.Config(**(tiny | PLAIN)))
    model.player = player
    model.compile()
    before = {name: weights(getattr(model, name)) for name in "GD"}
    model.train_step(batch())
    other = "D" if player == "G" else "G"
    assert not any(moved(before[other], getattr(model, other)))
    assert all(moved(before[player], getattr(model, player))[:-1])


def test_a_turn_without_gradient_names_the_weights(tiny):
    model = build(tiny)
    with (
        pytest.raises(ValueError, match=r'turn\("D"\): its losses do not depend on .*conv1/kernel'),
        model.turn("D") as losses,
    ):
        losses["D"] = tf.reduce_mean(model.G(batch()["x"]))


def test_graph_equals_eager(tiny):
    logs = []
    for eager in (True, False):
        model = build(tiny, **PLAIN)
        step = model.train_step if eager else tf.function(model.train_step)
        for seed in range(3):
            result = step({k: tf.constant(v) for k, v in batch(seed=seed).items()})
        logs.append({k: float(v) for k, v in result.items()})
    assert logs[0] == pytest.approx(logs[1], rel=1e-5)


@pytest.mark.parametrize("options", [PLAIN, {"no_dropout": True}], ids=["plain", "batch norm"])
def test_xla_on_equals_off(tiny, options):
    results = []
    for xla in ("off", "on"):
        model = build(tiny, **options)
        step = compiled_step(model, tf.distribute.get_strategy(), xla)
        for seed in range(3):
            step({k: tf.constant(v) for k, v in batch(seed=seed).items()})
        results.append(({k: float(v) for k, v in model.logs().items()}, model.G.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-4)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.parametrize("xla", ["off", "on"])
def test_two_replicas_equal_one_device(tiny, mirrored, xla):
    """The same images, whole or shared by two: the same losses and the same weights."""
    alone, strategy = build(tiny, **PLAIN), mirrored
    together = build(tiny, strategy=strategy, **PLAIN)
    together.G.set_weights(alone.G.get_weights())
    together.D.set_weights(alone.D.get_weights())
    step_alone = compiled_step(alone, tf.distribute.get_strategy())
    step_together = compiled_step(together, strategy, xla)
    for seed in range(3):
        images = batch(4, seed)
        step_alone({k: tf.constant(v) for k, v in images.items()})
        step_together(distribute(strategy, images))
    tf.config.optimizer.set_jit(False)
    for name, value in alone.logs().items():
        assert float(together.logs()[name]) == pytest.approx(float(value), rel=1e-5), name
    for a, b in zip(alone.G.get_weights(), together.G.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_batch_norm_and_dropout_run_mirrored(tiny, mirrored):
    strategy = mirrored
    model = build(tiny | {"netG": "unet_64", "crop_size": 64}, strategy=strategy)
    step = compiled_step(model, strategy)
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 4, 64, 64, 3)).astype("float32")
    for _ in range(2):
        step(distribute(strategy, {"x": x, "y": y}))
    assert all(np.isfinite(float(v)) for v in model.logs().values())
    (mean,) = [w for w in model.D.weights if "moving_mean" in w.path][:1]
    copies = [v.numpy() for v in strategy.experimental_local_results(mean.value)]
    np.testing.assert_array_equal(copies[0], copies[1])


def test_an_update_that_is_not_finite_is_skipped_and_counted(tiny):
    model = build(tiny)
    step = tf.function(model.train_step)
    before = [w.numpy() for w in model.G.weights + model.D.weights]
    bad = batch()
    bad["y"][0, 0, 0, 0] = np.nan
    step(bad)
    after = [w.numpy() for w in model.G.weights + model.D.weights]
    assert int(model.skipped_in_a_row.numpy()) == 2  # D's turn and G's
    assert [int(o.iterations) for o in model.optimizers.values()] == [0, 0]
    for a, b, w in zip(before, after, model.G.weights + model.D.weights, strict=True):
        assert np.isfinite(b).all(), w.path
        if w.trainable:
            np.testing.assert_array_equal(a, b)
    step(batch())
    assert int(model.skipped_in_a_row.numpy()) == 0
    assert all(np.isfinite(float(v)) for v in model.logs().values())


def test_one_bad_replica_stops_all(tiny, mirrored):
    strategy = mirrored
    model = build(tiny, strategy=strategy, **PLAIN)
    before = model.G.get_weights()
    bad = batch(4)
    bad["y"][3, 0, 0, 0] = np.nan  # on the second replica
    compiled_step(model, strategy)(distribute(strategy, bad))
    for a, b in zip(before, model.G.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(model.skipped_in_a_row.numpy()) == 2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_outputs_and_losses_in_float32(tiny, policy):
    tf.keras.config.set_dtype_policy(policy)
    try:
        model = build(tiny)
    finally:
        tf.keras.config.set_dtype_policy("float32")
    assert model.G(batch()["x"]).dtype == tf.float32
    logs = tf.function(model.train_step)(batch())
    assert all(v.dtype == tf.float32 and np.isfinite(float(v)) for v in logs.values())
    assert {w.dtype for w in model.G.weights} == {"float32"}


def test_steps_per_execution_is_refused(tiny):
    with pytest.raises(ValueError, match="steps_per_execution must be 1"):
        tfi2i.create("pix2pix", **tiny).compile(steps_per_execution=2)


def test_model_fit_in_a_notebook(tiny):
    model = build(tiny)
    images = tfi2i.data.load("synthetic_facades", "train", model.config, batch_size=4)
    history = model.fit(images.take(3), epochs=2, verbose=0)
    assert set(model.loss_names) <= history.history.keys()
    assert np.isfinite(history.history["G_L1"]).all()


@pytest.mark.parametrize("gan_mode", ["vanilla", "lsgan", "wgangp", "hinge"])
@pytest.mark.parametrize("netD", ["basic", "n_layers", "pixel"])
def test_every_objective_and_discriminator_trains(tiny, gan_mode, netD):
    model = build(tiny | {"netG": "unet_32", "gan_mode": gan_mode, "netD": netD, "norm": "instance"})
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 1, 32, 32, 3)).astype("float32")
    logs = tf.function(model.train_step)({"x": x, "y": y})
    assert all(np.isfinite(float(v)) for v in logs.values())


def test_the_average_follows_the_weights(tiny):
    """Against NumPy, over three steps; in its place while the block lasts, and the weights' own back afterwards."""
    model = build(tiny, **PLAIN)
    model.compile(average=0.2)  # above (1 + t) / (10 + t) at first, and below it from the second step on
    wanted = [w.astype("float64") for w in weights(model.G)]
    for step in range(1, 4):
        model.train_step({k: tf.constant(v) for k, v in batch(seed=step).items()})
        rate = 1 - min(0.2, (1 + step) / (10 + step))
        wanted = [average + rate * (w - average) for average, w in zip(wanted, weights(model.G), strict=True)]
    own = weights(model.G)
    with model.averaged():
        for average, value in zip(wanted, weights(model.G), strict=True):
            np.testing.assert_allclose(value, average, atol=1e-6)
        assert not np.array_equal(weights(model.G)[0], own[0])
    for one, other in zip(own, weights(model.G), strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_are_the_same_on_two_replicas(tiny, mirrored):
    models = []
    for strategy in (None, mirrored):
        model = build(tiny, strategy=strategy, **PLAIN)
        with (strategy or tf.distribute.get_strategy()).scope():
            model.compile(average=0.2)
        step = compiled_step(model, strategy or tf.distribute.get_strategy())
        images = {k: tf.constant(v) for k, v in batch(4).items()}
        step(distribute(strategy, images) if strategy else images)
        models.append(model)
    for one, other in zip(models[0].averages, models[1].averages, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
