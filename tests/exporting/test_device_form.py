"""Transposed convolutions as convolutions: the same numbers, in operators that LiteRT's delegate is fast at."""

import keras
import numpy as np
import pytest
from keras import layers
from sizes import options

import tfi2i
from tfi2i.exporting import convert
from tfi2i.exporting.device_form import UpConv2D, for_devices


def up(x, size, bias=True, activation=None):
    """Doubles the size as StarGAN (4x4), and as CycleGAN and DRIT do (3x3)."""
    settings = {"use_bias": bias, "bias_initializer": "random_normal", "activation": activation}
    if size == 4:
        return layers.Conv2DTranspose(5, 4, 2, "same", **settings)(x)
    return layers.Cropping2D(((1, 0), (1, 0)))(layers.Conv2DTranspose(5, 3, 2, **settings)(x))


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("bias, activation", [(True, None), (False, "tanh")])
def test_the_copy_gives_the_same(size, bias, activation):
    image = keras.Input((None, None, 3))
    network = keras.Model(image, up(image, size, bias, activation))
    copy = for_devices(network)
    assert any(isinstance(layer, UpConv2D) for layer in copy.layers)
    for height, width in ((1, 1), (6, 5)):
        x = np.random.default_rng(0).uniform(-1, 1, (2, height, width, 3)).astype("float32")
        np.testing.assert_allclose(copy(x), network(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"kernel_size": 4, "strides": 1}, {"kernel_size": 3, "strides": 2}, {"kernel_size": 5, "strides": 2}]
)
def test_others_stay_as_they_are(settings):
    image = keras.Input((4, 4, 3))
    network = keras.Model(image, layers.Conv2DTranspose(5, **settings)(image))
    assert for_devices(network) is network


@pytest.mark.parametrize("name", ["stargan", "drit", "cyclegan", "dtn"])
def test_generators_of_the_zoo(name):
    """DRIT's are networks within networks."""
    for network in tfi2i.create(name, **options(name)).generators().values():
        random = np.random.default_rng(0)
        inputs = [
            random.uniform(-1, 1, (1, *([32, 32] if len(x.shape) == 4 else []), x.shape[-1])) for x in network.inputs
        ]
        arguments = inputs if len(inputs) > 1 else inputs[0]
        np.testing.assert_allclose(for_devices(network)(arguments), network(arguments), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("height, width", [(8, 6), (None, None)])
def test_the_file_has_no_transposed_convolution(size, height, width):
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    image = keras.Input((None, None, 3), name="image")
    content = convert(keras.Model(image, up(image, size)), height, width)
    found = {code.builtinCode for code in schema.ModelT.InitFromPackedBuf(content, 0).operatorCodes}
    assert schema.BuiltinOperator.DEPTH_TO_SPACE in found
    assert not found & {schema.BuiltinOperator.TRANSPOSE_CONV, schema.BuiltinOperator.SHAPE}
