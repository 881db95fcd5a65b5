"""The U-Net generator of pix2pix (Isola et al. 2017, sec. 6.1.1)."""

import math

import keras
from keras import layers

from tfi2i.errors import UserError
from tfi2i.nn.blocks import NoiseDropout, kernel_initializer, normalization


def unet(
    downs=8,
    ngf=64,
    input_nc=3,
    output_nc=3,
    norm="batch",
    dropout=0.5,
    init_type="normal",
    init_gain=0.02,
    name="G",
):
    """Encoder and decoder of `downs` levels joined by skips: C64-C128-C256-C512-...-C512 and back, tanh at the end.

    Every convolution is 4x4 with stride 2. Neither the first convolution nor the innermost one has a norm: on the
    innermost map, 1x1 at the size the network is meant for, a norm by the image's own statistics would erase all it
    holds. `dropout` follows the norm of the decoder's blocks of full width, except the innermost (`downs - 5` of
    them).

    Shapes: (B, H, W, input_nc) in [-1, 1] -> (B, H, W, output_nc) in [-1, 1]; H and W multiples of 2^downs.
    """
    if downs < 2:
        raise ValueError(f"a U-Net needs at least 2 levels. Received: downs={downs}")
    widths = [ngf * min(2**level, 8) for level in range(downs)]
    conv = {
        "kernel_size": 4,
        "strides": 2,
        "padding": "same",
        "use_bias": norm == "instance",  # a batch norm's shift replaces the bias
    }

    def kernel():
        return kernel_initializer(init_type, init_gain)

    def normed(x, name):
        layer = normalization(norm, init_gain, name=name)
        return layer(x) if layer else x

    x = image = keras.Input((None, None, input_nc), name="image")
    x = layers.Conv2D(widths[0], **conv, kernel_initializer=kernel(), name="down1")(x)  # (B, H/2, W/2, ngf)
    skips = [x]
    for level in range(1, downs):
        x = layers.LeakyReLU(0.2)(x)
        x = layers.Conv2D(widths[level], **conv, kernel_initializer=kernel(), name=f"down{level + 1}")(x)
        if level < downs - 1:
            x = normed(x, f"down{level + 1}_norm")
        skips.append(x)

    x = skips.pop()  # (B, H/2^downs, W/2^downs, 8 ngf)
    for level in range(downs - 1, 0, -1):
        x = layers.ReLU()(x)
        x = layers.Conv2DTranspose(widths[level - 1], **conv, kernel_initializer=kernel(), name=f"up{level + 1}")(x)
        x = normed(x, f"up{level + 1}_norm")
        if dropout and 4 <= level < downs - 1:
            x = NoiseDropout(dropout, name=f"up{level + 1}_noise")(x)
        x = layers.Concatenate()([skips.pop(), x])

    x = layers.ReLU()(x)
    x = layers.Conv2DTranspose(output_nc, **conv | {"use_bias": True}, kernel_initializer=kernel(), name="up1")(
        x
    )  # (B, H, W, output_nc)
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(image, x, name=name)


def levels_for(size):
    """The number of levels whose innermost map is 1x1 for a square image of `size` pixels, a power of two."""
    downs = int(math.log2(size)) if size > 0 else 0
    if 2**downs != size or downs < 2:
        raise UserError(f"--netG=unet_{size} (expected a power of two, at least 4, such as unet_256)")
    return downs
