"""Layer normalisation as the decoders of UNIT and MUNIT have it."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class LayerNorm(keras.layers.Layer):
    """Normalises each image by its one mean and one standard deviation, then scales and shifts each channel.

    gamma_c (x - mean) / (std + epsilon) + beta_c: std is the unbiased one and epsilon stands outside of the root, as in
    the official program; gamma starts uniform in [0, 1).

    Shapes: (B, H, W, C) -> the same.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        uniform = keras.initializers.RandomUniform(0.0, 1.0)
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer=uniform, name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x):
        # As nn.normalization.standardize: statistics in at least float32, in a form that mobile delegates take whole.
        wide = tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x
        centred = wide - tf.reduce_mean(wide, [1, 2, 3], keepdims=True)
        variance = tf.reduce_mean(centred * centred, [1, 2, 3], keepdims=True)
        count = _values_per_image(wide)
        std = tf.sqrt(variance * (count / (count - 1.0)))
        return tf.cast(centred / (std + self.epsilon), x.dtype) * self.gamma + self.beta

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}


def _values_per_image(x):
    if None in x.shape[1:]:
        return tf.cast(tf.reduce_prod(tf.shape(x)[1:]), x.dtype)
    return tf.constant(x.shape[1:].num_elements(), x.dtype)
