"""The pool of fakes against the plain loop that it stands for."""

import numpy as np
import pytest
import tensorflow as tf
from replicas import distribute

from tfi2i.training.draws import uniform
from tfi2i.training.image_pool import ImagePool


def fakes(start, count):
    """Images (1, 1, 1) whose value is their number."""
    return tf.reshape(tf.range(start, start + count, dtype=tf.float32), [count, 1, 1, 1])


def one_by_one(pool, batches):
    """What the official program does: a list, and one fake after another; with the coins that `pool` draws."""
    kept, answers = [], []
    for batch in batches:
        coin = uniform([2, len(batch)], pool.seed_generator.next()).numpy()
        for i, fake in enumerate(np.ravel(batch)):
            place = int(coin[1, i] * pool.size)
            if len(kept) < pool.size:
                kept.append(fake)
                answers.append(fake)
            elif coin[0, i] > 0.5:
                answers.append(kept[place])
                kept[place] = fake
            else:
                answers.append(fake)
    return answers, kept


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_it_is_the_plain_loop(batch_size):
    pool, twin = ImagePool(4, (1, 1, 1)), ImagePool(4, (1, 1, 1))
    twin.seed_generator.state.assign(pool.seed_generator.state)
    batches = [fakes(batch_size * k, batch_size) for k in range(9)]
    answers = [np.ravel(pool(batch)) for batch in batches]
    wanted, kept = one_by_one(twin, batches)
    np.testing.assert_array_equal(np.concatenate(answers), wanted)
    np.testing.assert_array_equal(np.ravel(pool.images), kept)
    assert any(answer < batch_size * k for k, batch in enumerate(answers) for answer in batch), (
        "none came from the pool"
    )


def test_replicas_share_one_pool(mirrored):
    pool = ImagePool(4, (1, 1, 1))
    with mirrored.scope():
        shared = ImagePool(4, (1, 1, 1))
    shared.seed_generator.state.assign(pool.seed_generator.state)
    step = tf.function(lambda batch: mirrored.run(lambda b: shared(b["x"]), args=(batch,)))
    for k in range(6):
        batch = fakes(4 * k, 4)
        answers = mirrored.experimental_local_results(step(distribute(mirrored, {"x": batch.numpy()})))
        np.testing.assert_array_equal(np.concatenate(answers), pool(batch))
    np.testing.assert_array_equal(shared.images.numpy(), pool.images.numpy())


def test_replicas_go_on_with_the_pool_that_was_saved(mirrored, tmp_path):
    """Images, how many there are, and the state of the coins."""

    def answers(pool, batches):
        step = tf.function(lambda batch: mirrored.run(lambda b: pool(b["x"]), args=(batch,)))
        shares = [distribute(mirrored, {"x": fakes(4 * k, 4).numpy()}) for k in batches]
        return [np.concatenate(mirrored.experimental_local_results(step(share))) for share in shares]

    def checkpoint(pool):
        return tf.train.Checkpoint(state=[variable.value for variable in pool.variables])

    with mirrored.scope():
        whole, other = ImagePool(4, (1, 1, 1)), ImagePool(4, (1, 1, 1))
    answers(whole, range(2))
    path = checkpoint(whole).write(str(tmp_path / "pool"))
    wanted = answers(whole, range(2, 7))
    checkpoint(other).read(path).assert_consumed()
    np.testing.assert_array_equal(answers(other, range(2, 7)), wanted)


def test_no_gradient_and_no_pool():
    x = tf.Variable(fakes(0, 2))
    with tf.GradientTape() as tape:
        y = ImagePool(0, (1, 1, 1))(x)
    assert tape.gradient(y, x) is None
    np.testing.assert_array_equal(y, x)
