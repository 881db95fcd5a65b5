"""A classifier of labelled images that knows nothing of the model it judges: trained on the real ones, then asked about
the model's.

Choi et al. 2018 (sec. 5.5) divide RaFD by 90 to 10, train classifier and StarGAN on the former, and count on the
latter how often the classifier sees another expression than was asked for: `classification_error` here. The sets of
`tfi2i.data` without splits are divided in just that way. Where a classifier is to judge the images that it would be
trained on, a tenth of them is held out of its training, so that its accuracy on real images is one on unseen ones.
"""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfi2i.data.attributes import likeliest
from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import PreparedLabelled, to_float
from tfi2i.errors import UserError
from tfi2i.evaluation import interval

EPOCHS, BATCH = 12, 64
HELD_OUT = 0.1
LEAST = 5  # images with and without an attribute: of fewer nothing is learned that holds of others


class Classifier:
    """What `independent` returns: images (H, W, C) in [-1, 1] of the training's size -> labels.

    Attributes:
        names, groups: the attributes, and those of which exactly one holds.
        network: images (B, S, S, C) -> logits (B, len(names)).
        unseen: which images of the set that it is asked about it was not trained on, a set of indices.
        real: {attribute, or a group's attributes joined by +: how often it is right about the unseen images,
            {"value", "low", "high", "n"}}.
    """

    def __init__(self, network, names, groups, testing, unseen):
        self.network, self.names, self.groups = network, names, groups
        # One graph for all that it is asked: of single small images a call as it comes takes ten times as long.
        self._logits = tf.function(lambda x: network(x, training=False), autograph=False, reduce_retracing=True)
        self.unseen = frozenset(unseen)
        self.real = self._accuracy(testing, sorted(unseen))

    def __call__(self, image):
        """The label, float32 (len(names),) of 0 and 1, of one image. Raises: `UserError` for one that isn't finite."""
        return self._labels(image[None])[0]

    def _labels(self, images):
        if not np.isfinite(images).all():
            raise UserError(
                "a translation holds numbers that are not finite (expected [-1, 1]); the run has diverged: train it "
                "anew, with a lower --lr or another --precision"
            )
        logits = np.asarray(self._logits(images))
        return np.stack([likeliest(row, self.names, self.groups) for row in logits])

    def _accuracy(self, testing, chosen):
        seen = [self._labels(_images(testing, chosen[at : at + BATCH])) for at in range(0, len(chosen), BATCH)]
        right = np.concatenate(seen) == testing.source.labels()[chosen]
        grouped = {name for group in self.groups for name in group}
        found = {}
        for words in (*self.groups, *((name,) for name in self.names if name not in grouped)):
            each = right[:, [self.names.index(name) for name in words]].all(-1)
            low, high = interval.of_mean(each)
            found["+".join(words)] = {"value": float(each.mean()), "low": low, "high": high, "n": len(each)}
        return found


def independent(training, testing, preprocess, folder, dataset):
    """A `Classifier` of the labelled images `training`, kept in `folder`, for a model's answers to those of `testing`.

    It is trained on all images of `training`, or, if these are those of `testing`, on nine of ten. A second call with
    the same images, labels and sizes reads what the first one has trained.

    Args:
        training, testing: labelled sources; see `tfi2i.data.labelled`.
        preprocess: how the model sees an image when it is tested; mirrored at random but for `no_flip`.
        dataset: its name, for errors.

    Raises: `UserError` for a single class, for too few images of one, and for two sets of other attributes.
    """
    if training.attributes != testing.attributes:
        raise UserError(
            f"{dataset}: a classifier of {', '.join(training.attributes)}, which the training images are labelled by, "
            f"can't judge images labelled by {', '.join(testing.attributes)}; evaluate on a set with the same labels"
        )
    unseen = range(len(testing))
    if _same(training, testing):
        order = np.random.default_rng(0).permutation(len(training)).tolist()
        count = max(1, round(HELD_OUT * len(order)))
        unseen, training = order[:count], _Part(training, order[count:])
    _check(training, dataset)
    examples = PreparedLabelled(training, preprocess, training=False)
    file = Path(folder) / f"classifier_{_digest(training, preprocess)}.keras"
    if file.exists():
        network = keras.models.load_model(file, compile=False)
    else:
        network = _fitted(examples)
        file.parent.mkdir(parents=True, exist_ok=True)
        network.save(file.with_name(f".{file.name}"))
        file.with_name(f".{file.name}").replace(file)
    testing = PreparedLabelled(testing, preprocess, training=False, cache_bytes=0)
    return Classifier(network, training.attributes, training.exclusive, testing, unseen)


def words(judges):
    """What is to be told of classifiers with the numbers that they give."""
    right = [
        f"{name} {100 * real['value']:.1f} % ({100 * real['low']:.1f} to {100 * real['high']:.1f}, n = {real['n']})"
        for judge in judges
        for name, real in judge.real.items()
    ]
    return (
        "Classifier of the real training images: 4 convolutions, trained by `tfi2i evaluate`; right about real images "
        f"that it has not seen, with 95 % bootstrap intervals: {', '.join(right)}."
    )


class _Part:
    """Some images of a labelled source."""

    def __init__(self, source, indices):
        self.source, self.indices = source, indices
        self.attributes, self.exclusive = source.attributes, source.exclusive

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.source[self.indices[index]]

    def name(self, index):
        return self.source.name(self.indices[index])

    def labels(self):
        return self.source.labels()[self.indices]


def _images(testing, chosen):
    return np.stack([to_float(testing[i][0]) for i in chosen])


def _same(one, other):
    return np.array_equal(one.labels(), other.labels()) and np.array_equal(one[0]["image"], other[0]["image"])


def _check(source, dataset):
    having = source.labels().sum(0).astype(int)
    for group in source.exclusive:
        if len(group) < 2:
            raise UserError(
                f"{dataset}: {group[0]} is the only class of the training images (expected at least two for a "
                "classifier to tell apart); add images of another class"
            )
    for name, count in zip(source.attributes, having.tolist(), strict=True):
        without = len(source) - count
        if min(count, without) < LEAST:
            raise UserError(
                f"{dataset}: too few images for a classifier of {name} (expected at least {LEAST} training images "
                f"with it and {LEAST} without, received {count} and {without}); add images, or train without {name}"
            )


def _digest(source, preprocess):
    """Of the images, by their labels and the first of them, and of how they are prepared."""
    hashed = hashlib.sha256(source.labels().tobytes() + source[0]["image"].tobytes())
    hashed.update(json.dumps([source.attributes, source.exclusive, EPOCHS, str(preprocess)]).encode())
    return hashed.hexdigest()[:12]


def _fitted(examples):
    names, groups = examples.source.attributes, examples.source.exclusive
    size = examples.preprocess.crop_size
    x = image = keras.Input((size, size, *examples.channels))
    # Everything random by a seed, so that a stranger's classifier is the same.
    for seed, width in enumerate((32, 64, 128, 128)):
        kernel = keras.initializers.GlorotUniform(seed)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=kernel)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(padding="same")(x)
    x = layers.Dropout(0.5, seed=0)(layers.GlobalMaxPooling2D()(x))
    x = layers.Dense(len(names), kernel_initializer=keras.initializers.GlorotUniform(4))(x)
    network = keras.Model(image, x)
    steps = max(1, int(EPOCHS * len(examples) / BATCH))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(keras.optimizers.Adam(rate), loss=_loss(names, groups), jit_compile=False)
    batches = stream(examples, BATCH, seed=0).map(lambda batch: (batch["x"], batch["label"]))
    network.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    return network


def _loss(names, groups):
    """Softmax cross-entropy of each group, binary cross-entropy of each other attribute, summed."""
    places = [[names.index(name) for name in group] for group in groups]
    alone = [k for k in range(len(names)) if not any(k in group for group in places)]

    def loss(label, logits):
        terms = [
            tf.nn.softmax_cross_entropy_with_logits(tf.gather(label, group, axis=1), tf.gather(logits, group, axis=1))
            for group in places
        ]
        if alone:
            each = tf.nn.sigmoid_cross_entropy_with_logits(
                tf.gather(label, alone, axis=1), tf.gather(logits, alone, axis=1)
            )
            terms.append(tf.reduce_sum(each, -1))
        return tf.add_n(terms)

    return loss
