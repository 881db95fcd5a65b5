"""Adaptive instance normalisation (Huang and Belongie 2017, eq. 8): scale and shift come from another network."""

import keras

from tfi2i.nn.normalization import normalize_each, standardize


@keras.saving.register_keras_serializable("tfi2i")
class AdaIN(keras.layers.Layer):
    """Normalises each channel of each image, then scales and shifts it as told.

    All the AdaIN layers of a network read from one vector: `place` says which, from 0 on, this one is. Layer after
    layer the vector holds C shifts, then C scales; a scale multiplies as it is, with no 1 added.

    Shapes: x (B, H, W, C) and parameters (B, P), P at least 2C (place + 1) -> (B, H, W, C).
    """

    def __init__(self, place=0, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.place, self.epsilon = place, epsilon

    def build(self, input_shape):
        pass  # without weights

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs, training=False):
        x, parameters = inputs
        channels = x.shape[-1]
        start = 2 * channels * self.place
        shift, scale = parameters[:, start : start + channels], parameters[:, start + channels : start + 2 * channels]
        if training:
            return normalize_each(x, self.epsilon, scale, shift)
        y, _, _ = standardize(x, [1, 2], self.epsilon)
        return y * scale[:, None, None] + shift[:, None, None]

    def get_config(self):
        return super().get_config() | {"place": self.place, "epsilon": self.epsilon}
