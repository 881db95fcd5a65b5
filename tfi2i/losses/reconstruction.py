"""Distances between an image and what it should be."""

import tensorflow as tf


def l1(x, y):
    """E[|x - y|], averaged over images, pixels and channels."""
    return tf.reduce_mean(tf.abs(x - y))


def mse(x, y):
    """E[(x - y)^2], averaged over images, pixels and channels, or what else they have."""
    return tf.reduce_mean(tf.square(x - y))
