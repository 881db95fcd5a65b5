"""From a source of images to batches: a pure function of (seed, epoch, index), with no state to save.

A *source* is any random-access sequence: `len(source)`, `source[i]` -> {"A": pixels, "B": pixels} as uint8 or uint16
arrays (H, W, C), and `source.name(i)`; `source.aligned` is False where A and B of an example don't belong together.
Models that learn from pairs see `source[i]`; for the others A and B are drawn apart, each in an order of its own,
and cut and mirrored apart, whether the source is aligned or not. Everything fixed (decoding, resizing) happens in
`Prepared`, once, and is
kept in memory; everything random happens after it, in stateless TensorFlow operations.
"""

import dataclasses
import difflib
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tfi2i.data import images
from tfi2i.data.folders import domains
from tfi2i.errors import UserError
from tfi2i.options import PREPROCESS, validate


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes what the network sees; the fields are the PyTorch program's options.

    preprocess: one of
        "resize_and_crop": to load_size x load_size, then a random crop of crop_size x crop_size;
        "crop": a random crop of the image as it is;
        "scale_width": to the width load_size, keeping the proportions;
        "scale_width_and_crop": both;
        "scale_shortside_and_crop": the shorter side to load_size, keeping the proportions, then a random crop;
        "none": as it is.
    Modes that don't end in a crop round both sides to a multiple of the network's stride and need batch_size 1 where
    the images differ in size. For testing there is nothing random: "resize_and_crop" resizes straight to crop_size,
    as the official test script does, and other crops are central.
    """

    direction: Literal["AtoB", "BtoA"] = "AtoB"
    preprocess: PREPROCESS = "resize_and_crop"
    load_size: int = 286
    crop_size: int = 256
    no_flip: bool = False
    input_nc: int = 3
    output_nc: int = 3

    @classmethod
    def of(cls, config):
        """The preprocessing fields of a model's Config; a model of both directions has no `direction`."""
        return cls(**{f.name: getattr(config, f.name) for f in dataclasses.fields(cls) if hasattr(config, f.name)})

    @property
    def crops(self):
        return self.preprocess.endswith("crop")

    def __post_init__(self):
        validate(self)
        if self.preprocess == "resize_and_crop" and self.load_size < self.crop_size:
            raise UserError(
                f"--crop_size={self.crop_size} is larger than --load_size={self.load_size}; lower it or raise that"
            )


class Prepared:
    """A source with everything done that is not random, for training or for testing.

    Args:
        source: of {"A", "B"}, or of single images, {"image"}.
        preprocess: `Preprocess`.
        training: leave room for the random crop.
        multiple: of the sides of an image that is not cropped: the network's stride.
        skip_bad: go on with the next image where one can't be read, and count; otherwise the error is raised.
        cache_bytes: how much to keep in memory; what comes after is prepared anew each time.
        channels: of each image; by default those of x and y.

    `prepared[i]` -> (x, y), or (image,), arrays (H, W, C) of one dtype, uint8 or uint16. `bad` holds {index: reason} of
    what was skipped.
    """

    def __init__(self, source, preprocess, training, multiple=1, skip_bad=False, cache_bytes=2**31, channels=None):
        self.source, self.preprocess, self.training, self.multiple = source, preprocess, training, multiple
        self.channels = channels or (preprocess.input_nc, preprocess.output_nc)
        self.aligned = getattr(source, "aligned", True)
        self.skip_bad, self.cache_bytes = skip_bad, cache_bytes
        self.bad, self.error = {}, None
        self._cache, self._cached_bytes, self._lock = {}, 0, threading.Lock()
        if not len(source):
            raise UserError("the data set holds no images")
        self.dtype = None  # until the first image has been seen
        self.dtype = self._read(0)[0].dtype

    def __len__(self):
        return len(self.source)

    def name(self, index):
        return self.source.name(index)

    def __getitem__(self, index):
        if index not in self._cache:
            example = self._read(index)
            with self._lock:
                size = sum(image.nbytes for image in example)
                if index in self._cache or self._cached_bytes + size > self.cache_bytes:
                    return example
                self._cache[index] = example
                self._cached_bytes += size
        return self._cache[index]

    def _read(self, index):
        for candidate in (*range(index, len(self)), *range(index)):
            if candidate in self.bad:
                continue
            try:
                return self._prepare(self.source[candidate])
            except UserError as error:
                if not self.skip_bad:
                    self.error = error  # TensorFlow would pass on its text alone
                    raise
                self.bad[candidate] = str(error)
                print(f"tfi2i: skipped: {error}", file=sys.stderr)
        raise UserError(f"no image of the data set can be read; the first: {self.bad[0]}")

    def _prepare(self, example):
        keys = {"AtoB": "AB", "BtoA": "BA"}[self.preprocess.direction] if "A" in example else ["image"]
        parts = [images.with_channels(example[k], n) for k, n in zip(keys, self.channels, strict=True)]
        return tuple(_with_dtype(self._resized(part), self.dtype or parts[0].dtype) for part in parts)

    def _resized(self, image):
        p, (height, width) = self.preprocess, image.shape[:2]
        if p.preprocess == "resize_and_crop":
            height = width = p.load_size if self.training else p.crop_size
        elif p.preprocess.startswith("scale_width"):
            height, width = max(p.crop_size, round(p.load_size * height / width)), p.load_size
        elif p.preprocess == "scale_shortside_and_crop":
            scale = p.load_size / min(height, width)
            height, width = round(height * scale), round(width * scale)
        if not p.crops:
            height, width = (max(1, round(side / self.multiple)) * self.multiple for side in (height, width))
        if (height, width) != image.shape[:2]:
            image = images.resize(image, height, width)
        if p.crops and not self.training:
            image = _central_crop(image, p.crop_size)
        if p.crops and min(image.shape[:2]) < p.crop_size:
            raise UserError(
                f"an image of {width} x {height} is smaller than --crop_size={p.crop_size}; "
                "lower it or use --preprocess=resize_and_crop"
            )
        return image


class DrawnApart:
    """Two prepared domains whose images are drawn independently of each other; as long as the larger one.

    Args:
        source: of {"A", "B"}, aligned or not.
        preprocess, training, options: as for `Prepared`.
    """

    def __init__(self, source, preprocess, training, cache_bytes=2**31, **options):
        options |= {"cache_bytes": cache_bytes // 2}
        a, b = domains(source)
        self.x = Prepared(a, preprocess, training, channels=(preprocess.input_nc,), **options)
        self.y = Prepared(b, preprocess, training, channels=(preprocess.output_nc,), **options)
        self.preprocess = preprocess

    def __len__(self):
        return max(len(self.x), len(self.y))

    @property
    def bad(self):
        return {("A", i): reason for i, reason in self.x.bad.items()} | {
            ("B", i): reason for i, reason in self.y.bad.items()
        }

    @property
    def error(self):
        return self.x.error or self.y.error


def stream(prepared, batch_size, seed, start_step=0, worker=0, workers=1, replicas=1):
    """Endless batches for training, the same for the same arguments, from any step on.

    Each epoch is a permutation of the set, or of each domain, that depends on (seed, epoch) alone, and each image's
    crop and flip
    on (seed, its place in the whole sequence) alone. Epochs follow one another without a gap, so a batch may hold the
    end of one and the beginning of the next.

    Args:
        prepared: `Prepared` or `DrawnApart`, for training.
        batch_size: images a step over all workers and replicas.
        start_step: the first step to give.
        worker, workers, replicas: this process' number, how many there are, and how many replicas each of them feeds;
            every replica gets its own share of each step's images, as batches of batch_size / (workers replicas).

    Returns: a tf.data.Dataset of {"x", "y"}, float32 (B, H, W, C) in [-1, 1].
    """
    import tensorflow as tf

    shares = workers * replicas
    if batch_size % shares:
        raise UserError(f"--batch_size={batch_size} can't be shared by {shares} devices; give a multiple of {shares}")
    local = batch_size // workers

    def place(position):  # among this worker's images -> in the whole sequence
        return position // local * batch_size + worker * local + position % local

    def example(position):
        return _augmented(prepared, place(position), seed)

    positions = tf.data.Dataset.range(start_step * local, np.iinfo(np.int64).max)
    dataset = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.batch(batch_size // shares, drop_remainder=True).prefetch(4).with_options(options)


def load(dataset, split="train", config=None, *, batch_size=None, seed=0, task=None, **preprocess):
    """A finite tf.data.Dataset for `model.fit`: batches {"x", "y"}, float32 (B, H, W, C) in [-1, 1].

    Args:
        dataset: a name from `tfi2i list`, or the path of a folder of pairs or of two domains.
        split: "train" (shuffled anew each epoch, random crops and flips) or "val", "test" (in order, nothing random).
        config: a model's config, `model.config`, which says whether it learns from pairs, how its images are prepared
            and how many make a batch.
        batch_size: images a batch, if not those of `config`, or 1; only in "val" and "test" the last batch may
            be smaller.
        seed: of the order, the crops and the flips.
        task: make the pairs out of single photos: "grey_to_colour", "inpainting", "edges_to_photo".
        preprocess: fields of `Preprocess`, such as load_size=72, direction="BtoA", if not those of `config`.

    Raises: `UserError` for an unknown data set or option, or a folder in which no pairs are found.
    """
    import tensorflow as tf

    unknown = preprocess.keys() - {f.name for f in dataclasses.fields(Preprocess)}
    if unknown:
        raise UserError(f"unknown option of data.load: {', '.join(sorted(unknown))}; see tfi2i.data.Preprocess")
    start = Preprocess.of(config) if config else Preprocess()
    preprocess, training = dataclasses.replace(start, **preprocess), split == "train"
    batch_size = batch_size or getattr(config, "batch_size", 1)
    source = open_source(dataset, split, preprocess, task=task, paired=is_paired(config))
    prepared = (DrawnApart if training and not is_paired(config) else Prepared)(source, preprocess, training)
    count = len(prepared)
    if training:
        # Each pass draws its own number, which offsets the sequence to an epoch of its own.
        epochs = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1).map(lambda e: e % 2**20)
        indices = epochs.flat_map(lambda epoch: tf.data.Dataset.range(count).map(lambda i: epoch * count + i))
        examples = indices.map(lambda i: _augmented(prepared, i, seed), tf.data.AUTOTUNE)
    else:
        examples = tf.data.Dataset.range(count).map(lambda i: _as_batch(*_read(prepared, i)), tf.data.AUTOTUNE)
    examples = examples.apply(tf.data.experimental.assert_cardinality(count))
    return examples.batch(batch_size, drop_remainder=training).prefetch(4)


def is_paired(config):
    """Whether the model of a config learns from pairs; those that don't say so in their Config."""
    return getattr(config, "paired", True)


def open_source(dataset, split, preprocess, *, task=None, paired=True):
    """The source behind a name of the catalog or a folder; see the module's first lines for what a source is.

    A set that is drawn by the package is drawn at the size that is asked for.
    """
    from tfi2i.data.catalog import CATALOG, open_named
    from tfi2i.data.derived import DerivedPairs
    from tfi2i.data.folders import ImageFolder, open_folder

    dataset = str(dataset)
    if dataset in CATALOG:
        if paired and not CATALOG[dataset].paired:
            raise UserError(
                f"{dataset} has no pairs, and this model learns from pairs; see `tfi2i list` for other sets"
            )
        return open_named(dataset, split, size=preprocess.load_size if split == "train" else preprocess.crop_size)
    if not Path(dataset).is_dir():
        near = difflib.get_close_matches(dataset, CATALOG, 1)
        hint = f"did you mean {near[0]}?" if near else "see `tfi2i list`"
        raise UserError(
            f"no such data set or folder: {dataset} (expected a folder, or one of {', '.join(CATALOG)}); {hint}"
        )
    if task:
        return DerivedPairs(ImageFolder(dataset, split), task)
    return open_folder(dataset, split, paired=paired)


def to_float(pixels):
    """uint8 or uint16 pixels -> float32 in [-1, 1]."""
    return pixels.astype(np.float32) / (np.iinfo(pixels.dtype).max / 2) - 1.0


def to_pixels(image, dtype=np.uint8):
    """float in [-1, 1] -> the nearest uint8 or uint16 pixels; what lies outside is clipped."""
    largest = np.iinfo(dtype).max
    return np.round((np.clip(np.asarray(image, np.float32), -1.0, 1.0) + 1.0) * (largest / 2)).astype(dtype)


def _augmented(prepared, place, seed):
    """The example at `place` of the endless sequence."""
    if isinstance(prepared, DrawnApart):
        return _as_batch(*_drawn(prepared.x, place, seed, 0), *_drawn(prepared.y, place, seed, 2))
    return _as_batch(*_drawn(prepared, place, seed, 0))


def _drawn(prepared, place, seed, salt):
    """The images at `place` of the endless sequence: which they are, their one crop and their one flip."""
    import tensorflow as tf

    count = len(prepared)
    fold = tf.random.experimental.stateless_fold_in
    order = fold(tf.constant([seed, salt], tf.int64), place // count)
    index = tf.random.experimental.index_shuffle(place % count, order, tf.constant(count - 1, tf.int64))
    draws = fold(tf.constant([seed, salt + 1], tf.int64), place)
    joined, p = tf.concat(_read(prepared, index), -1), prepared.preprocess  # so that all are cut and mirrored alike
    if p.crops:
        shape = [p.crop_size, p.crop_size, sum(prepared.channels)]
        joined = tf.image.stateless_random_crop(joined, shape, fold(draws, 0))
    if not p.no_flip:
        joined = tf.image.stateless_random_flip_left_right(joined, fold(draws, 1))
    return tf.split(joined, prepared.channels, -1)


def _read(prepared, index):
    import tensorflow as tf

    # Declared stateless, which it is, so that calls run side by side when determinism is asked for.
    dtypes = [prepared.dtype] * len(prepared.channels)
    parts = tf.numpy_function(prepared.__getitem__, [index], dtypes, stateful=False)
    p = prepared.preprocess
    size = p.crop_size if p.crops and not prepared.training else None
    for part, channels in zip(parts, prepared.channels, strict=True):
        part.set_shape([size, size, channels])
    return parts


def _as_batch(x, y):
    import tensorflow as tf

    return {k: tf.cast(v, tf.float32) / (v.dtype.max / 2) - 1.0 for k, v in (("x", x), ("y", y))}


def _with_dtype(image, dtype):
    if image.dtype == dtype:
        return image
    return images.to_uint8(image) if dtype == np.uint8 else image.astype(np.uint16) * 257


def _central_crop(image, size):
    top, left = ((side - size) // 2 for side in image.shape[:2])
    return image[max(0, top) : max(0, top) + size, max(0, left) : max(0, left) + size]
