"""Halving and doubling of images without aliasing (Zhang 2019, sec. 3); delegates take both whole at known sizes."""

import keras
import tensorflow as tf

from tfi2i.nn.padding import ReflectPad


@keras.saving.register_keras_serializable("tfi2i")
class BlurDown(keras.layers.Layer):
    """Every second pixel of the image blurred by [1, 2, 1] x [1, 2, 1] / 16, its border mirrored by one pixel.

    Made of two means over 2x2 pixels, since [1, 1] * [1, 1] = [1, 2, 1].

    Shapes: (B, H, W, C) -> (B, ceil(H/2), ceil(W/2), C); H and W at least 2.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.pad = ReflectPad(1, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.pad.build(input_shape)

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else (n + 1) // 2 for n in size), channels)

    def call(self, x, training=False):
        x = tf.nn.avg_pool2d(self.pad(x, training=training), 2, 1, "VALID")
        return tf.nn.avg_pool2d(x, 2, 2, "VALID")


@keras.saving.register_keras_serializable("tfi2i")
class BlurUp(keras.layers.Layer):
    """Twice as many pixels, zeros between them filled by [1, 3, 3, 1] x [1, 3, 3, 1] / 16, its border repeated.

    Each pixel becomes, along each axis, two: three quarters of itself and one of its neighbour on that side. That is
    bilinear interpolation, TensorFlow's operation for which answers in float32 alone.

    Shapes: (B, H, W, C) -> (B, 2H, 2W, C); H and W may be unknown.
    """

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else 2 * n for n in size), channels)

    def call(self, x):
        known, dynamic = x.shape, tf.shape(x)
        height, width = (dynamic[axis] if known[axis] is None else known[axis] for axis in (1, 2))
        batch = -1 if known[0] is None else known[0]
        above, below = tf.concat([x[:, :1], x[:, :-1]], 1), tf.concat([x[:, 1:], x[:, -1:]], 1)
        x = tf.concat([0.75 * x + 0.25 * above, 0.75 * x + 0.25 * below], 2)
        x = tf.reshape(x, [batch, 2 * height, width, known[3]])
        left, right = tf.concat([x[:, :, :1], x[:, :, :-1]], 2), tf.concat([x[:, :, 1:], x[:, :, -1:]], 2)
        x = tf.concat([0.75 * x + 0.25 * left, 0.75 * x + 0.25 * right], 3)
        return tf.reshape(x, [batch, 2 * height, 2 * width, known[3]])
