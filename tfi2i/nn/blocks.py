"""Initialisers and norms by the names that the junyanz programs give them, and the switch to test-time behaviour."""

import keras

from tfi2i.nn.normalization import BatchNorm, InstanceNorm

INIT_TYPES = ("normal", "xavier", "kaiming", "orthogonal")
NORMS = ("batch", "instance", "none")


def kernel_initializer(init_type="normal", init_gain=0.02):
    """A new initialiser for one convolution, by the official programs' names; biases are zero.

    One for each layer: a Keras initialiser draws the same numbers every time it is called.
    """
    if init_type == "normal":
        return keras.initializers.RandomNormal(stddev=init_gain)
    if init_type == "xavier":
        return keras.initializers.VarianceScaling(init_gain**2, "fan_avg", "untruncated_normal")
    if init_type == "kaiming":  # fan_in, gain sqrt(2); init_gain plays no part, as in the official programs
        return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    if init_type == "orthogonal":
        return keras.initializers.Orthogonal(gain=init_gain)
    raise ValueError(f"init_type must be one of {', '.join(INIT_TYPES)}. Received: {init_type!r}")


def normalization(norm, init_gain=0.02, name=None):
    """The norm layer by name, or None for "none"; a batch norm's scale is drawn from N(1, init_gain)."""
    if norm == "batch":
        return BatchNorm(gamma_initializer=keras.initializers.RandomNormal(1.0, init_gain), name=name)
    if norm == "instance":
        return InstanceNorm(name=name)
    if norm == "none":
        return None
    raise ValueError(f"norm must be one of {', '.join(NORMS)}. Received: {norm!r}")


@keras.saving.register_keras_serializable("tfi2i")
class NoiseDropout(keras.layers.Dropout):
    """Dropout as pix2pix' source of noise z (sec. 3.1): always on in training; outside it only when `at_test="on"`."""

    def __init__(self, rate, at_test="off", **kwargs):
        super().__init__(rate, **kwargs)
        if at_test not in ("off", "on"):
            raise ValueError(f'at_test must be "off" or "on". Received: {at_test!r}')
        self.at_test = at_test

    def call(self, x, training=False):
        return super().call(x, training=training or self.at_test == "on")

    def get_config(self):
        return super().get_config() | {"at_test": self.at_test}


def as_tested(network, stochastic=False, statistics="image"):
    """A copy of `network` that behaves, outside training, as the papers test it.

    Batch norms take the statistics of each image, or with `statistics="running"` those of training; dropout is off, or
    with `stochastic` on as the papers' noise. The copy holds the same weights, takes any image size and is what is
    previewed, saved, evaluated, translated with and exported.
    """

    def as_tested_layer(layer):
        config = layer.get_config()
        if isinstance(layer, BatchNorm):
            config["at_test"] = statistics
        elif isinstance(layer, NoiseDropout):
            config["at_test"] = "on" if stochastic else "off"
        return layer.from_config(config)

    copy = keras.models.clone_model(network, clone_function=as_tested_layer)
    copy.set_weights(network.get_weights())
    return copy
