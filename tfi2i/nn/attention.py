"""Self-attention of feature maps (Zhang et al. 2019, "SAGAN", sec. 3)."""

import keras
import tensorflow as tf
from keras import layers

from tfi2i.nn.blocks import kernel_initializer


def self_attention(x, init_type="kaiming", init_gain=0.02, name="attention"):
    """x + gamma o(x): o at each position is a mean over all positions, weighted by how well query and key agree.

    Query, key and value are 1x1 convolutions to C/8, C/8 and C channels; gamma starts at 0. Takes memory for H W x H W
    weights an image.

    Shapes: a Keras tensor (B, H, W, C) -> the same.
    """

    def conv(filters, part):
        kernel = kernel_initializer(init_type, init_gain)
        return layers.Conv2D(filters, 1, kernel_initializer=kernel, name=f"{name}_{part}")(x)

    channels = x.shape[-1]
    narrow = max(1, channels // 8)
    return Attend(name=name)([x, conv(narrow, "query"), conv(narrow, "key"), conv(channels, "value")])


@keras.saving.register_keras_serializable("tfi2i")
class Attend(keras.layers.Layer):
    """x + gamma softmax(query key^T) value, over the positions of the map; gamma starts at 0.

    Shapes: x (B, H, W, C), query and key (B, H, W, K), value (B, H, W, C) -> (B, H, W, C).
    """

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(1,), initializer="zeros", name="gamma")

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        x, query, key, value = inputs
        agreement = tf.matmul(_positions(query), _positions(key), transpose_b=True)  # (B, HW, HW)
        wide = tf.float32 if x.dtype in (tf.float16, tf.bfloat16) else x.dtype
        weights = tf.cast(tf.nn.softmax(tf.cast(agreement, wide)), x.dtype)
        return x + self.gamma * _like(x, tf.matmul(weights, _positions(value)))


def _positions(x):
    """(B, H, W, C) -> (B, HW, C)."""
    batch, height, width = _sizes(x)
    return tf.reshape(x, [batch, height * width, x.shape[3]])


def _like(x, positions):
    return tf.reshape(positions, [*_sizes(x), x.shape[3]])


def _sizes(x):
    """B, H and W, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[axis] if x.shape[axis] is None else x.shape[axis] for axis in range(3)]
