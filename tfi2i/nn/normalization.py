"""Batch and instance normalisation with the numerics of the official (PyTorch) programs.

Keras' own BatchNormalization differs in epsilon (1e-3), momentum (0.99) and in what it keeps: PyTorch normalises with
the biased variance of the batch and keeps a running mean of the *unbiased* one.
"""

import keras
import tensorflow as tf


def standardize(x, axes, epsilon):
    """Returns (x - mean) / sqrt(variance + epsilon) over `axes`, the mean and the (biased) variance.

    Statistics are taken in at least float32. Written with mean and rsqrt, a form that mobile delegates take whole.
    """
    wide = tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x
    mean = tf.reduce_mean(wide, axes, keepdims=True)
    centred = wide - mean
    variance = tf.reduce_mean(centred * centred, axes, keepdims=True)
    return tf.cast(centred * tf.math.rsqrt(variance + epsilon), x.dtype), mean, variance


# More images than this are normalised together, in several passes, rather than one after the other.
MOST_IMAGES = 16


def normalize_each(x, epsilon, scale=None, shift=None):
    """Each channel of each image by its own mean and variance, then scaled and shifted: the form for training.

    TensorFlow's fused kernel goes over the image twice forward and twice backward, `standardize` a dozen times; on two
    cores it was 2 to 4 times as fast. It takes one image at a time (the batch norm of one image is its instance norm)
    and no float64, and mobile delegates refuse it: `standardize` is for those.

    Shapes: x (B, H, W, C), scale and shift (C,) or (B, C) -> (B, H, W, C).
    """
    if x.dtype == tf.float64 or x.shape[0] is None or x.shape[0] > MOST_IMAGES:
        y, _, _ = standardize(x, [1, 2], epsilon)
        for vector, operation in ((scale, tf.multiply), (shift, tf.add)):
            if vector is not None:
                y = operation(y, tf.cast(vector if len(vector.shape) == 1 else vector[:, None, None], y.dtype))
        return y
    count, channels = x.shape[0], x.shape[-1]
    scale = tf.ones([channels]) if scale is None else tf.cast(scale, tf.float32)
    shift = tf.zeros([channels]) if shift is None else tf.cast(shift, tf.float32)
    normalized = [
        tf.compat.v1.nn.fused_batch_norm(image, *(_of_image(v, k) for v in (scale, shift)), epsilon=epsilon)[0]
        for k, image in enumerate(tf.split(x, count))
    ]
    return normalized[0] if count == 1 else tf.concat(normalized, 0)


def _of_image(vector, k):
    return vector if len(vector.shape) == 1 else vector[k]


@keras.saving.register_keras_serializable("tfi2i")
class InstanceNorm(keras.layers.Layer):
    """Normalises each channel of each image by its own mean and variance (Ulyanov et al. 2016), eps 1e-5.

    Args:
        affine: learn a scale `gamma` and a shift `beta` a channel; the CycleGAN family does not.

    Shapes: (B, H, W, C) -> the same.
    """

    def __init__(self, affine=False, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.affine, self.epsilon = affine, epsilon

    def build(self, input_shape):
        if self.affine:
            self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x, training=False):
        affine = (self.gamma, self.beta) if self.affine else ()
        if training:
            return normalize_each(x, self.epsilon, *affine)
        y, _, _ = standardize(x, [1, 2], self.epsilon)
        return y * self.gamma + self.beta if self.affine else y

    def get_config(self):
        return super().get_config() | {"affine": self.affine, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfi2i")
class BatchNorm(keras.layers.Layer):
    """Batch normalisation (Ioffe and Szegedy 2015) as PyTorch computes it: eps 1e-5, new = 0.9 old + 0.1 batch.

    Args:
        at_test: what normalises an image outside training. "running": the running statistics of training, as in
            `module.eval()`. "image": the image's own statistics, which is what pix2pix means by "batch normalisation
            with the statistics of the test batch" (sec. 3.3) at the paper's batch size of 1; other images in the
            batch have no say, so a server may batch requests.
        gamma_initializer: of the scale; the papers draw it from N(1, 0.02).

    Shapes: (B, H, W, C) -> the same.
    """

    def __init__(self, at_test="running", momentum=0.9, epsilon=1e-5, gamma_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        if at_test not in ("running", "image"):
            raise ValueError(f'at_test must be "running" or "image". Received: {at_test!r}')
        self.at_test, self.momentum, self.epsilon = at_test, momentum, epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        shape = input_shape[-1:]
        # Statistics stay in full precision, whatever the layer computes in.
        exact = {"shape": shape, "autocast": False}
        self.gamma = self.add_weight(initializer=self.gamma_initializer, name="gamma", **exact)
        self.beta = self.add_weight(initializer="zeros", name="beta", **exact)
        # Each replica normalises by its share of the batch; the first one's statistics are kept, as in PyTorch's DDP.
        running = {"trainable": False, "aggregation": "only_first_replica", **exact}
        self.moving_mean = self.add_weight(initializer="zeros", name="moving_mean", **running)
        self.moving_variance = self.add_weight(initializer="ones", name="moving_variance", **running)

    def call(self, x, training=False):
        if training:
            return self._normalize_by_batch(x)
        if self.at_test == "image":
            y, _, _ = standardize(x, [1, 2], self.epsilon)
            return tf.cast(tf.cast(y, self.gamma.dtype) * self.gamma + self.beta, x.dtype)
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return tf.cast(tf.cast(x, scale.dtype) * scale + (self.beta - self.moving_mean * scale), x.dtype)

    def _normalize_by_batch(self, x):
        if x.dtype == tf.float64:  # the fused kernel has no float64
            y, mean, variance = standardize(x, [0, 1, 2], self.epsilon)
            y = y * self.gamma + self.beta
            count = tf.cast(tf.size(x) // tf.shape(x)[-1], x.dtype)
            mean, variance = tf.reshape(mean, [-1]), tf.reshape(variance, [-1]) * (count / (count - 1.0))
        else:
            # One kernel forward and one backward; the variance it returns is already the unbiased one.
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, self.gamma, self.beta, epsilon=self.epsilon)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            updated = moving * self.momentum + tf.stop_gradient(value) * (1.0 - self.momentum)
            # A batch that overflowed must not poison for ever what the skipped update leaves alone.
            moving.assign(tf.where(tf.math.is_finite(updated), updated, moving))
        return y

    def get_config(self):
        return super().get_config() | {
            "at_test": self.at_test,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
        }
