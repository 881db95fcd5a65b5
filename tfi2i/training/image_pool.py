"""The buffer of earlier fakes that steadies a discriminator (Shrivastava et al. 2017, sec. 2.3; CycleGAN, sec. 4)."""

import keras
import tensorflow as tf

from tfi2i.training.draws import uniform


class ImagePool(keras.layers.Layer):
    """Answers each fake with itself or, once the pool is full and one time in two, an earlier one, which it replaces.

    Until `size` fakes have been seen, each is kept and answered with itself. The pool is part of the model's state; all
    replicas share it, and together do what one device would with the whole batch.

    Args:
        size: how many fakes are kept; 0 keeps none and answers each with itself.
        shape: of one image, (H, W, C).
    """

    def __init__(self, size, shape, **kwargs):
        super().__init__(dtype=keras.config.floatx(), **kwargs)
        self.size = size
        if size:
            state = {"trainable": False, "aggregation": "only_first_replica", "initializer": "zeros"}
            self.images = self.add_weight(shape=(size, *shape), name="images", **state)
            self.seen = self.add_weight(shape=(), dtype="int32", name="seen", **state)
            self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, fakes):
        """(B, H, W, C) -> (B, H, W, C); no gradient flows back."""
        fakes = tf.stop_gradient(fakes)
        if not self.size:
            return fakes
        replica = tf.distribute.get_replica_context()
        everyones = replica.all_gather(fakes, 0) if replica.num_replicas_in_sync > 1 else fakes
        start = replica.replica_id_in_sync_group * tf.shape(fakes)[0]
        return self._exchange(everyones)[start : start + tf.shape(fakes)[0]]

    def _exchange(self, fakes):
        """One fake after the other, written without a loop: what the pool held before, and who wrote where since."""
        count = tf.shape(fakes)[0]
        order = tf.range(count)
        coin = uniform([2, count], self.seed_generator.next())
        filling = self.seen + order < self.size
        kept = filling | (coin[0] > 0.5)
        place = tf.where(filling, self.seen + order, tf.cast(coin[1] * self.size, tf.int32))

        images = tf.identity(self.images.value)
        # earlier[i, j]: fake j was put, before fake i came, where fake i looks.
        earlier = (place[:, None] == place[None]) & kept[None] & (order[None] < order[:, None])
        last = tf.reduce_max(tf.where(earlier, order[None], -1), axis=1)
        found = tf.where(
            (last >= 0)[:, None, None, None], tf.gather(fakes, tf.maximum(last, 0)), tf.gather(images, place)
        )

        # The last fake written to each place stays there.
        here = (tf.range(self.size)[:, None] == place[None]) & kept[None]
        writer = tf.reduce_max(tf.where(here, order[None], -1), axis=1)
        stays = (writer < 0)[:, None, None, None]
        self.images.assign(tf.where(stays, images, tf.gather(fakes, tf.maximum(writer, 0))))
        self.seen.assign(tf.minimum(self.seen + count, self.size))
        return tf.where((kept & ~filling)[:, None, None, None], found, fakes)
