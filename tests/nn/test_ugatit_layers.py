"""U-GAT-IT's layers against NumPy and numbers worked out by hand, their state, and through a save and a load."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfi2i.nn.adalin import LIN, AdaLIN, GroupNorm
from tfi2i.nn.class_activation import ClassActivation
from tfi2i.nn.spectral_norm import SpectralConv2D
from tfi2i.nn.upsampling import UpsampleNearest


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, shape).astype("float32")


def standardized(x, axes):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, ddof=1, keepdims=True) + 1e-5)


# Two pixels of two channels. Instance: means 2, 6 and unbiased variances 2, 8, so -+1/sqrt(2) for both. Layer: mean 4,
# squared distances 9, 0, 1, 16, unbiased variance 26/3.
PIXELS = np.array([[[[1.0, 4.0], [3.0, 8.0]]]], "float32")
INSTANCE = np.array([[[[-1.0, -1.0], [1.0, 1.0]]]]) / np.sqrt(2.0)
LAYER = np.array([[[[-3.0, 0.0], [-1.0, 4.0]]]]) / np.sqrt(26.0 / 3.0)


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [(LIN(gate="instance"), INSTANCE), (LIN(gate="layer"), LAYER), (LIN(), LAYER)],
    ids=["instance", "layer", "learned"],
)
def test_lin_by_hand(layer, wanted):
    np.testing.assert_allclose(layer(PIXELS), wanted, atol=1e-5)


def test_adalin_by_hand():
    gamma, beta = (
        np.array([2.0, 3.0], "float32").reshape(1, 1, 1, 2),
        np.array([0.5, -1.0], "float32").reshape(1, 1, 1, 2),
    )
    wanted = gamma * (0.9 * INSTANCE + 0.1 * LAYER) + beta
    np.testing.assert_allclose(AdaLIN()(PIXELS, gamma, beta), wanted, atol=1e-5)


def test_each_channel_has_its_gate_and_each_image_its_style():
    x, gamma, beta = noise(3, 4, 5, 6), noise(3, 1, 1, 6, seed=1), noise(3, 1, 1, 6, seed=2)
    layer = AdaLIN()
    layer(x, gamma, beta)
    rho = np.linspace(0, 1, 6).astype("float32")
    layer.rho.assign(rho)
    wanted = gamma * (rho * standardized(x, (1, 2)) + (1 - rho) * standardized(x, (1, 2, 3))) + beta
    np.testing.assert_allclose(layer(x, gamma, beta), wanted, rtol=1e-4, atol=1e-4)


def test_clip_brings_the_gate_back():
    layer = LIN()
    layer(PIXELS)
    layer.rho.assign([-0.25, 1.5])
    layer.clip()
    np.testing.assert_array_equal(layer.rho, [0.0, 1.0])


def test_a_held_gate_has_no_weight():
    layer = LIN(gate="layer")
    layer(PIXELS)
    assert [v.name for v in layer.weights] == ["gamma", "beta"]
    with pytest.raises(ValueError, match="gate must be one of"):
        LIN(gate="batch")


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (6, 2), (5, 1)])
def test_group_norm_equals_keras(channels, groups):
    x = noise(2, 5, 3, channels)
    reference = keras.layers.GroupNormalization(groups, epsilon=1e-5)
    np.testing.assert_allclose(GroupNorm(groups=32)(x), reference(x), atol=1e-5)


def test_statistics_are_taken_in_full_precision():
    x = 300.0 + noise(1, 64, 64, 4)  # in float16 the squares of a mean like this overflow
    gamma, beta = np.ones((1, 1, 1, 4)), np.zeros((1, 1, 1, 4))
    for layer, inputs in ((LIN(dtype="mixed_float16"), ()), (AdaLIN(dtype="mixed_float16"), (gamma, beta))):
        rounded = x.astype("float16")
        y = layer(rounded, *inputs)
        assert y.dtype == "float16"
        rho = layer.rho.numpy()
        wide = rounded.astype("float32")
        wanted = rho * standardized(wide, (1, 2)) + (1 - rho) * standardized(wide, (1, 2, 3))
        np.testing.assert_allclose(y, wanted, atol=5e-3)


def matrix_of(layer):
    """The kernel as PyTorch sees it, (filters, all else), in our order of all else."""
    return layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1]).T


def test_one_forward_pass_of_training_is_one_power_iteration():
    x = noise(2, 6, 6, 3)
    layer = SpectralConv2D(5, 4, strides=2)
    layer.build(x.shape)
    W, u = matrix_of(layer), layer.u.numpy()
    assert np.linalg.norm(u) == pytest.approx(1.0, abs=1e-6) and np.linalg.norm(layer.v) == pytest.approx(1.0, abs=1e-6)
    y = layer(x, training=True)
    v = W.T @ u / np.linalg.norm(W.T @ u)
    u = W @ v / np.linalg.norm(W @ v)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    wanted = tf.nn.conv2d(x, layer.kernel / (u @ W @ v), 2, "VALID")
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)


def test_outside_training_the_stored_vectors_serve_as_they_are():
    x = noise(1, 5, 5, 2)
    layer = SpectralConv2D(3, 3)
    layer(x, training=True)
    u, v = layer.u.numpy(), layer.v.numpy()
    layer.kernel.assign(noise(3, 3, 2, 3))
    y = layer(x)
    wanted = tf.nn.conv2d(x, layer.kernel / (u @ matrix_of(layer) @ v), 1, "VALID")
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(layer.u, u)
    np.testing.assert_array_equal(layer.v, v)


def test_power_iteration_finds_the_largest_singular_value():
    layer = SpectralConv2D(4, 3)
    x = noise(1, 3, 3, 2)
    for _ in range(200):
        layer(x, training=True)
    divided = layer.normalized_kernel(training=False).numpy().reshape(-1, 4)
    assert np.linalg.svd(divided, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-4)


def test_the_gradient_goes_through_the_singular_value_alone():
    """With u and v constant, d(W / s) = dW / s - W (u v^T . dW) / s^2."""
    layer = SpectralConv2D(3, 1)
    layer.build((1, 1, 1, 4))
    pull = noise(1, 1, 4, 3, seed=1)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(layer.normalized_kernel(training=True) * pull)
    gradient = tape.gradient(out, layer.kernel.value).numpy().reshape(4, 3)
    W, u, v, P = layer.kernel.numpy().reshape(4, 3), layer.u.numpy(), layer.v.numpy(), pull.reshape(4, 3)
    s = v @ W @ u
    np.testing.assert_allclose(gradient, P / s - (P * W).sum() * np.outer(v, u) / s**2, rtol=1e-4, atol=1e-4)


def test_what_is_not_finite_does_not_stay():
    layer = SpectralConv2D(3, 3)
    x = noise(1, 3, 3, 2)
    layer(x, training=True)
    kernel = layer.kernel.numpy()
    layer.kernel.assign(np.full_like(kernel, np.nan))
    layer(x, training=True)
    layer.kernel.assign(kernel)
    assert np.isfinite(layer(x, training=True)).all() and np.isfinite(layer.u).all() and np.isfinite(layer.v).all()


@pytest.mark.parametrize(("pool", "pooled"), [("mean", [2.0, 6.0]), ("max", [3.0, 8.0])])
def test_class_activation_by_hand(pool, pooled):
    layer = ClassActivation(pool)
    layer.build(PIXELS.shape)
    layer.kernel.assign([[0.5], [-2.0]])
    logit, weighed = layer(PIXELS)
    np.testing.assert_allclose(logit, [[0.5 * pooled[0] - 2.0 * pooled[1]]])
    np.testing.assert_allclose(weighed, PIXELS * [0.5, -2.0])


def test_spectral_norm_of_a_class_activation_divides_the_logit_alone():
    layer = ClassActivation("mean", spectral_norm=True)
    layer.build(PIXELS.shape)
    layer.kernel.assign([[3.0], [-4.0]])  # as a matrix of one row its singular value is its norm, 5
    logit, weighed = layer(PIXELS, training=True)
    np.testing.assert_allclose(logit, [[(3.0 * 2.0 - 4.0 * 6.0) / 5.0]], rtol=1e-5)
    np.testing.assert_allclose(weighed, PIXELS * [3.0, -4.0])


@pytest.mark.parametrize("size", [(3, 5), (None, None)], ids=["known", "unknown"])
def test_upsampling_repeats_every_pixel(size):
    x = noise(2, 3, 5, 4)
    image = keras.Input((*size, 4))
    network = keras.Model(image, UpsampleNearest()(image))
    assert network.output_shape == (None, *(n and 2 * n for n in size), 4)
    np.testing.assert_array_equal(tf.function(network)(x), x.repeat(2, 1).repeat(2, 2))


def test_save_and_load(tmp_path):
    x = image = keras.Input((None, None, 4), name="image")
    x = SpectralConv2D(6, 3, strides=2, use_bias=False, kernel_initializer=keras.initializers.RandomNormal())(x)
    logit, x = ClassActivation("max", spectral_norm=True)(x)
    x = LIN(gate="instance")(UpsampleNearest()(x))
    x = GroupNorm(groups=3)(x)
    gamma = keras.layers.Reshape((1, 1, 6))(keras.layers.Dense(6)(logit))
    network = keras.Model(image, AdaLIN()(x, gamma, gamma))
    x = noise(1, 9, 11, 4)
    network(x, training=True)
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(x), network(x))
    np.testing.assert_array_equal(again(x, training=True), network(x, training=True))
