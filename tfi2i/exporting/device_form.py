"""A network in the form that LiteRT's CPU delegate runs fastest: the same weights, the same answers but for rounding.

XNNPACK's transposed convolutions take two to three times as long as its convolutions for as many multiplications, and
with an unknown image size it leaves them out. One with stride 2 is a 2x2 convolution to four times as many channels,
which then become pixels.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# By kernel size: the rows of the kernel that a 2x2 window's two rows take in an even, and in an odd row of the answer.
TAPS = {3: ((1, None), (2, 0)), 4: ((2, 0), (3, 1))}


def for_devices(network):
    """A copy of a functional keras.Model in which transposed convolutions with stride 2 are convolutions.

    They are those of the zoo: 4x4 padded "same", and 3x3 without padding whose first row and column are cropped; others
    stay as they are.
    """
    if not any(_is_rewritten(layer) for layer in _leaves(network)):
        return network

    def device_layer(layer):
        if _is_rewritten(layer):
            return UpConv2D(layer)
        if isinstance(layer, layers.Cropping2D) and all(_is_rewritten(before) for before in _before(layer)):
            return layers.Identity(name=layer.name)
        return layer.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=device_layer, recursive=True)
    for layer, ours in zip(_leaves(network), _leaves(copy), strict=True):
        if not isinstance(ours, UpConv2D):
            ours.set_weights(layer.get_weights())
    return copy


class UpConv2D(layers.Layer):
    """What a Conv2DTranspose with stride 2 computes, as one convolution; its weights are constants.

    Shapes: (B, H, W, C) -> (B, 2H, 2W, filters); H and W may be unknown.
    """

    def __init__(self, transposed):
        super().__init__(name=transposed.name)
        self.filters, self.activation = transposed.filters, transposed.activation
        self.size = transposed.kernel_size[0]
        self.kernel = _of_windows(keras.ops.convert_to_numpy(transposed.kernel))
        bias = keras.ops.convert_to_numpy(transposed.bias) if transposed.use_bias else np.zeros(self.filters, "float32")
        self.bias = np.tile(bias, 4)

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        return (batch, *(None if n is None else 2 * n for n in size), self.filters)

    def call(self, x):
        if self.size == 3:
            return self.activation(tf.nn.depth_to_space(tf.nn.conv2d(x, self.kernel, 1, "SAME") + self.bias, 2))
        # Windows begin one pixel before the image: an odd row of the answer, then an even one.
        x = tf.nn.conv2d(x, self.kernel, 1, [[0, 0], [1, 1], [1, 1], [0, 0]]) + self.bias
        return self.activation(tf.nn.depth_to_space(x, 2)[:, 1:-1, 1:-1])


def _of_windows(kernel):
    """(k, k, out, in) of a transposed convolution -> (2, 2, in, 4 out)."""
    taps, filters = TAPS[len(kernel)], kernel.shape[2]
    windows = np.zeros((2, 2, kernel.shape[3], 4 * filters), kernel.dtype)
    for dy, rows in enumerate(taps):
        for dx, columns in enumerate(taps):
            part = slice((2 * dy + dx) * filters, (2 * dy + dx + 1) * filters)
            for u, row in enumerate(rows):
                for v, column in enumerate(columns):
                    if row is not None and column is not None:
                        windows[u, v, :, part] = kernel[row, column].T
    return windows


def _is_rewritten(layer):
    if not isinstance(layer, layers.Conv2DTranspose) or layer.strides != (2, 2):
        return False
    if (layer.kernel_size, layer.padding) == ((4, 4), "same"):
        return True
    after = [node.operation for node in layer._outbound_nodes]
    cropped = all(isinstance(next_, layers.Cropping2D) and next_.cropping == ((1, 0), (1, 0)) for next_ in after)
    return (layer.kernel_size, layer.padding) == ((3, 3), "valid") and bool(after) and cropped


def _before(layer):
    return [x._keras_history.operation for node in layer._inbound_nodes for x in node.arguments.keras_tensors]


def _leaves(network):
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
