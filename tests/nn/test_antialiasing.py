"""Halving and doubling against the filters that they are, written in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfi2i.nn.antialiasing import BlurDown, BlurUp


def random(*shape):
    return np.random.default_rng(0).normal(size=shape)


def filtered(x, taps):
    """Each axis of (B, H, W, C) by the taps, where they fit."""
    for axis in (1, 2):
        count = x.shape[axis] - len(taps) + 1
        x = sum(tap * x.take(range(k, k + count), axis) for k, tap in enumerate(taps))
    return x


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(8, 6), (7, 5), (8, 5), (2, 3)], ids=str)
def test_blur_down(size, training):
    x = random(2, *size, 3)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
    wanted = filtered(padded, [0.25, 0.5, 0.25])[:, ::2, ::2]
    layer = BlurDown(dtype="float64")
    np.testing.assert_allclose(layer(x, training=training), wanted, atol=1e-12)
    assert tuple(layer.compute_output_shape(x.shape)) == wanted.shape


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 2)], ids=str)
def test_blur_up(size):
    x = random(2, *size, 3)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge")
    spread = np.zeros((2, 2 * size[0] + 4, 2 * size[1] + 4, 3))
    spread[:, ::2, ::2] = padded
    wanted = filtered(np.pad(spread, [(0, 0), (1, 0), (1, 0), (0, 0)]), [0.25, 0.75, 0.75, 0.25])[:, 1:-1, 1:-1]
    layer = BlurUp(dtype="float64")
    np.testing.assert_allclose(layer(x), wanted, atol=1e-12)
    assert tuple(layer.compute_output_shape(x.shape)) == wanted.shape
    unknown = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float64)])
    np.testing.assert_allclose(unknown(x), wanted, atol=1e-12)


@pytest.mark.parametrize("layer", [BlurDown, BlurUp])
def test_they_survive_a_file(layer, tmp_path):
    image = keras.Input((None, None, 3))
    keras.Model(image, layer()(image)).save(tmp_path / "layer.keras")
    x = random(1, 6, 8, 3).astype("float32")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "layer.keras")(x), layer()(x))
