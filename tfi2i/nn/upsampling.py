"""Up-sampling in forms that train, export and run whole on mobile delegates."""

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


@keras.saving.register_keras_serializable("tfi2i")
class PixelShuffle(keras.layers.Layer):
    """Makes a block of `scale` x `scale` pixels of the channels of each one (Shi et al. 2016, eq. 4).

    Channel (dy scale + dx) C + c becomes channel c of the pixel (dy, dx) of the block; PyTorch has it at
    c scale^2 + dy scale + dx.

    Shapes: (B, H, W, scale^2 C) -> (B, scale H, scale W, C); H and W may be unknown.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else self.scale * n for n in size), channels // self.scale**2)

    def call(self, x):
        return tf.nn.depth_to_space(x, self.scale)

    def get_config(self):
        return super().get_config() | {"scale": self.scale}
