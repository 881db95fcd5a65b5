"""The PyTorch twins of all generators give what Keras gives."""

import keras
import numpy as np
import pytest
from keras import layers
from sizes import options

import tfi2i
from tfi2i.exporting.examples import random_inputs
from tfi2i.zoo import MODELS

torch = pytest.importorskip("torch", reason="PyTorch, of the extra `benchmark`, isn't installed")

from tfi2i.benchmark.torch_twin import twin  # noqa: E402

CASES = {name: (name, None, options(name)) for name in MODELS} | {
    "gan, convolutions": ("gan", "quick", {}),
    "pix2pix, U-Net": ("pix2pix", None, {"netG": "unet_32", "ngf": 4, "crop_size": 32}),
    "dtn, batch norm": ("dtn", None, {"nef": 4, "ngf": 4, "ndf": 4}),
    "srgan, batch norm": ("srgan", None, {"n_blocks": 1, "ngf": 4, "ndf": 2, "crop_size": 32}),
    "ugatit, full": ("ugatit", None, {"ch": 4, "n_res": 1, "n_dis_global": 4, "n_dis_local": 3, "crop_size": 32}),
    "ugatit, AdaIN": ("ugatit", None, options("ugatit") | {"norm": "AdaIN"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_twin_equals_keras(case):
    name, preset, given = CASES[case]
    model = tfi2i.create(name, preset, **given)
    for network in model.generators().values():
        network.set_weights([_drawn(w) for w in network.get_weights()])
        inputs = random_inputs(network, (32, 32))
        expected = keras.ops.convert_to_numpy(network(inputs if len(inputs) > 1 else inputs[0], training=False))
        np.testing.assert_allclose(_answer(network, inputs), expected, rtol=0, atol=1e-4)


def test_a_layer_without_a_twin_is_named():
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, layers.DepthwiseConv2D(3, name="depthwise")(image))
    with pytest.raises(NotImplementedError, match="no PyTorch twin of DepthwiseConv2D 'depthwise'"):
        twin(network)


def test_pairs_are_joined_only_where_nothing_reads_between():
    image = keras.Input((8, 8, 3))
    padded = layers.ZeroPadding2D(1)(image)
    alone = keras.Model(image, layers.Conv2D(4, 3)(padded))
    read_twice = keras.Model(image, [layers.Conv2D(4, 3)(padded), layers.Conv2D(4, 3, 2)(padded)])
    returned = keras.Model(image, [padded, layers.Conv2D(4, 3)(padded)])
    for network, modules in ((alone, 1), (read_twice, 3), (returned, 2)):
        assert len(twin(network).modules_in_order) == modules
        x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
        for ours, theirs in zip(
            *(v if isinstance(v, (list, tuple)) else [v] for v in (twin(network)(_nchw(x)), network(x))), strict=True
        ):
            np.testing.assert_allclose(ours.permute(0, 2, 3, 1).numpy(), theirs, rtol=0, atol=1e-5)


def _drawn(weight):
    """Scales, shifts and statistics off their initial values, so that none can be lost unseen."""
    return weight + np.random.default_rng(weight.size).normal(0, 0.05, weight.shape) if weight.ndim == 1 else weight


def _answer(network, inputs):
    with torch.inference_mode():
        return twin(network)(*map(_nchw, inputs)).permute(0, 2, 3, 1).numpy()


def _nchw(x):
    return torch.tensor(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x)
