"""Spectral normalisation of kernels (Miyato et al. 2018), as PyTorch's `torch.nn.utils.spectral_norm` computes it.

Keras' own SpectralNormalization overwrites the kernel that it divides; here the optimizer keeps the kernel as it is.
"""

import math

import keras
import tensorflow as tf


class SpectrallyNormalized(keras.layers.Layer):
    """A layer whose kernel is divided by its largest singular value, which power iteration tracks (algorithm 1).

    Each forward pass of training makes one iteration, v before u, and keeps both vectors as state; outside training the
    kept ones serve as they are. The gradient goes through the singular value, not through u and v.
    """

    def add_kernel(self, shape, initializer):
        # In full precision, whatever the layer computes in.
        self.kernel = self.add_weight(shape=shape, initializer=initializer, autocast=False, name="kernel")
        # All replicas hold the same kernel, so the first one's iteration is everyone's.
        state = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.u = self.add_weight(shape=shape[-1:], initializer=_random_direction, name="u", **state)
        self.v = self.add_weight(shape=(math.prod(shape[:-1]),), initializer=_random_direction, name="v", **state)

    def normalized_kernel(self, training):
        matrix = tf.reshape(self.kernel, [-1, self.kernel.shape[-1]])
        u, v = tf.convert_to_tensor(self.u), tf.convert_to_tensor(self.v)
        if training:
            fixed = tf.stop_gradient(matrix)
            v = _unit(tf.linalg.matvec(fixed, u))
            u = _unit(tf.linalg.matvec(fixed, v, transpose_a=True))
            for state, value in ((self.u, u), (self.v, v)):
                # The step that follows an overflow is skipped; what is not finite must not outlive it here.
                state.assign(tf.where(tf.math.is_finite(value), value, state))
        return self.kernel / tf.reduce_sum(v * tf.linalg.matvec(matrix, u))


@keras.saving.register_keras_serializable("tfi2i")
class SpectralConv2D(SpectrallyNormalized):
    """A convolution without padding whose kernel is spectrally normalised, as a matrix of filters by all else.

    Shapes: (B, H, W, C) -> (B, (H - kernel_size) // strides + 1, (W - kernel_size) // strides + 1, filters).
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.use_bias = filters, kernel_size, strides, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        size = self.kernel_size
        self.add_kernel((size, size, input_shape[-1], self.filters), self.kernel_initializer)
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer=self.bias_initializer, name="bias")

    def call(self, x, training=False):
        x = tf.nn.conv2d(x, tf.cast(self.normalized_kernel(training), x.dtype), self.strides, "VALID")
        return x + self.bias if self.use_bias else x

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _unit(x):
    return x / tf.maximum(tf.norm(x), 1e-12)


def _random_direction(shape, dtype):
    return _unit(keras.initializers.RandomNormal(stddev=1.0)(shape, dtype))
