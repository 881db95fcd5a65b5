"""What a vector, such as an attribute or a label, has to say to feature maps."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfi2i")
class AppendVector(keras.layers.Layer):
    """Appends the same vector to the features of every pixel.

    Spread by adding it to a plane of zeros: delegates refuse both TILE and BROADCAST_TO.

    Shapes: x (B, H, W, C), z (B, S) -> (B, H, W, C + S); H and W may be unknown.
    """

    def compute_output_shape(self, x_shape, z_shape):
        return (*x_shape[:-1], x_shape[-1] + z_shape[-1])

    def call(self, x, z):
        z = tf.reshape(tf.cast(z, x.dtype), [-1, 1, 1, z.shape[-1]])
        return tf.concat([x, z + tf.zeros_like(x[..., :1])], -1)
