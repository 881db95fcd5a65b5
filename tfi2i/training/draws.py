"""Random numbers that are the same with and without XLA.

TensorFlow and XLA agree on the bits of the Philox generator, and turn them into floats in different ways; so that is
done here.
"""

import math

import keras
import tensorflow as tf


def uniform(shape, seed):
    """Even in [0, 1), in steps of 2^-24; `seed` is what a keras.random.SeedGenerator gives."""
    bits = tf.random.stateless_uniform(shape, tf.cast(seed, tf.int32), None, None, tf.uint32, alg="philox")
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32)), keras.config.floatx()) * 2.0**-24


def normal(shape, seed):
    """N(0, 1), by the formula of Box and Muller (1958)."""
    u = uniform([2, *shape], seed)
    return tf.sqrt(-2.0 * tf.math.log(1.0 - u[0])) * tf.cos(2.0 * math.pi * u[1])
