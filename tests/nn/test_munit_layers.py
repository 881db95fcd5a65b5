"""The layers of UNIT, MUNIT, self-attention MUNIT and DRIT: exact values against NumPy, odd sizes, round trips."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfi2i import zoo
from tfi2i.errors import UserError
from tfi2i.nn.adain import AdaIN
from tfi2i.nn.attention import Attend, self_attention
from tfi2i.nn.content import content_encoder
from tfi2i.nn.layer_norm import LayerNorm
from tfi2i.nn.multiscale import HalvingPool, multiscale_discriminator, smallest_image


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("size", [(8, 6), (7, 5), (8, 5), (2, 3)], ids=str)
def test_halving_pool_means_what_lies_inside(size):
    x = random(2, *size, 3)
    rows, columns = ((n + 1) // 2 for n in size)
    wanted = np.empty((2, rows, columns, 3), "float32")
    for i in range(rows):
        for j in range(columns):
            wanted[:, i, j] = x[:, max(0, 2 * i - 1) : 2 * i + 2, max(0, 2 * j - 1) : 2 * j + 2].mean((1, 2))
    layer = HalvingPool()
    np.testing.assert_allclose(layer(x), wanted, atol=1e-6)
    assert tuple(layer.compute_output_shape(x.shape)) == wanted.shape


def test_every_scale_judges_the_halved_image():
    """At an odd size: the second scale's weights, put into a D of one scale, see the pooled image."""
    D = multiscale_discriminator(ndf=2, n_layers=2, num_scales=3)
    one = multiscale_discriminator(ndf=2, n_layers=2, num_scales=1)
    x = random(1, 35, 29, 3)
    for k in (1, 2, 3):
        one.get_layer(f"scale1_conv{k}").set_weights(D.get_layer(f"scale2_conv{k}").get_weights())
    np.testing.assert_allclose(D(x)[1], one(HalvingPool()(x)), atol=1e-6)
    assert [tuple(logits.shape) for logits in D(x)] == [(1, 8, 7, 1), (1, 4, 3, 1), (1, 2, 2, 1)]


def test_the_smallest_image_is_judged():
    n = smallest_image(n_layers=2, num_scales=2)
    D = multiscale_discriminator(ndf=2, n_layers=2, num_scales=2)
    assert [logits.shape[1] for logits in D(random(1, n, n, 3))] == [2, 1]
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        D(random(1, n // 2, n // 2, 3))


def test_adain_reads_shift_then_scale_at_its_place():
    x, parameters = random(2, 4, 5, 3), random(2, 12, seed=1)
    shift, scale = parameters[:, None, None, 6:9], parameters[:, None, None, 9:12]
    mean, std = x.mean((1, 2), keepdims=True), np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(AdaIN(place=1)([x, parameters]), (x - mean) / std * scale + shift, atol=1e-5)


def test_layer_norm_is_unbiased_with_epsilon_outside_of_the_root():
    x = 1e-4 * random(2, 2, 3, 4)  # so small that epsilon's place shows
    layer = LayerNorm()
    layer.build(x.shape)
    assert (np.asarray(layer.gamma) >= 0).all() and 0 < np.ptp(layer.gamma) < 1
    gamma, beta = random(4, seed=1), random(4, seed=2)
    layer.set_weights([gamma, beta])
    mean, std = x.mean((1, 2, 3), keepdims=True), x.std((1, 2, 3), ddof=1, keepdims=True)
    wanted = (x - mean) / (std + 1e-5) * gamma + beta
    np.testing.assert_allclose(layer(x), wanted, atol=1e-5)
    unknown_size = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 4])])
    np.testing.assert_allclose(unknown_size(x), wanted, atol=1e-5)


def test_attention_starts_as_the_identity_and_weighs_all_positions():
    x, query, key, value = random(2, 3, 4, 5), *(random(2, 3, 4, c, seed=c) for c in (2, 3, 5))
    key = key[..., :2]
    layer = Attend()
    np.testing.assert_array_equal(layer([x, query, key, value]), x)
    layer.set_weights([np.array([0.7], "float32")])
    agreement = np.einsum("bhwk,bijk->bhwij", query, key).reshape(2, 12, 12)
    weights = np.exp(agreement) / np.exp(agreement).sum(-1, keepdims=True)
    wanted = x + 0.7 * (weights @ value.reshape(2, 12, 5)).reshape(x.shape)
    np.testing.assert_allclose(layer([x, query, key, value]), wanted, atol=1e-5)


def test_attention_stands_where_the_config_says():
    tiny = {"dim": 4, "n_res": 1, "ndf": 4, "n_layer": 2, "num_scales": 2, "crop_size": 32}
    stages = {"attention_E": "before_down", "attention_G": "none", "attention_D": "before_down"}
    default, early = zoo.create("samunit", **tiny), zoo.create("samunit", **tiny, **stages)

    def before_attention(network):
        return [layer.input[0].shape[1:] for layer in network.layers if isinstance(layer, Attend)]

    assert [before_attention(net) for net in (default.E_c_A, default.E_s_A)] == [[], []]
    assert before_attention(default.G_B) == [(None, None, 16)]  # behind the residual blocks
    assert before_attention(default.D_A) == [(None, None, 8)] * 2  # before the logits
    assert [before_attention(net) for net in (early.E_c_A, early.E_s_A)] == [[(None, None, 4)]] * 2  # behind the stem
    assert before_attention(early.G_B) == []
    assert before_attention(early.D_A) == [(None, None, 3)] * 2  # the image itself


def test_attention_that_cannot_fit_is_refused():
    config = zoo.model_class("samunit").Config
    with pytest.raises(UserError, match=r"--attention_E=before_down .* 16 GiB .* 65536 x 65536"):
        config(attention_E="before_down")
    assert config(attention_E="before_down", crop_size=128).crop_size == 128


def attended():
    image = keras.Input((None, None, 16), name="image")
    return keras.Model(image, self_attention(image))


def adain_of_two():
    x, parameters = keras.Input((None, None, 2)), keras.Input((8,))
    return keras.Model([x, parameters], AdaIN(place=1)([x, parameters]))


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (lambda: content_encoder(3, dim=2, n_downsample=1, n_res=1), random(2, 8, 8, 3)),
        (lambda: multiscale_discriminator(ndf=2, n_layers=1, num_scales=2), random(2, 9, 8, 3)),
        (attended, random(1, 4, 4, 16)),
        (adain_of_two, [random(2, 4, 4, 2), random(2, 8)]),
        (lambda: keras.Sequential([keras.Input((None, None, 3)), LayerNorm()]), random(2, 4, 4, 3)),
    ],
    ids=["content", "multiscale", "attention", "adain", "layer_norm"],
)
def test_round_trip(network, inputs, tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for y, z in zip(keras.tree.flatten(model(inputs)), keras.tree.flatten(again(inputs)), strict=True):
        np.testing.assert_array_equal(y, z)


def test_kernels_of_two_layers_are_drawn_apart():
    E = content_encoder(3, dim=4, n_downsample=1, n_res=1)
    a, b = (E.get_layer(f"block1_conv{k}").kernel.numpy() for k in (1, 2))
    assert np.abs(a - b).max() > 0.1
    assert a.std() == pytest.approx(np.sqrt(2 / (9 * 8)), rel=0.2)
