"""Adversarial objectives on logits, each a pair (discriminator's loss, generator's loss); averaged over all logits.

The discriminator's loss comes as its two halves, so that a step can weigh, record and order them as its paper does.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Objective(NamedTuple):
    """Losses on logits. real: D's on those of real images; fake: D's on those of fakes; generator: G's on those."""

    real: Callable
    fake: Callable
    generator: Callable


def _mean(x):
    return tf.reduce_mean(x)


OBJECTIVES = {
    # -log D(real), -log(1 - D(fake)), and the non-saturating -log D(fake) (Goodfellow et al. 2014, sec. 3).
    "vanilla": Objective(
        real=lambda logits: _mean(tf.nn.softplus(-logits)),
        fake=lambda logits: _mean(tf.nn.softplus(logits)),
        generator=lambda logits: _mean(tf.nn.softplus(-logits)),
    ),
    # Least squares to the targets 1 and 0 (Mao et al. 2017, eq. 9).
    "lsgan": Objective(
        real=lambda logits: _mean(tf.square(logits - 1.0)),
        fake=lambda logits: _mean(tf.square(logits)),
        generator=lambda logits: _mean(tf.square(logits - 1.0)),
    ),
    # The critic's two expectations (Arjovsky et al. 2017, eq. 2), to be used with `gradient_penalty`.
    "wgangp": Objective(
        real=lambda logits: -_mean(logits),
        fake=_mean,
        generator=lambda logits: -_mean(logits),
    ),
    # Lim and Ye 2017; Miyato et al. 2018, eq. 16-17.
    "hinge": Objective(
        real=lambda logits: _mean(tf.nn.relu(1.0 - logits)),
        fake=lambda logits: _mean(tf.nn.relu(1.0 + logits)),
        generator=lambda logits: -_mean(logits),
    ),
}
OBJECTIVES["nsgan"] = OBJECTIVES["vanilla"]  # the name that MUNIT's program gives it


def over_scales(loss, logits):
    """The sum of a loss over the scales of a discriminator, whose logits are a list unless there is but one scale."""
    return tf.add_n([loss(at_scale) for at_scale in tf.nest.flatten(logits)])


def gradient_penalty(D, real, fake, t):
    """E[(|| grad D(x) ||_2 - 1)^2] at x = t real + (1 - t) fake (Gulrajani et al. 2017, eq. 3).

    Args:
        D: maps (B, H, W, C) to logits.
        real, fake: (B, H, W, C).
        t: (B, 1, 1, 1), drawn evenly from [0, 1).
    """
    x = fake + tf.cast(t, real.dtype) * (real - fake)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = D(x)
    slope = tf.reshape(tape.gradient(logits, x), [tf.shape(x)[0], -1])
    # 1e-16 keeps the root's derivative finite where the slope is zero.
    return tf.reduce_mean(tf.square(tf.sqrt(tf.reduce_sum(tf.square(slope), 1) + 1e-16) - 1.0))
