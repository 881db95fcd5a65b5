"""Reflection padding in a form that trains, exports and runs whole on mobile delegates."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class ReflectPad(keras.layers.Layer):
    """Mirrors `padding` pixels at each border, the border pixel itself not repeated (PyTorch's ReflectionPad2d).

    Built from slices and concatenations of at most three parts: delegates refuse both MIRROR_PAD and wider
    concatenations.

    Shapes: (B, H, W, C) -> (B, H + 2 padding, W + 2 padding, C); H and W greater than `padding`.
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else n + 2 * self.padding for n in size), channels)

    def call(self, x):
        for axis in (1, 2):
            before = _concat([_line(x, axis, k) for k in range(self.padding, 0, -1)], axis)
            after = _concat([_line(x, axis, -1 - k) for k in range(1, self.padding + 1)], axis)
            x = tf.concat([before, x, after], axis)
        return x

    def get_config(self):
        return super().get_config() | {"padding": self.padding}


def _line(x, axis, k):
    """Row (axis 1) or column (axis 2) number k, counted from the end when negative."""
    stop = None if k == -1 else k + 1
    return x[:, k:stop] if axis == 1 else x[:, :, k:stop]


def _concat(parts, axis):
    while len(parts) > 1:
        parts = [tf.concat(parts[k : k + 3], axis) for k in range(0, len(parts), 3)]
    return parts[0]
