"""Discriminators that judge an image at several scales (Wang et al. 2018, sec. 3.2, as MUNIT and DRIT use them)."""

import keras
import tensorflow as tf
from keras import layers

from tfi2i.nn.blocks import kernel_initializer
from tfi2i.nn.padding import ReflectPad


def multiscale_discriminator(
    input_nc=3,
    ndf=64,
    n_layers=4,
    num_scales=3,
    slope=0.2,
    init_type="normal",
    init_gain=0.02,
    before_down=None,
    before_head=None,
    name="D",
):
    """`num_scales` discriminators with weights of their own, each seeing the image at half the size of the one before.

    Each has `n_layers` 4x4 convolutions with stride 2, reflection padding and LeakyReLU(`slope`), the width doubling,
    then a 1x1 convolution to one logit a patch; no norm.

    Args:
        before_down, before_head: what to put before the first and before the last convolution of each scale; maps a
            tensor and the beginning of its layers' names to a tensor of the same shape.

    Shapes: (B, H, W, input_nc) -> [(B, H/2^k, W/2^k, 1) logits for k = n_layers, n_layers + 1, ...], of one scale the
    tensor itself; H and W at least `smallest_image(n_layers, num_scales)`.
    """

    def conv(x, filters, size, strides, name):
        kernel = kernel_initializer(init_type, init_gain)
        return layers.Conv2D(filters, size, strides, kernel_initializer=kernel, name=name)(x)

    def judge(x, name):
        x = before_down(x, name) if before_down else x
        for k in range(n_layers):
            x = layers.LeakyReLU(slope)(conv(ReflectPad(1)(x), ndf * 2**k, 4, 2, f"{name}_conv{k + 1}"))
        x = before_head(x, name) if before_head else x
        x = conv(x, 1, 1, 1, f"{name}_conv{n_layers + 1}")
        return layers.Activation("linear", dtype=keras.config.floatx(), name=f"{name}_logits")(x)

    scales = [keras.Input((None, None, input_nc), name="image")]
    for s in range(2, num_scales + 1):
        scales.append(HalvingPool(name=f"scale{s}_image")(scales[-1]))
    return keras.Model(scales[0], [judge(x, f"scale{s}") for s, x in enumerate(scales, start=1)], name=name)


def smallest_image(n_layers, num_scales):
    """The least height and width: reflection needs two pixels before the last halving of the last scale."""
    return 2 ** (n_layers + num_scales - 1)


@keras.saving.register_keras_serializable("tfi2i")
class HalvingPool(keras.layers.Layer):
    """Means over 3x3 windows around every second pixel; a window over the border is the mean of what lies inside.

    PyTorch's AvgPool2d(3, stride=2, padding=1, count_include_pad=False). "same" pooling has other windows at even
    sizes.

    Shapes: (B, H, W, C) -> (B, ceil(H/2), ceil(W/2), C).
    """

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else (n + 1) // 2 for n in size), channels)

    def call(self, x):
        return _mean_3x3(x) / _mean_3x3(tf.ones_like(x[:1, :, :, :1]))


def _mean_3x3(x):
    return tf.nn.avg_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
