"""Maxout units (Goodfellow et al. 2013)."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class Maxout(keras.layers.Layer):
    """A layer of units, each the greatest of several linear functions of the input (eq. 2 of that paper).

    Args:
        units: how many.
        pieces: linear functions of a unit.
        kernel_initializer: of their weights; biases start at zero.

    Shapes: (B, N) -> (B, units).
    """

    def __init__(self, units, pieces, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units, self.pieces = units, pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.pieces * self.units), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.pieces * self.units,), initializer="zeros", name="bias")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def call(self, x):
        pieces = tf.matmul(x, self.kernel) + self.bias
        return tf.reduce_max(tf.reshape(pieces, [-1, self.pieces, self.units]), axis=1)

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
