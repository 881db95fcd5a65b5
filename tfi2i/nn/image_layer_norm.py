"""Layer normalisation of feature maps."""

import keras

from tfi2i.nn.normalization import standardize


@keras.saving.register_keras_serializable("tfi2i")
class ImageLayerNorm(keras.layers.Layer):
    """Normalises each image by the mean and variance of all its features together (Ba et al. 2016), eps 1e-5.

    The variance is the biased one and eps stands under the root; scale `gamma` and shift `beta` are one a channel.

    Shapes: (B, H, W, C) -> the same.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x):
        y, _, _ = standardize(x, [1, 2, 3], self.epsilon)
        return y * self.gamma + self.beta

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}
