"""The layers that DRIT brings: closed forms, and through a save and a load."""

import keras
import numpy as np
import pytest

from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.image_layer_norm import ImageLayerNorm


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_append_vector(dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(dtype)
    z = np.array([[1.0, -2.0], [3.0, 0.5]], dtype)
    y = np.asarray(AppendVector(dtype=dtype)(x, z))
    np.testing.assert_array_equal(y[..., :5], x)
    np.testing.assert_array_equal(y[..., 5:], np.broadcast_to(z[:, None, None], (2, 3, 4, 2)))


def test_image_layer_norm_by_hand():
    """Values 0, 0, 0, 2 of one image: mean 0.5, biased variance 0.75; eps under the root."""
    layer = ImageLayerNorm(epsilon=0.25)
    layer.build((None, None, None, 2))
    layer.gamma.assign([1.0, 3.0])
    layer.beta.assign([0.0, 10.0])
    y = layer(np.array([0.0, 0.0, 0.0, 2.0], "float32").reshape(1, 1, 2, 2))
    np.testing.assert_allclose(np.ravel(y), [-0.5, 10.0 - 1.5, -0.5, 10.0 + 4.5], rtol=1e-6)


def test_image_layer_norm_takes_each_image_alone():
    x = np.random.default_rng(0).normal(2.0, 3.0, (3, 4, 5, 6)).astype("float32")
    layer = ImageLayerNorm()
    wanted = (x - x.mean((1, 2, 3), keepdims=True)) / np.sqrt(x.var((1, 2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(layer(x), wanted, atol=1e-5)
    np.testing.assert_allclose(layer(x[1:2]), wanted[1:2], atol=1e-5)


def test_they_come_back_from_a_file(tmp_path):
    image, z = keras.Input((None, None, 3)), keras.Input((2,))
    network = keras.Model([image, z], ImageLayerNorm(epsilon=0.5)(AppendVector()(image, z)))
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    x, style = np.ones((1, 4, 4, 3), "float32"), np.ones((1, 2), "float32") * 2.0
    assert again.layers[-1].epsilon == 0.5
    np.testing.assert_array_equal(again([x, style]), network([x, style]))
