"""Random numbers of the model's state."""

import numpy as np
import tensorflow as tf

from tfi2i.training.draws import normal, uniform

SEED = tf.constant([3, 4], tf.uint32)


def test_with_xla_and_without():
    for draw in (uniform, normal):
        one, other = (tf.function(lambda: draw([50, 7], SEED), jit_compile=xla)() for xla in (False, True))  # noqa: B023
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_moments():
    u, n = uniform([200_000], SEED).numpy(), normal([200_000], SEED).numpy()
    assert u.min() >= 0.0 and u.max() < 1.0
    np.testing.assert_allclose([u.mean(), u.var()], [1 / 2, 1 / 12], atol=3e-3)
    np.testing.assert_allclose([n.mean(), n.var(), (n**3).mean(), (n**4).mean()], [0, 1, 0, 3], atol=5e-2)
    assert np.isfinite(n).all() and abs(np.corrcoef(n[:-1], n[1:])[0, 1]) < 0.01
