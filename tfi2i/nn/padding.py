"""Reflection padding in a form that trains, exports and runs whole on mobile delegates."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class ReflectPad(keras.layers.Layer):
    """Mirrors `padding` pixels at each border, the border pixel itself not repeated (PyTorch's ReflectionPad2d).

    Built from slices and concatenations of at most three parts: delegates refuse both MIRROR_PAD and wider
    concatenations. In training it is one operation, and its gradient folds the borders back without making an image of
    zeros for every slice, as TensorFlow would.

    Shapes: (B, H, W, C) -> (B, H + 2 padding, W + 2 padding, C); H and W greater than `padding`.
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else n + 2 * self.padding for n in size), channels)

    def call(self, x, training=False):
        if training and all(n is not None and n >= 2 * self.padding + 2 for n in x.shape[1:3]):
            return _reflected(x, self.padding)
        for axis in (1, 2):
            before = _concat([_line(x, axis, k) for k in range(self.padding, 0, -1)], axis)
            after = _concat([_line(x, axis, -1 - k) for k in range(1, self.padding + 1)], axis)
            x = tf.concat([before, x, after], axis)
        return x

    def get_config(self):
        return super().get_config() | {"padding": self.padding}


def _reflected(x, padding):
    @tf.custom_gradient
    def reflected(x):
        border = [padding, padding]
        return tf.pad(x, [[0, 0], border, border, [0, 0]], "REFLECT"), folded

    def folded(upstream):
        for axis in (1, 2):
            upstream = _folded(upstream, axis, padding)
        return upstream

    return reflected(x)


def _folded(x, axis, padding):
    """The gradient of what lies within the borders of one axis: each padded line is added to the one it mirrors."""
    p = padding
    before, first, head, inner, tail, last, after = tf.split(x, [p, 1, p, x.shape[axis] - 4 * p - 2, p, 1, p], axis)
    head, tail = head + tf.reverse(before, [axis]), tail + tf.reverse(after, [axis])
    return tf.concat([first, head, inner, tail, last], axis)


def _line(x, axis, k):
    """Row (axis 1) or column (axis 2) number k, counted from the end when negative."""
    stop = None if k == -1 else k + 1
    return x[:, k:stop] if axis == 1 else x[:, :, k:stop]


def _concat(parts, axis):
    while len(parts) > 1:
        parts = [tf.concat(parts[k : k + 3], axis) for k in range(0, len(parts), 3)]
    return parts[0]
