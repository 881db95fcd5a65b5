"""The parts that the auto-encoders of UNIT, MUNIT and self-attention MUNIT are made of (Huang et al. 2018, sec. 5.1).

Every convolution is reflection padding, convolution with bias, norm, activation; kernels are drawn as He et al. 2015
do. All functions but `content_encoder` take and return a Keras tensor; `name` is the beginning of their layers' names.
"""

import keras
from keras import layers

from tfi2i.nn.blocks import kernel_initializer
from tfi2i.nn.layer_norm import LayerNorm
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.nn.upsampling import UpsampleNearest


def conv_block(x, filters, size, strides, padding, name, norm=None, activation="relu"):
    """One convolution; `norm` maps a tensor to a normalised one, None is no norm."""
    kernel = kernel_initializer("kaiming")
    x = layers.Conv2D(filters, size, strides, kernel_initializer=kernel, name=name)(ReflectPad(padding)(x))
    x = norm(x) if norm else x
    return layers.Activation(activation)(x) if activation else x


def stem(x, dim, name="stem", norm=None):
    """7x7 to `dim` channels; (B, H, W, C) -> (B, H, W, dim)."""
    return conv_block(x, dim, 7, 1, 3, name, norm)


def down(x, filters, name, norm=None):
    """4x4 with stride 2; (B, H, W, C) -> (B, H/2, W/2, filters)."""
    return conv_block(x, filters, 4, 2, 1, name, norm)


def residual_block(x, name, norms):
    """x plus two 3x3 convolutions of it, the second without activation; `norms` are the two norms."""
    channels = x.shape[-1]
    y = conv_block(x, channels, 3, 1, 1, f"{name}_conv1", norms[0])
    y = conv_block(y, channels, 3, 1, 1, f"{name}_conv2", norms[1], activation=None)
    return layers.Add()([x, y])


def content_encoder(input_nc, dim, n_downsample, n_res, after_stem=None, name="E"):
    """Stem, `n_downsample` halvings that double the width, `n_res` residual blocks; instance norm, ReLU.

    Args:
        after_stem: what to put between the stem and the first halving; maps a tensor to one of its shape.

    Shapes: (B, H, W, input_nc) -> (B, H/2^n_downsample, W/2^n_downsample, 2^n_downsample dim); H and W multiples of
    2^n_downsample.
    """
    image = keras.Input((None, None, input_nc), name="image")
    x = stem(image, dim, norm=InstanceNorm())
    x = after_stem(x) if after_stem else x
    for k in range(1, n_downsample + 1):
        x = down(x, dim * 2**k, f"down{k}", norm=InstanceNorm())
    for k in range(1, n_res + 1):
        x = residual_block(x, f"block{k}", norms=[InstanceNorm(), InstanceNorm()])
    x = layers.Activation("linear", dtype=keras.config.floatx(), name="content")(x)
    return keras.Model(image, x, name=name)


def upsample_to_image(x, n_upsample, output_nc):
    """`n_upsample` times nearest x2, 5x5 to half the width, layer norm, ReLU; then 7x7 to the image and tanh.

    Shapes: (B, H, W, C) -> (B, 2^n_upsample H, 2^n_upsample W, output_nc) in [-1, 1], in floatx.
    """
    for k in range(1, n_upsample + 1):
        x = conv_block(UpsampleNearest()(x), x.shape[-1] // 2, 5, 1, 2, f"up{k}", norm=LayerNorm(name=f"up{k}_norm"))
    x = conv_block(x, output_nc, 7, 1, 3, "head", activation=None)
    return layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
