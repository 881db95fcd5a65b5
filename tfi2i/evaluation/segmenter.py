"""Networks that read the classes of photos, to judge translations of label maps by.

A segmenter is called with uint8 pixels (H, W, 3) and answers with a class of its palette for each, int (H, W). It is

- "own": a small U-Net, trained here on the set's own training pairs, see `own`;
- "hub:PRESET": an image segmenter of KerasHub, such as hub:segformer_b0_cityscapes_1024 or hub:FOLDER of a preset;
- FILE.keras: any Keras model, images -> logits, probabilities (B, H, W, K) or integer classes (B, H, W).

The K classes are the palette's, in its order.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfi2i.data import images
from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import Prepared, Preprocess
from tfi2i.errors import UserError
from tfi2i.evaluation.palettes import LOOKED_AT

RANGES = {"-1..1": (2 / 255, -1.0), "0..1": (1 / 255, 0.0), "0..255": (1.0, 0.0)}  # factor and shift of pixels
# A training takes as long for 400 images as for 3,000.
STEPS, BATCH, RATE = 1000, 8, 2e-3
WIDTHS = (32, 64, 96, 128)  # of the U-Net's levels, from half the image's side on
STRIDE = 2 ** len(WIDTHS)


class Segmenter:
    """What reads the classes of photos.

    Args:
        network: float32 (1, h, w, C) -> (1, h', w', K) or integers (1, h', w'); its answers are resized to the photo.
        palette: of the K classes.
        name: for errors and protocols.
        size: (h, w) that the network takes, or None where it takes any.
        channels: 3, or 1 for networks that read grey pictures.
        prepare: float32 pixels (1, h, w, C) in [0, 255] -> what the network reads.
    """

    def __init__(self, network, palette, name, size=None, channels=3, prepare=lambda pixels: pixels):
        self.network = tf.function(lambda x: network(x, training=False), reduce_retracing=True)
        self.palette, self.name = palette, name
        self.size, self.channels, self.prepare = size, channels, prepare

    def __call__(self, pixels):
        """int32 (H, W) in 0..K-1 of uint8 pixels (H, W, 3).

        Raises: `UserError` where the network can't read them, or its answer isn't one of the palette's classes.
        """
        height, width = pixels.shape[:2]
        if self.size and (height, width) != self.size:
            pixels = images.resize(pixels, *self.size, "bilinear")
        read = images.with_channels(pixels, self.channels).astype(np.float32)[None]
        try:
            answer = self.network(tf.convert_to_tensor(self.prepare(read)))
        except Exception as error:  # whatever somebody's network raises
            raise UserError(
                f"{self.name}: cannot read a picture of {read.shape[1]} x {read.shape[2]} ({_reason(error)}); "
                "translate in another size, or use a segmenter with a fixed input size, to which pictures are resized"
            ) from error
        return self._classes(answer, height, width)

    def _classes(self, answer, height, width):
        count = len(self.palette)
        if answer.dtype.is_integer:
            classes = answer if answer.shape.rank == 4 else answer[..., None]
            classes = tf.image.resize(classes, (height, width), "nearest")
            classes = classes.numpy()[0, ..., 0].astype(np.int32)
            if classes.min() < 0 or classes.max() >= count:
                raise self._other_classes(f"a class {classes.max() if classes.max() >= count else classes.min()}")
            return classes
        if answer.shape.rank != 4 or answer.shape[-1] != count:
            raise self._other_classes(f"an answer of shape {tuple(answer.shape)}")
        logits = tf.image.resize(tf.cast(answer, tf.float32), (height, width))
        return tf.argmax(logits, -1, tf.int32).numpy()[0]

    def _other_classes(self, received):
        return UserError(
            f"{self.name}: other classes than those of the palette {self.palette.name} (expected answers (B, H, W, "
            f"{len(self.palette)}), or integers below {len(self.palette)}, received {received}); use a segmenter of "
            "these classes, in this order, or the palette that it was trained with"
        )


def open_segmenter(name, palette, input_range="-1..1"):
    """The `Segmenter` of a .keras file or of "hub:PRESET".

    Args:
        input_range: what a .keras file reads, a key of `RANGES`; a preset knows.

    Raises: `UserError` where it can't be read, or has another number of classes than the palette.
    """
    if str(name).startswith("hub:"):
        return _of_hub(str(name).removeprefix("hub:"), palette)
    if input_range not in RANGES:
        raise UserError(f"input range (expected one of {', '.join(RANGES)}, received {input_range})")
    path = Path(name)
    if not path.is_file() or path.suffix != ".keras":
        raise UserError(f"{path}: no segmenter (expected own, hub:PRESET or a .keras file)")
    try:
        network = keras.models.load_model(path, compile=False)
    except Exception as error:  # a zip's, HDF5's or Keras' own
        raise UserError(
            f"{path}: cannot be read as a Keras model ({_reason(error)}); save it again with model.save"
        ) from error
    return _of_network(network, palette, str(path), input_range)


def _of_network(network, palette, name, input_range="-1..1"):
    inputs, outputs = ([tuple(x.shape) for x in getattr(network, part, None) or []] for part in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0]) != 4 or inputs[0][-1] not in (1, 3):
        raise UserError(
            f"{name}: no network of pictures (expected one input (B, H, W, 3 or 1) and one output, received inputs "
            f"{inputs} and outputs {outputs}); wrap it in a keras.Model of that form"
        )
    _, height, width, channels = inputs[0]
    scale, shift = RANGES[input_range]
    size = (height, width) if height and width else None
    segmenter = Segmenter(network, palette, name, size, channels, lambda pixels: pixels * scale + shift)
    output = network.outputs[0]
    if "int" not in output.dtype and (len(output.shape) != 4 or output.shape[-1] != len(palette)):
        raise segmenter._other_classes(f"an answer of shape {tuple(output.shape)}")
    return segmenter


def _of_hub(preset, palette):
    try:
        import keras_hub
    except Exception as error:  # TensorFlow's own, too, where tensorflow-text was built for another one
        raise UserError(
            f"hub:{preset} needs KerasHub, which cannot be imported ({_reason(error)}); pip install 'tfi2i[hub]'"
        ) from error
    try:
        task = keras_hub.models.ImageSegmenter.from_preset(preset)
    except Exception as error:  # a download's, a missing folder's or KerasHub's own
        raise UserError(
            f"hub:{preset}: cannot be read as an image segmenter ({_reason(error)}); expected a preset of KerasHub "
            "such as hub:segformer_b0_cityscapes_1024, or the folder of one"
        ) from error
    if task.preprocessor is None or task.preprocessor.image_converter is None:
        raise UserError(f"hub:{preset}: no preprocessor in it, so that its input range is unknown; save it with one")
    converter = task.preprocessor.image_converter
    # Where the sides' proportions differ, KerasHub would cut the picture or pad it, and the answer would lie elsewhere.
    fixed = task.inputs[0].shape[1:3]
    size = converter.image_size or (tuple(fixed) if all(fixed) else None)
    segmenter = Segmenter(task, palette, f"hub:{preset}", size, prepare=task.preprocessor)
    count = task.outputs[0].shape[-1]
    if count != len(palette):
        raise segmenter._other_classes(f"{count} classes")
    return segmenter


def own(source, side, palette, size, folder):
    """A `Segmenter` that is trained on the pairs of `source`, photo -> classes, and kept in `folder`.

    A second call with the same pairs, palette and size reads what the first one has trained; the same pairs give the
    same network. It is no FCN of Cityscapes: its numbers compare models that it has judged, beside what it reads in
    real photos, and nothing else.

    Args:
        source: training pairs {"A", "B"}.
        side: "A" or "B", which of them are label maps.
        size: the side of the square pictures that it reads; others are resized.

    Raises: `UserError` where A and B of the set don't belong together.
    """
    if not getattr(source, "aligned", True):
        raise UserError(
            "a segmenter of one's own learns from pairs of a photo and its label map (received a set whose A and B "
            "don't belong together); give a .keras file or hub:PRESET"
        )
    size = max(2, round(size / STRIDE)) * STRIDE
    file = Path(folder) / f"segmenter_{_digest(source, side, palette, size)}.keras"
    if file.exists():
        network = keras.models.load_model(file, compile=False)
    else:
        print(f"tfi2i: training a segmenter on {len(source)} pairs at {size} px, kept as {file}", file=sys.stderr)
        network = _fitted(PhotosAndClasses(source, side, palette, size), size, len(palette))
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{os.getpid()}_{file.name}")
        network.save(aside)
        aside.replace(file)
    return _of_network(network, palette, str(file))


class PhotosAndClasses(Prepared):
    """Pairs of a photo "x" and the classes of its label map "y", float32 (H, W), 255 where there is none."""

    def __init__(self, source, side, palette, size):
        self.side, self.palette = side, palette
        larger = size + max(1, size // 8)
        direction = "AtoB" if side == "B" else "BtoA"
        super().__init__(source, Preprocess(direction, load_size=larger, crop_size=size, output_nc=1), True)

    def _prepare(self, example):
        photo, labels = (images.to_uint8(example[key]) for key in ("BA" if self.side == "A" else "AB"))
        photo, labels = (self._resized(images.with_channels(part, 3)) for part in (photo, labels))
        # IGNORED, -1, becomes 255: whatever is cut and mirrored together has one type.
        return photo, self.palette.classes(labels)[..., None].astype(np.uint8)

    def _named(self, parts):
        photo, classes = parts
        return super()._named([photo, tf.cast(classes[..., 0], tf.float32)])


def _reason(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _digest(source, side, palette, size):
    """Of what the network depends on; of the pictures, of a few."""
    facts = [palette.names, palette.colours, palette.ignored, side, size, STEPS, BATCH, RATE, WIDTHS, len(source)]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for i in np.linspace(0, len(source) - 1, min(len(source), LOOKED_AT)).astype(int).tolist():
        for part in source[i].values():
            digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()[:12]


def _fitted(examples, size, count):
    network = _unet(size, count)
    rate = keras.optimizers.schedules.CosineDecay(RATE, STEPS)
    network.compile(keras.optimizers.Adam(rate), loss=_cross_entropy, jit_compile=False)
    batches = stream(examples, BATCH, seed=0).map(lambda batch: (batch["x"], batch["y"]))
    network.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    return network


def _unet(size, count):
    """Images (B, size, size, 3) in [-1, 1] -> logits (B, size, size, count).

    The levels begin at half the side, which costs a quarter.
    """
    seeds = iter(range(100))

    def conv(x, width, kernel=3, strides=1, **options):
        kernel_initializer = keras.initializers.HeNormal(next(seeds))
        return layers.Conv2D(width, kernel, strides, padding="same", kernel_initializer=kernel_initializer, **options)(
            x
        )

    def block(x, width, strides=1):
        x = conv(x, width, strides=strides, use_bias=False)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))

    x = image = keras.Input((size, size, 3))
    skips = []
    for width in WIDTHS:
        x = block(block(x, width, strides=2), width)
        skips.append(x)
    for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = layers.UpSampling2D(interpolation="bilinear")(conv(x, width, 1))
        x = block(layers.Concatenate()([x, skip]), width)
    return keras.Model(image, layers.UpSampling2D(interpolation="bilinear")(conv(x, count, 1)))


def _cross_entropy(classes, logits):
    """Mean over the pixels that have a class."""
    counted = tf.cast(classes < 255.0, tf.float32)
    classes = tf.cast(classes * counted, tf.int32)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
    return tf.reduce_sum(each * counted) / tf.maximum(tf.reduce_sum(counted), 1.0)
