"""A classifier of labelled images that knows nothing of the model it judges: trained on the real ones, then asked about
the model's."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfi2i.data.attributes import likeliest
from tfi2i.data.pipeline import stream

EPOCHS, BATCH = 12, 64


class Classifier:
    """What `independent` returns: images (H, W, C) in [-1, 1] of the training's size -> labels.

    Attributes:
        names, groups: the attributes, and those of which exactly one holds.
        network: images (B, S, S, C) -> logits (B, len(names)).
    """

    def __init__(self, network, names, groups):
        self.network, self.names, self.groups = network, names, groups

    def __call__(self, image):
        """The label, float32 (len(names),) of 0 and 1, of one image."""
        return likeliest(np.asarray(self.network(image[None], training=False))[0], self.names, self.groups)


def independent(examples, folder):
    """A `Classifier` of the labelled images `examples`, a `PreparedLabelled` for training, kept in `folder`.

    A second call with the same images, labels and sizes reads what the first one has trained.
    """
    source, size, channels = examples.source, examples.preprocess.crop_size, examples.channels[0]
    facts = [source.attributes, source.exclusive, len(source), size, channels, EPOCHS, source.labels().sum(0).tolist()]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    file = Path(folder) / f"classifier_{digest}.keras"
    if file.exists():
        network = keras.models.load_model(file, compile=False)
    else:
        network = _fitted(examples, size, channels)
        file.parent.mkdir(parents=True, exist_ok=True)
        network.save(file.with_name(f".{file.name}"))
        file.with_name(f".{file.name}").replace(file)
    return Classifier(network, source.attributes, source.exclusive)


def _fitted(examples, size, channels):
    names, groups = examples.source.attributes, examples.source.exclusive
    x = image = keras.Input((size, size, channels))
    for width in (32, 64, 128, 128):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.GlobalMaxPooling2D()(x))
    network = keras.Model(image, layers.Dense(len(names))(x))
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
