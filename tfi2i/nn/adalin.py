"""Normalisation between instance and layer (Kim et al. 2020, sec. 2.1.1), and what the paper compares it with.

    y = gamma (rho I(x) + (1 - rho) L(x)) + beta                                                  (eq. 1)

I standardises each channel of an image, L all channels together; both by the unbiased variance, as the official program
does. The gate rho, one a channel, is learned within [0, 1]; held at 1 or 0 it leaves instance or layer norm.
"""

import math

import keras
import tensorflow as tf

from tfi2i.nn.normalization import standardize

GATES = ("learned", "instance", "layer")


class GatedNorm(keras.layers.Layer):
    """What AdaLIN and LIN share.

    Args:
        gate: "learned", or held: "instance" (rho = 1), "layer" (rho = 0).
    """

    initial_rho = None

    def __init__(self, gate="learned", epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if gate not in GATES:
            raise ValueError(f"gate must be one of {', '.join(GATES)}. Received: {gate!r}")
        self.gate, self.epsilon = gate, epsilon

    def add_gate(self, channels):
        if self.gate == "learned":
            self.rho = self.add_weight(
                shape=(channels,),
                initializer=keras.initializers.Constant(self.initial_rho),
                autocast=False,
                aggregation="only_first_replica",  # for `clip`, which is the same on all of them
                name="rho",
            )

    def clip(self):
        """Brings rho back to [0, 1], as is due after each step of its optimizer."""
        self.rho.assign(tf.clip_by_value(self.rho, 0.0, 1.0))

    def standardized(self, x):
        wide = _wide(x)
        if self.gate == "instance":
            y = _standardize(wide, [1, 2], self.epsilon)
        elif self.gate == "layer":
            y = _standardize(wide, [1, 2, 3], self.epsilon)
        else:
            instance, layer = (_standardize(wide, axes, self.epsilon) for axes in ([1, 2], [1, 2, 3]))
            y = self.rho * instance + (1.0 - self.rho) * layer
        return tf.cast(y, x.dtype)

    def get_config(self):
        return super().get_config() | {"gate": self.gate, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfi2i")
class AdaLIN(GatedNorm):
    """Adaptive Layer-Instance Normalisation: scale and shift are inputs; rho starts at 0.9.

    Shapes: x (B, H, W, C), gamma and beta (B, 1, 1, C) -> (B, H, W, C).
    """

    initial_rho = 0.9

    def build(self, x_shape, gamma_shape, beta_shape):
        self.add_gate(x_shape[-1])

    def call(self, x, gamma, beta):
        return self.standardized(x) * gamma + beta


@keras.saving.register_keras_serializable("tfi2i")
class LIN(GatedNorm):
    """Layer-Instance Normalisation: scale and shift are weights, one a channel; rho starts at 0.

    Shapes: (B, H, W, C) -> the same.
    """

    initial_rho = 0.0

    def build(self, input_shape):
        self.add_gate(input_shape[-1])
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x):
        return self.standardized(x) * self.gamma + self.beta


@keras.saving.register_keras_serializable("tfi2i")
class GroupNorm(keras.layers.Layer):
    """Group normalisation (Wu and He 2018, eq. 7): 32 groups of channels, or as many fewer as divide the channels.

    Shapes: (B, H, W, C) -> the same.
    """

    def __init__(self, groups=32, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.groups, self.epsilon = groups, epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x):
        batch, height, width = (tf.shape(x)[k] if x.shape[k] is None else x.shape[k] for k in range(3))
        channels = x.shape[3]
        groups = math.gcd(self.groups, channels)
        # Four dimensions, not five, which mobile delegates refuse.
        grouped = tf.reshape(_wide(x), [batch, height * width, groups, channels // groups])
        y, _, _ = standardize(grouped, [1, 3], self.epsilon)
        return tf.cast(tf.reshape(y, [batch, height, width, channels]), x.dtype) * self.gamma + self.beta

    def get_config(self):
        return super().get_config() | {"groups": self.groups, "epsilon": self.epsilon}


def _wide(x):
    """Statistics are taken in at least float32."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x


def _standardize(x, axes, epsilon):
    """(x - mean) / sqrt(variance + epsilon) over `axes`, with the unbiased variance."""
    size = tf.shape(x)
    count = tf.cast(math.prod(size[k] if x.shape[k] is None else x.shape[k] for k in axes), x.dtype)
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axes, keepdims=True) * (count / (count - 1.0))
    return centred * tf.math.rsqrt(variance + epsilon)
