"""Each objective at logits whose losses can be worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfi2i.losses.adversarial import OBJECTIVES, gradient_penalty
from tfi2i.losses.reconstruction import l1

LOGITS = tf.constant([0.0, 2.0])
LN2, SOFT2 = np.log(2.0), np.log(1 + np.exp(2.0))


@pytest.mark.parametrize(
    ("mode", "real", "fake", "generator"),
    [
        ("vanilla", (LN2 + SOFT2 - 2) / 2, (LN2 + SOFT2) / 2, (LN2 + SOFT2 - 2) / 2),
        ("lsgan", 1.0, 2.0, 1.0),
        ("wgangp", -1.0, 1.0, -1.0),
        ("hinge", 0.5, 2.0, -1.0),
    ],
)
def test_objectives(mode, real, fake, generator):
    objective = OBJECTIVES[mode]
    assert float(objective.real(LOGITS)) == pytest.approx(real, rel=1e-6)
    assert float(objective.fake(LOGITS)) == pytest.approx(fake, rel=1e-6)
    assert float(objective.generator(LOGITS)) == pytest.approx(generator, rel=1e-6)


def test_gradient_penalty_of_a_linear_critic():
    """D(x) = 3 sum(x) over 4 x 4 pixels has a slope of norm 3 * 4 everywhere: (12 - 1)^2."""
    x = tf.random.normal([2, 4, 4, 1])
    penalty = gradient_penalty(lambda x: 3 * tf.reduce_sum(x, [1, 2, 3]), x, -x, tf.random.uniform([2, 1, 1, 1]))
    assert float(penalty) == pytest.approx(121.0, rel=1e-5)


def test_l1():
    assert float(l1(tf.constant([1.0, -1.0]), tf.constant([0.0, 1.0]))) == 1.5
