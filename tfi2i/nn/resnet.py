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
    use_bias = norm == "instance"

    def conv(x, filters, size, name, layer=layers.Conv2D, **options):
        kernel = kernel_initializer(init_type, init_gain)
        return layer(filters, size, kernel_initializer=kernel, name=name, **({"use_bias": use_bias} | options))(x)

    def normed(x, name):
        layer = normalization(norm, init_gain, name=f"{name}_norm")
        return layer(x) if layer else x

    x = image = keras.Input((None, None, input_nc), name="image")
    x = conv(ReflectPad(3)(x), ngf, 7, "stem")
    x = layers.ReLU()(normed(x, "stem"))
    for k in (1, 2):
        # Explicit padding: "same" with stride 2 would put the odd pixel on the other side.
        x = conv(layers.ZeroPadding2D(1)(x), ngf * 2**k, 3, f"down{k}", strides=2)
        x = layers.ReLU()(normed(x, f"down{k}"))  # (B, H/2^k, W/2^k, 2^k ngf)

    for k in range(1, blocks + 1):
        y = conv(ReflectPad(1)(x), 4 * ngf, 3, f"block{k}_conv1")
        y = layers.ReLU()(normed(y, f"block{k}_conv1"))
        if dropout:
            y = NoiseDropout(dropout, name=f"block{k}_noise")(y)
        y = conv(ReflectPad(1)(y), 4 * ngf, 3, f"block{k}_conv2")
        x = layers.Add()([x, normed(y, f"block{k}_conv2")])

    for k in (2, 1):
        # The full transposed convolution less its first row and column: PyTorch's padding 1, output padding 1.
        x = conv(x, ngf * 2 ** (k - 1), 3, f"up{k}", layers.Conv2DTranspose, strides=2)
        x = layers.Cropping2D(((1, 0), (1, 0)))(x)
        x = layers.ReLU()(normed(x, f"up{k}"))

    x = conv(ReflectPad(3)(x), output_nc, 7, "head", use_bias=True)
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(image, x, name=name)
