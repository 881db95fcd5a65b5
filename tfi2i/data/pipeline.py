"""From prepared images to batches: a pure function of (seed, epoch, index), with no state to save."""

import dataclasses

import numpy as np

from tfi2i.data.prepared import Preprocess, prepared
from tfi2i.data.sources import open_source
from tfi2i.errors import UserError


def stream(examples, batch_size, seed, start_step=0, worker=0, workers=1, replicas=1):
    """Endless batches for training, the same for the same arguments, from any step on.

    Each epoch is a permutation of the set, or of each domain, that depends on (seed, epoch) alone, and each image's
    crop and flip on (seed, its place in the whole sequence) alone. Epochs follow one another without a gap, so a batch
    may hold the end of one and the beginning of the next.

    Args:
        examples: of `tfi2i.data.prepared`, for training.
        batch_size: images a step over all workers and replicas.
        start_step: the first step to give.
        worker, workers, replicas: this process' number, how many there are, and how many replicas each of them feeds;
            every replica gets its own share of each step's images, as batches of batch_size / (workers replicas).

    Returns: a tf.data.Dataset of {name: float32 (B, ...)}, images in [-1, 1].
    """
    import tensorflow as tf

    shares = workers * replicas
    if batch_size % shares:
        raise UserError(f"--batch_size={batch_size} can't be shared by {shares} devices; give a multiple of {shares}")
    local = batch_size // workers

    def place(position):  # among this worker's images -> in the whole sequence
        return position // local * batch_size + worker * local + position % local

    def example(position):
        return examples.drawn(place(position), seed)

    positions = tf.data.Dataset.range(start_step * local, np.iinfo(np.int64).max)
    dataset = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.batch(batch_size // shares, drop_remainder=True).prefetch(4).with_options(options)


def load(dataset, split="train", config=None, *, batch_size=None, seed=0, task=None, **preprocess):
    """A finite tf.data.Dataset for `model.fit`: batches {"x", "y"}, float32 (B, H, W, C) in [-1, 1], or what the model
    of `config` learns from.

    Args:
        dataset: a name from `tfi2i list`, the path of a folder, or, for models of several sets, both with a comma.
        split: "train" (shuffled anew each epoch, random crops and flips) or "val", "test" (in order, nothing random).
        config: a model's config, `model.config`, which says what it learns from, how its images are prepared and how
            many make a batch.
        batch_size: images a batch, if not those of `config`, or 1; only in "val" and "test" the last batch may
            be smaller.
        seed: of the order, the crops and the flips.
        task: make the pairs out of single photos: "grey_to_colour", "inpainting", "edges_to_photo".
        preprocess: fields of `Preprocess`, such as load_size=72, direction="BtoA", if not those of `config`.

    Raises: `UserError` for an unknown data set or option, or a folder in which nothing of that kind is found.
    """
    import tensorflow as tf

    unknown = preprocess.keys() - {f.name for f in dataclasses.fields(Preprocess)}
    if unknown:
        raise UserError(f"unknown option of data.load: {', '.join(sorted(unknown))}; see tfi2i.data.Preprocess")
    preprocess, training = dataclasses.replace(Preprocess.of(config), **preprocess), split == "train"
    batch_size = batch_size or getattr(config, "batch_size", 1)
    source = open_source(dataset, split, config, preprocess, task=task)
    examples = prepared(source, config, training, preprocess)
    count = len(examples)
    if training:
        # Each pass draws its own number, which offsets the sequence to an epoch of its own.
        epochs = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1).map(lambda e: e % 2**20)
        indices = epochs.flat_map(lambda epoch: tf.data.Dataset.range(count).map(lambda i: epoch * count + i))
        batches = indices.map(lambda i: examples.drawn(i, seed), tf.data.AUTOTUNE)
    else:
        batches = tf.data.Dataset.range(count).map(examples.at, tf.data.AUTOTUNE)
    batches = batches.apply(tf.data.experimental.assert_cardinality(count))
    return batches.batch(batch_size, drop_remainder=training).prefetch(4)
