"""Exports as servers find them, for what calls them: the C program, test doubles of a server and their client."""

import io

import keras
import numpy as np
import pytest
from exporting.networks import exported, randomised, unet
from keras import layers
from PIL import Image

STYLE = 3


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """A folder of exports: plain/1 and plain/2 of images, styled/1 of images and styles in two ways, noisy/1 of noise.

    Of styled the first way also tells its attention.
    """
    folder = tmp_path_factory.mktemp("exports")
    for name, networks in {
        "plain": [unet(), unet(seed=1)],
        "styled": [{"AtoB": styled(0, attention=True), "BtoA": styled(1)}],
        "noisy": [noisy()],
    }.items():
        for network in networks:
            exported(network, folder, name=name, formats=("saved_model",))
    (folder / "plain" / "3.partial").mkdir()  # a server passes by what is no version
    return folder


@pytest.fixture(scope="session")
def png():
    """A picture (20, 28, 3), and it as a PNG file."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return pixels, file.getvalue()


def styled(seed, attention=False):
    image, style = layers.Input((None, None, 3), name="image"), layers.Input((STYLE,), name="style")
    x = layers.GroupNormalization(-1)(layers.Conv2D(16, 5, padding="same")(image))
    x = layers.ReLU()(layers.Multiply()([x, layers.Reshape((1, 1, 16))(layers.Dense(16)(style))]))
    output = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    heat = layers.AveragePooling2D(4)(keras.ops.mean(x, -1, keepdims=True))
    given = {"image": output, "attention": heat} if attention else output
    return randomised(keras.Model([image, style], given, name="styled"), seed)


def noisy():
    noise = layers.Input((48,), name="noise")
    x = layers.Conv2DTranspose(3, 4, strides=4, activation="tanh")(layers.Reshape((4, 4, 3))(noise))
    return randomised(keras.Model(noise, x, name="noisy"), 0)
