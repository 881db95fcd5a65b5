"""Discriminators that judge patches (Isola et al. 2017, sec. 3.2.2 and 6.1.2)."""

import keras
from keras import layers

from tfi2i.nn.blocks import kernel_initializer, normalization


def patchgan(input_nc=6, ndf=64, n_layers=3, norm="batch", init_type="normal", init_gain=0.02, name="D"):
    """C64-C128-C256-C512 and a last convolution to one logit a patch; `n_layers` = 3 gives the 70x70 PatchGAN.

    4x4 convolutions padded by one pixel on each side, `n_layers` with stride 2 and two with stride 1. No norm on the
    first and the last, LeakyReLU(0.2), no sigmoid.

    Shapes: (B, H, W, input_nc) -> (B, H/2^n_layers - 2, W/2^n_layers - 2, 1) logits.
    """
    x = image = keras.Input((None, None, input_nc), name="image")
    for k in range(n_layers + 2):
        first, last = k == 0, k == n_layers + 1
        x = layers.Conv2D(
            1 if last else ndf * min(2**k, 8),
            kernel_size=4,
            strides=2 if k < n_layers else 1,
            use_bias=first or last or norm == "instance",
            kernel_initializer=kernel_initializer(init_type, init_gain),
            name=f"conv{k + 1}",
        )(layers.ZeroPadding2D(1)(x))
        if last:
            break
        if not first and (norm_layer := normalization(norm, init_gain, name=f"conv{k + 1}_norm")):
            x = norm_layer(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Activation("linear", dtype=keras.config.floatx(), name="logits")(x)
    return keras.Model(image, x, name=name)


def pixelgan(input_nc=6, ndf=64, norm="batch", init_type="normal", init_gain=0.02, name="D"):
    """The 1x1 "PixelGAN": C64-C128 and a last convolution, all 1x1, one logit a pixel.

    Shapes: (B, H, W, input_nc) -> (B, H, W, 1) logits.
    """
    use_bias = norm == "instance"
    x = image = keras.Input((None, None, input_nc), name="image")
    x = layers.Conv2D(ndf, 1, kernel_initializer=kernel_initializer(init_type, init_gain), name="conv1")(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(
        2 * ndf, 1, use_bias=use_bias, kernel_initializer=kernel_initializer(init_type, init_gain), name="conv2"
    )(x)
    if norm_layer := normalization(norm, init_gain, name="conv2_norm"):
        x = norm_layer(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(
        1, 1, use_bias=use_bias, kernel_initializer=kernel_initializer(init_type, init_gain), name="conv3"
    )(x)
    x = layers.Activation("linear", dtype=keras.config.floatx(), name="logits")(x)
    return keras.Model(image, x, name=name)
