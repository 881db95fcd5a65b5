"""Transposed convolutions as convolutions: the same numbers, in operators that LiteRT's delegate is fast at."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from sizes import options as sizes_of

import tfi2i
from tfi2i.exporting import convert
from tfi2i.exporting.device_form import UpConv2D, for_devices
from tfi2i.exporting.examples import random_inputs


def up(x, size, bias=True, activation=None):
    """Doubles the size as StarGAN (4x4), and as CycleGAN and DRIT do (3x3)."""
    options = {"use_bias": bias, "bias_initializer": "random_normal", "activation": activation}
    if size == 4:
        return layers.Conv2DTranspose(5, 4, 2, "same", **options)(x)
    return layers.Cropping2D(((1, 0), (1, 0)))(layers.Conv2DTranspose(5, 3, 2, **options)(x))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([3, 4]), st.sampled_from([(True, None), (False, "tanh")]), st.integers(1, 24), st.integers(1, 24)
)
def test_the_copy_gives_the_same_at_all_sizes(size, form, height, width):
    image = keras.Input((None, None, 3))
    network = keras.Model(image, up(image, size, *form))
    copy = for_devices(network)
    assert any(isinstance(layer, UpConv2D) for layer in copy.layers)
    x = np.random.default_rng(0).uniform(-1, 1, (2, height, width, 3)).astype("float32")
    np.testing.assert_allclose(copy(x), network(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "other", [{"kernel_size": 4, "strides": 1}, {"kernel_size": 3, "strides": 2}, {"kernel_size": 5, "strides": 2}]
)
def test_others_stay_as_they_are(other):
    image = keras.Input((4, 4, 3))
    network = keras.Model(image, layers.Conv2DTranspose(5, **other)(image))
    assert for_devices(network) is network


@pytest.mark.parametrize("name", ["stargan", "drit", "cyclegan", "dtn"])
def test_generators_of_the_zoo(name):
    """DRIT's are networks within networks."""
    for network in tfi2i.create(name, **sizes_of(name)).generators().values():
        inputs = random_inputs(network, (32, 32))
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
