"""Nearest-neighbour up-sampling in a form that trains, exports and runs whole on mobile delegates."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class UpsampleNearest(keras.layers.Layer):
    """Repeats every pixel twice in each direction.

    Each row is joined to itself and reshaped: delegates refuse both TILE and RESIZE_NEAREST_NEIGHBOR.

    Shapes: (B, H, W, C) -> (B, 2H, 2W, C); H and W may be unknown.
    """

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else 2 * n for n in size), channels)

    def call(self, x):
        known, dynamic = x.shape, tf.shape(x)
        height, width = (dynamic[axis] if known[axis] is None else known[axis] for axis in (1, 2))
        batch = -1 if known[0] is None else known[0]
        x = tf.reshape(tf.concat([x, x], 3), [batch, height, 2 * width, known[3]])
        return tf.reshape(tf.concat([x, x], 2), [batch, 2 * height, 2 * width, known[3]])
