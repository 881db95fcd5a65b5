"""StarGAN's classification loss, by hand: of one set and of several."""

import numpy as np
import pytest
import tensorflow as tf
from sizes import options

import tfi2i
from tfi2i.errors import UserError
from tfi2i.zoo.stargan import Config, classification


def test_labels_of_one_set_are_summed_and_classes_are_one_of_many():
    logits, label = tf.constant([[0.0, 2.0], [0.0, -1.0]]), tf.constant([[1.0, 0.0], [0.0, 1.0]])
    bce = np.mean([np.log(2) + np.log1p(np.exp(2)), np.log(2) + np.log1p(np.exp(1))])
    several = Config(attributes="a,b", exclusive="")
    assert float(classification(logits, label, label[:, :0], several)) == pytest.approx(bce, rel=1e-6)
    softmax = np.mean([np.log(1 + np.exp(2)), np.log(np.exp(0) + np.exp(-1)) + 1])
    classes = Config(attributes="a,b", exclusive="a+b")
    assert float(classification(logits, label, label[:, :0], classes)) == pytest.approx(softmax, rel=1e-6)


def test_of_several_sets_only_the_known_labels_count():
    """The first image is of set 1, the second of set 2: other labels could be anything (eq. 7)."""
    c = Config(attributes="a,b/c,d", exclusive="c+d")
    logits = np.array([[0.0, 2.0, 9.0, -9.0], [7.0, -7.0, 0.0, 1.0]], np.float32)
    label, sets = np.array([[1, 0, 0, 0], [0, 0, 1, 0]], np.float32), np.eye(2, dtype=np.float32)
    expected = (np.log(2) + np.log1p(np.exp(2)) + np.log(1 + np.exp(1))) / 2
    assert float(classification(tf.constant(logits), label, sets, c)) == pytest.approx(expected, rel=1e-6)
    logits[0, 2:], logits[1, :2] = -3.0, 5.0
    assert float(classification(tf.constant(logits), label, sets, c)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_what_already_has_its_label_is_kept_only_on_request(weight):
    """With the weight of the identity, off in the paper: the L1 between an image and G's answer to its own label."""
    model = tfi2i.create("stargan", lambda_id=weight, g_lr=0.0, **options("stargan"))
    model.compile()
    random = np.random.default_rng(0)
    x = tf.constant(random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32"))
    label = tf.one_hot([0, 3], len(model.config.names))
    logs = model.train_step({"x": x, "label": label})
    kept = np.abs(model.G([x[1::2], label[1::2]]).numpy() - x[1::2].numpy()).mean()  # of the second mini-batch
    assert float(logs["G_id"]) == pytest.approx(weight * kept, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"exclusive": "Male+Old"}, "Old"),
        ({"batch_size": 7}, "multiple of --n_critic=5"),
        ({"attributes": "all"}, "--attributes=all is known only with the data"),
    ],
)
def test_what_cannot_be_is_said(options, said):
    with pytest.raises(UserError, match=said):
        tfi2i.create("stargan", **options)
