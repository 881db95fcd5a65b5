"""The residual generator of CycleGAN (Zhu et al. 2017, sec. 7.2; after Johnson et al. 2016)."""

import keras
from keras import layers

from tfi2i.nn.blocks import NoiseDropout, kernel_initializer, normalization
from tfi2i.nn.padding import ReflectPad


def resnet(
    blocks=9,
    ngf=64,
    input_nc=3,
    output_nc=3,
    norm="instance",
    dropout=0.0,
    init_type="normal",
    init_gain=0.02,
    name="G",
):
    """c7s1-64, d128, d256, `blocks` x R256, u128, u64, c7s1-3, in the paper's notation; reflection padding.

    Shapes: (B, H, W, input_nc) in [-1, 1] -> (B, H, W, output_nc) in [-1, 1]; H and W multiples of 4, at least 8.
    """
    conv = {
        "use_bias": norm == "instance",
        "kernel_initializer": kernel_initializer(init_type, init_gain),
    }

    def normed(x, name):
        layer = normalization(norm, init_gain, name=f"{name}_norm")
        return layer(x) if layer else x

    x = image = keras.Input((None, None, input_nc), name="image")
    x = layers.Conv2D(ngf, 7, **conv, name="stem")(ReflectPad(3)(x))
    x = layers.ReLU()(normed(x, "stem"))
    for k in (1, 2):
        # Explicit padding: "same" with stride 2 would put the odd pixel on the other side.
        x = layers.Conv2D(ngf * 2**k, 3, strides=2, **conv, name=f"down{k}")(layers.ZeroPadding2D(1)(x))
        x = layers.ReLU()(normed(x, f"down{k}"))  # (B, H/2^k, W/2^k, 2^k ngf)

    for k in range(1, blocks + 1):
        y = layers.Conv2D(4 * ngf, 3, **conv, name=f"block{k}_conv1")(ReflectPad(1)(x))
        y = layers.ReLU()(normed(y, f"block{k}_conv1"))
        if dropout:
            y = NoiseDropout(dropout, name=f"block{k}_noise")(y)
        y = layers.Conv2D(4 * ngf, 3, **conv, name=f"block{k}_conv2")(ReflectPad(1)(y))
        x = layers.Add()([x, normed(y, f"block{k}_conv2")])

    for k in (2, 1):
        # The full transposed convolution less its first row and column: PyTorch's padding 1, output padding 1.
        x = layers.Conv2DTranspose(ngf * 2 ** (k - 1), 3, strides=2, **conv, name=f"up{k}")(x)
        x = layers.Cropping2D(((1, 0), (1, 0)))(x)
        x = layers.ReLU()(normed(x, f"up{k}"))

    x = layers.Conv2D(output_nc, 7, **conv | {"use_bias": True}, name="head")(ReflectPad(3)(x))
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(image, x, name=name)
