"""Class activation maps (Zhou et al. 2016) as a layer that a network learns to attend with."""

import keras
import tensorflow as tf

from tfi2i.nn.spectral_norm import SpectrallyNormalized


@keras.saving.register_keras_serializable("tfi2i")
class ClassActivation(SpectrallyNormalized):
    """A linear classifier of pooled features, and the features weighed by what each says of the class.

    Args:
        pool: "mean" or "max", over all positions.
        spectral_norm: divide the classifier's weights by their norm for the logit; the features are weighed by the
            undivided ones.

    Shapes: (B, H, W, C) -> logit (B, 1), weighed features (B, H, W, C).
    """

    def __init__(self, pool, spectral_norm=False, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        if pool not in ("mean", "max"):
            raise ValueError(f'pool must be "mean" or "max". Received: {pool!r}')
        self.pool, self.spectral_norm = pool, spectral_norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        shape = (input_shape[-1], 1)
        if self.spectral_norm:
            self.add_kernel(shape, self.kernel_initializer)
        else:
            self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")

    def call(self, x, training=False):
        pooled = tf.reduce_mean(x, [1, 2]) if self.pool == "mean" else tf.reduce_max(x, [1, 2])
        classifier = self.normalized_kernel(training) if self.spectral_norm else self.kernel
        logit = tf.matmul(pooled, tf.cast(classifier, x.dtype))
        return logit, x * tf.cast(tf.reshape(self.kernel, [-1]), x.dtype)

    def get_config(self):
        return super().get_config() | {
            "pool": self.pool,
            "spectral_norm": self.spectral_norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
