"""Two small generators of plain Keras layers, and their exports."""

import keras
import numpy as np
from keras import layers

from tfi2i.exporting import export_networks
from tfi2i.exporting.about import About
from tfi2i.exporting.examples import examples

SIZE = (32, 48)
STRIDE = 4


def unet(seed=0):
    """3 to 3 channels; batch norm, skip connection, transposed convolutions."""
    image = layers.Input((None, None, 3), name="image")
    down1 = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(8, 4, 2, "same")(image))  # (B, H/2, W/2, 8)
    down2 = layers.Conv2D(16, 4, 2, "same")(down1)  # (B, H/4, W/4, 16)
    down2 = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(down2))
    up1 = layers.Conv2DTranspose(8, 4, strides=2, padding="same")(down2)  # (B, H/2, W/2, 8)
    up1 = layers.Concatenate()([layers.ReLU()(layers.BatchNormalization()(up1)), down1])
    up2 = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(up1)  # (B, H, W, 3)
    return randomised(keras.Model(image, up2, name="unet"), seed)


def styled(seed=0):
    """1 to 3 channels with a style of 5 numbers; residual, convolutions that keep the size."""
    image, style = layers.Input((None, None, 1), name="image"), layers.Input((5,), name="style")
    x = layers.ReLU()(layers.Conv2D(8, 7, padding="same")(image))
    y = layers.Conv2D(8, 3, padding="same")(x)
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(layers.Dense(8)(style))])
    x = layers.Add()([x, layers.ReLU()(y)])
    output = layers.Conv2D(3, 7, padding="same", activation="tanh")(x)
    return randomised(keras.Model([image, style], output, name="styled"), seed)


def randomised(model, seed):
    """No weight at its default, so that none can be lost unseen."""
    random = np.random.default_rng(seed)
    model.set_weights(
        [
            random.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else random.normal(0, 0.1, w.shape)
            for w in model.get_weights()
        ]
    )
    return model


def inputs_of(network, count=2, size=SIZE):
    """{name: array} of random images and vectors."""
    return examples({"AtoB": network}, None, None, size, "test", count)[0]["AtoB"]


def exported(networks, out, name="a", size=SIZE, **options):
    """Exports {way: network}, or one network, quickly; returns `Exported`."""
    networks = networks if isinstance(networks, dict) else {"AtoB": networks}
    given = examples(networks, None, None, size or SIZE, "test", 2)
    options = {"size": size, "benchmark": False, "representative": given[0]} | options
    return export_networks(networks, About(name, stride=STRIDE), given, out=out, **options)
