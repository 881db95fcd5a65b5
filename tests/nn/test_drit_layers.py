"""The layers and networks that DRIT brings: closed forms, sizes, what is shared, and through a save and a load."""

import keras
import numpy as np
import pytest

from tfi2i.nn import disentangled
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


@pytest.mark.parametrize(("concat", "E_a", "G"), [(True, 2_688_160, 9_564_710), (False, 5_529_872, 17_146_374)])
def test_parameter_counts_of_the_official_program(concat, E_a, G):
    sizes = {"input_nc": 3, "output_nc": 3, "dim": 64}
    assert disentangled.content_encoder(**sizes).count_params() == 9_018_112
    assert disentangled.attribute_encoder(**sizes, nz=8, concat=concat).count_params() == E_a
    assert disentangled.generator(**sizes, nz=8, concat=concat).count_params() == G
    assert disentangled.content_discriminator(256, 3).count_params() == 10_683_649


def test_the_domains_share_a_block_of_the_content_encoder_that_stays_shared_in_a_file(tmp_path):
    E_c = disentangled.content_encoder(1, 3, dim=2)
    E_c.save(tmp_path / "E_c.keras")
    again = keras.models.load_model(tmp_path / "E_c.keras")
    images = [np.random.default_rng(0).normal(size=(1, 8, 8, channels)).astype("float32") for channels in (1, 3)]
    before = again(images)
    again.get_layer("share_block_conv2").kernel.assign_add(np.ones((3, 3, 8, 8), "float32") * np.eye(8))
    for content, ours, changed in zip(before, E_c(images), again(images), strict=True):
        assert content.shape == (1, 2, 2, 8)
        np.testing.assert_array_equal(content, ours)
        assert not np.allclose(content, changed)


@pytest.mark.parametrize("strided", [0, 1, 2, 3])
def test_the_smallest_image_leaves_the_content_discriminator_one_logit(strided):
    D_c = disentangled.content_discriminator(2, strided)
    content = disentangled.smallest_image_of_content_discriminator(strided) // 4
    assert D_c(np.zeros((1, content, content, 2), "float32")).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("concat", [True, False])
def test_the_generator_gives_images_of_both_domains(concat):
    G = disentangled.generator(1, 3, dim=2, nz=3, concat=concat)
    content, z = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype("float32"), np.zeros((2, 3), "float32")
    x, y = G([content, z, content, z])
    assert x.shape == (2, 16, 24, 1) and y.shape == (2, 16, 24, 3)
    other_x, other_y = G([content, z + 1.0, content, z])
    assert not np.allclose(x, other_x)
    np.testing.assert_array_equal(y, other_y)
