"""Layers against closed forms, against TensorFlow's own, and through a save and a load."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfi2i.nn.adain import AdaIN
from tfi2i.nn.blocks import NoiseDropout, as_tested, kernel_initializer
from tfi2i.nn.normalization import BatchNorm, InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.nn.patchgan import patchgan
from tfi2i.nn.resnet import resnet
from tfi2i.nn.unet import unet
from tfi2i.nn.upsampling import PixelShuffle, UpsampleNearest


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, shape).astype("float32")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(8, 20), st.integers(8, 20), st.integers(1, 3))
def test_reflect_pad_equals_tensorflows(padding, height, width, channels):
    x = noise(2, height, width, channels)
    wanted = tf.pad(x, [[0, 0], [padding] * 2, [padding] * 2, [0, 0]], "REFLECT")
    np.testing.assert_array_equal(ReflectPad(padding)(x), wanted)


# The forms that delegates take whole are the only ones; over all sizes they equal the forms one would write.
SIZES = (st.integers(1, 3), st.integers(2, 40), st.integers(2, 40), st.integers(1, 9))


@settings(max_examples=30, deadline=None)
@given(*SIZES)
def test_instance_norm_equals_moments(batch, height, width, channels):
    x = np.random.default_rng(height).normal(0.0, 1.0, (batch, height, width, channels)).astype("float32")
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    wanted = tf.nn.batch_normalization(x, mean, variance, None, None, 1e-5)
    np.testing.assert_allclose(InstanceNorm()(x), wanted, atol=1e-6, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(*SIZES)
def test_upsampling_equals_repetition(batch, height, width, channels):
    x = noise(batch, height, width, channels)
    np.testing.assert_array_equal(UpsampleNearest()(x), x.repeat(2, 1).repeat(2, 2))
    unknown = tf.function(UpsampleNearest(), input_signature=[tf.TensorSpec([None, None, None, channels])])
    np.testing.assert_array_equal(unknown(x), x.repeat(2, 1).repeat(2, 2))


@settings(max_examples=30, deadline=None)
@given(*SIZES, st.integers(2, 4))
def test_pixel_shuffle_equals_its_definition(batch, height, width, channels, scale):
    x = noise(batch, height, width, scale * scale * channels)
    blocks = x.reshape(batch, height, width, scale, scale, channels).transpose(0, 1, 3, 2, 4, 5)
    np.testing.assert_array_equal(
        PixelShuffle(scale)(x), blocks.reshape(batch, scale * height, scale * width, channels)
    )


TWO_FORMS = {
    "instance norm": (lambda: InstanceNorm(), None),
    "instance norm, affine": (lambda: InstanceNorm(affine=True), None),
    "AdaIN": (lambda: AdaIN(place=1), 12),
    "reflection padding": (lambda: ReflectPad(2), None),
}


@pytest.mark.parametrize("xla", [False, True], ids=["", "xla"])
@pytest.mark.parametrize("batch", [1, 3, 17])
@pytest.mark.parametrize("form", TWO_FORMS)
def test_the_form_for_training_equals_that_for_devices(form, batch, xla):
    """Answers, and gradients with respect to everything, of a layer that has a form of its own for training."""
    make, vector = TWO_FORMS[form]
    layer, inputs = make(), [tf.constant(noise(batch, 9, 8, 3))]
    inputs += [tf.constant(noise(batch, vector, seed=1))] if vector else []
    given = inputs if vector else inputs[0]
    direction = tf.constant(noise(*layer(given).shape, seed=2))
    for k, weight in enumerate(layer.weights):
        weight.assign(noise(*weight.shape, seed=3 + k))

    @tf.function(jit_compile=xla)
    def both(training):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = layer(given, training=training)
            directed = tf.reduce_sum(y * direction)
        return [y, *tape.gradient(directed, [*inputs, *(w.value for w in layer.weights)])]

    for one, other in zip(both(True), both(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


def test_instance_norm():
    x = noise(2, 5, 7, 3)
    y = np.asarray(InstanceNorm(affine=True)(x))
    wanted = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, wanted, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_keeps_the_unbiased_variance(dtype):
    x = noise(2, 3, 4, 3)
    layer = BatchNorm(dtype=dtype)
    y = layer(tf.cast(x, dtype), training=True)
    wanted = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(y, wanted, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * x.var((0, 1, 2), ddof=1), rtol=1e-5)
    running = (x - layer.moving_mean.numpy()) / np.sqrt(layer.moving_variance.numpy() + 1e-5)
    np.testing.assert_allclose(layer(tf.cast(x, dtype), training=False), running, rtol=1e-4, atol=1e-5)


def test_batch_norm_by_image_ignores_the_rest_of_the_batch():
    x = noise(3, 6, 6, 4)
    layer = BatchNorm(at_test="image")
    alone = [np.asarray(layer(x[i : i + 1])) for i in range(3)]
    np.testing.assert_allclose(layer(x), np.concatenate(alone), atol=1e-6)
    np.testing.assert_allclose(alone[0], BatchNorm()(x[:1], training=True), atol=1e-5)


def test_as_tested_is_deterministic_and_stochastic_draws_anew():
    G = unet(6, ngf=2)
    x = noise(1, 64, 64, 3)
    G(x, training=True)  # moves the running statistics away from the start
    quiet, noisy = as_tested(G), as_tested(G, stochastic=True)
    np.testing.assert_array_equal(quiet(x), quiet(x))
    assert np.abs(np.asarray(noisy(x)) - noisy(x)).max() > 0
    assert np.abs(np.asarray(quiet(x)) - G(x)).max() > 1e-4  # the image's own statistics, not the running ones


@pytest.mark.parametrize("network", [unet(5, ngf=2), resnet(2, ngf=2), resnet(1, ngf=2, norm="batch", dropout=0.5)])
def test_networks_keep_the_size_and_the_range(network):
    y = np.asarray(network(noise(2, 32, 64, 3)))
    assert y.shape == (2, 32, 64, 3)
    assert np.abs(y).max() <= 1


def test_patchgan_sees_70_pixels():
    """The logit in the middle depends on a window of exactly 70 x 70 pixels."""
    D = patchgan(input_nc=1, ndf=2, norm="none")
    x = tf.Variable(noise(1, 128, 128, 1))
    with tf.GradientTape() as tape:
        logit = D(x)[0, 7, 7, 0]
    seen = np.abs(tape.gradient(logit, x).numpy()[0, :, :, 0]) > 0
    rows = np.flatnonzero(seen.any(1))
    assert rows[-1] - rows[0] + 1 == 70
    assert D(x).shape == (1, 14, 14, 1)


@pytest.mark.parametrize("network", [unet(7, ngf=2), resnet(3, ngf=2), patchgan(ndf=2, n_layers=5)])
def test_no_two_kernels_begin_alike(network):
    kernels = [w.numpy().tobytes() for w in network.weights if w.name == "kernel"]
    assert len(set(kernels)) == len(kernels)


def test_too_few_levels():
    with pytest.raises(ValueError, match="at least 2 levels"):
        unet(1)


@pytest.mark.parametrize(
    ("init_type", "init_gain", "deviation"),
    [("normal", 0.02, 0.02), ("xavier", 0.02, 0.02 * np.sqrt(2 / (64 + 64) / 16)), ("kaiming", 9, np.sqrt(2 / 1024))],
)
def test_initializers_have_the_deviation_pytorch_gives(init_type, init_gain, deviation):
    kernel = kernel_initializer(init_type, init_gain)((4, 4, 64, 64))
    assert float(tf.math.reduce_std(kernel)) == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize(
    "layer",
    [
        InstanceNorm(affine=True),
        BatchNorm(at_test="image", momentum=0.5, gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02)),
        ReflectPad(2),
        NoiseDropout(0.3, at_test="on"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_survive_a_file(layer, tmp_path):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layer(image))
    model.save(tmp_path / "layer.keras")
    again = keras.models.load_model(tmp_path / "layer.keras")
    assert again.layers[-1].get_config() == layer.get_config()
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b)
