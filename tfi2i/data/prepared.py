"""Sources made ready for a model: read, brought to size and kept in memory, then cut and mirrored at random.

Everything fixed (decoding, resizing) happens once, in NumPy; everything random happens after it, in stateless
TensorFlow operations, and is a function of (seed, place in the endless sequence) alone. Each class serves one kind of
model; `KINDS` names them.
"""

import dataclasses
import sys
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfi2i.data import images
from tfi2i.data.folders import domains
from tfi2i.data.resampling import bicubic_matrix, shrink
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
        "square": the central square, to crop_size x crop_size, nothing random;
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
    scale: int = 1  # super-resolution: how many times smaller the input is

    @classmethod
    def of(cls, config):
        """The preprocessing fields of a model's Config; a model of both directions has no `direction`."""
        return cls(**{f.name: getattr(config, f.name) for f in dataclasses.fields(cls) if hasattr(config, f.name)})

    @property
    def crops(self):
        return self.preprocess.endswith("crop")

    def same_size(self, fields):
        """Whether images brought to size for training by these fields, a dict, are those of this `Preprocess`."""
        sides = {"square": ["crop_size"], "scale_width_and_crop": ["load_size", "crop_size"]}
        names = ["preprocess", *sides.get(self.preprocess, ["load_size"])]
        return all(fields[name] == getattr(self, name) for name in names)

    def drawn_size(self, split):
        """The side at which a set that is drawn by the package draws its images; a crop is of images of one scale."""
        if self.preprocess == "crop":
            return self.load_size
        return self.load_size if split == "train" and self.preprocess != "square" else self.crop_size

    def __post_init__(self):
        validate(self)
        if self.preprocess == "resize_and_crop" and self.load_size < self.crop_size:
            raise UserError(
                f"--crop_size={self.crop_size} is larger than --load_size={self.load_size}; lower it or raise that"
            )


class Prepared:
    """A source with everything done that is not random, for training or for testing: pairs {"x", "y"}.

    Args:
        source: of the examples that `_prepare` takes: here {"A", "B"}.
        preprocess: `Preprocess`.
        training: leave room for the random crop.
        multiple: of the sides of an image that is not cropped: the network's stride.
        skip_bad: go on with the next image where one can't be read, and count; otherwise the error is raised.
        cache_bytes: how much to keep in memory; what comes after is prepared anew each time.

    `prepared[i]` -> an array for each of `names`: images (H, W, C) of one dtype, uint8 or uint16, and what belongs to
    them, float32. `bad` holds {index: reason} of what was skipped.
    """

    names = ("x", "y")

    def __init__(self, source, preprocess, training, multiple=1, skip_bad=False, cache_bytes=2**31):
        self.source, self.preprocess, self.training, self.multiple = source, preprocess, training, multiple
        self.aligned = getattr(source, "aligned", True)
        self.skip_bad, self.cache_bytes = skip_bad, cache_bytes
        self.bad, self.error = {}, None
        self._cache, self._cached_bytes, self._lock = {}, 0, threading.Lock()
        if not len(source):
            raise UserError("the data set holds no images")
        self._ready = getattr(source, "resized", None)  # what brought the images to size, if anything did
        if self._ready and not (training and preprocess.same_size(self._ready)):
            done = " ".join(f"--{name}={self._ready[name]}" for name in ("preprocess", "load_size", "crop_size"))
            raise UserError(
                f"these images were prepared for training with {done}, and this asks for others (training with "
                f"--preprocess={preprocess.preprocess} --load_size={preprocess.load_size} "
                f"--crop_size={preprocess.crop_size}, or testing); give the folder that they were made of"
            )
        self.dtype = None  # until the first image has been seen
        first = self._read(0)
        self.dtype, self._shapes = first[0].dtype, [part.shape for part in first]

    @property
    def channels(self):
        """Of the images of an example, which come before anything else in it."""
        return self.preprocess.input_nc, self.preprocess.output_nc

    @property
    def size(self):
        """The side of all images, or None where they may differ."""
        p = self.preprocess
        return p.crop_size if p.preprocess == "square" or (p.crops and not self.training) else None

    def __len__(self):
        return len(self.source)

    def name(self, index):
        return self.source.name(index)

    def __getitem__(self, index):
        if index not in self._cache:
            example = self._read(index)
            with self._lock:
                size = sum(part.nbytes for part in example)
                if index in self._cache or self._cached_bytes + size > self.cache_bytes:
                    return example
                self._cache[index] = example
                self._cached_bytes += size
        return self._cache[index]

    def at(self, index):
        """Example `index`, a tensor, as tensors {name: float32}, images in [-1, 1]; nothing random."""
        return self._named(self._tensors(index))

    def drawn(self, place, seed, salt=0):
        """The example at `place`, a tensor, of the endless sequence: which it is, its one crop and its one flip.

        Args:
            salt: an even number, apart for each of several sources that are drawn side by side.
        """
        import tensorflow as tf

        count, p = len(self), self.preprocess
        fold = tf.random.experimental.stateless_fold_in
        order = fold(tf.constant([seed, salt], tf.int64), place // count)
        index = tf.random.experimental.index_shuffle(place % count, order, tf.constant(count - 1, tf.int64))
        draws = fold(tf.constant([seed, salt + 1], tf.int64), place)
        parts, channels = self._tensors(index), self.channels
        joined = tf.concat(parts[: len(channels)], -1)  # so that all are cut and mirrored alike
        if p.crops:
            joined = tf.image.stateless_random_crop(joined, [p.crop_size, p.crop_size, sum(channels)], fold(draws, 0))
        if not p.no_flip:
            joined = tf.image.stateless_random_flip_left_right(joined, fold(draws, 1))
        return self._named([*tf.split(joined, channels, -1), *parts[len(channels) :]])

    def _named(self, parts):
        """Parts of an example as the batch holds them."""
        return {name: _as_float(part) for name, part in zip(self.names, parts, strict=True)}

    def _tensors(self, index):
        import tensorflow as tf

        count = len(self.channels)
        dtypes = [self.dtype if k < count else np.float32 for k in range(len(self._shapes))]
        # Declared stateless, which it is, so that calls run side by side when determinism is asked for.
        parts = tf.numpy_function(self.__getitem__, [index], dtypes, stateful=False)
        size = self.size
        for k, (part, shape) in enumerate(zip(parts, self._shapes, strict=True)):
            part.set_shape([size, size, self.channels[k]] if k < count else shape)
        return parts

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
        keys = {"AtoB": "AB", "BtoA": "BA"}[self.preprocess.direction]
        return self._resized_all([example[key] for key in keys])

    def _resized_all(self, parts):
        if self._ready and any(part.shape[-1] > n for part, n in zip(parts, self.channels, strict=True)):
            raise UserError("these images were prepared in colour and this asks for grey; give the folder of originals")
        parts = [images.with_channels(part, n) for part, n in zip(parts, self.channels, strict=True)]
        return tuple(_with_dtype(self._resized(part), self.dtype or parts[0].dtype) for part in parts)

    def _resized(self, image):
        return resized(image, self.preprocess, self.training, self.multiple)


class PreparedImages(Prepared):
    """Single images {"x"}; the source's are {"image"}."""

    names = ("x",)

    @property
    def channels(self):
        return (self.preprocess.output_nc,)

    def _prepare(self, example):
        return self._resized_all([example["image"]])


class PreparedDomain(PreparedImages):
    """The images of one of two domains that are drawn apart, of so many channels."""

    def __init__(self, source, channels, *args, **options):
        self._channels = channels
        super().__init__(source, *args, **options)

    @property
    def channels(self):
        return (self._channels,)


class DrawnApart:
    """Two prepared domains whose images are drawn independently of each other; as long as the larger one.

    Args:
        source: of {"A", "B"}, aligned or not.
        preprocess, training, options: as for `Prepared`.
    """

    def __init__(self, source, preprocess, training, cache_bytes=2**31, **options):
        options |= {"cache_bytes": cache_bytes // 2}
        a, b = domains(source)
        self.x = PreparedDomain(a, preprocess.input_nc, preprocess, training, **options)
        self.y = PreparedDomain(b, preprocess.output_nc, preprocess, training, **options)
        self.preprocess = preprocess

    def __len__(self):
        return max(len(self.x), len(self.y))

    def drawn(self, place, seed):
        """As `Prepared.drawn`: {"x", "y"}."""
        return {"x": self.x.drawn(place, seed)["x"], "y": self.y.drawn(place, seed, salt=2)["x"]}

    @property
    def bad(self):
        return {("A", i): reason for i, reason in self.x.bad.items()} | {
            ("B", i): reason for i, reason in self.y.bad.items()
        }

    @property
    def error(self):
        return self.x.error or self.y.error


class PreparedLabelled(PreparedImages):
    """Labelled images {"x", "label"}, the source's {"image", "label"}; of several joined sets also "set", one-hot."""

    def __init__(self, source, *args, **options):
        self.names = ("x", "label", "set") if hasattr(source, "parts") else ("x", "label")
        super().__init__(source, *args, **options)

    def _prepare(self, example):
        return (*self._resized_all([example["image"]]), *(example[name] for name in self.names[1:]))


class PreparedHighResolution(PreparedImages):
    """High-resolution images as "y" and, `scale` times smaller, as "x"; the source's are {"image"}.

    The small ones are made as MATLAB's imresize does, and rounded to whole levels; in training, of the random crop. In
    testing images are whole, but for what their sides have beyond a multiple of `scale`.
    """

    names = ("x", "y")
    size = None

    @property
    def channels(self):
        return (3,) if self.training else (3, 3)

    def _prepare(self, example):
        y, scale = images.with_channels(images.to_uint8(example["image"]), 3), self.preprocess.scale
        if self.training:
            return (self._resized(y),)
        height, width = (side - side % scale for side in y.shape[:2])
        return shrink(y[:height, :width], scale), y[:height, :width]

    def _named(self, parts):
        import tensorflow as tf

        if not self.training:
            return super()._named(parts)
        (y,), size = parts, self.preprocess.crop_size
        weights = tf.constant(bicubic_matrix(size, size // self.preprocess.scale), tf.float32)
        # To whole levels after each axis, as `shrink`.
        x = tf.tensordot(weights, tf.cast(y, tf.float32), 1)
        x = tf.einsum("kl,ilc->ikc", weights, tf.floor(tf.clip_by_value(x, 0.0, 255.0) + 0.5))
        x = tf.floor(tf.clip_by_value(x, 0.0, 255.0) + 0.5)
        return {"x": x / 127.5 - 1.0, "y": _as_float(y)}


# Which of them a model trains on and which it is tested on, by its Config's `kind`.
KINDS = {
    "pairs": (Prepared, Prepared),
    "domains": (DrawnApart, Prepared),
    "images": (PreparedImages, PreparedImages),
    "labelled": (PreparedLabelled, PreparedLabelled),
    "high_resolution": (PreparedHighResolution, PreparedHighResolution),
}


def kind_of_data(config):
    """The kind of data that the model of a config learns from, a key of `KINDS`: its Config's `kind`, or pairs."""
    return getattr(config, "kind", "pairs")


def prepared(source, config, training, preprocess=None, **options):
    """A source as the model of a config takes it, for training or for testing.

    Args:
        preprocess: `Preprocess`, if not that of the config.
        options: of `Prepared`.
    """
    cls = KINDS[kind_of_data(config)][0 if training else 1]
    return cls(source, preprocess or Preprocess.of(config), training, **options)


def resized(image, preprocess, training, multiple=1):
    """uint8 or uint16 (H, W, C) at the size that `preprocess` names, of the same type; nothing random.

    Raises: `UserError` where a crop would be larger than the image.
    """
    p, (height, width) = preprocess, image.shape[:2]
    if p.preprocess == "square":
        image = images.central_crop(image, min(height, width))
        height = width = p.crop_size
    elif p.preprocess == "resize_and_crop":
        height = width = p.load_size if training else p.crop_size
    elif p.preprocess.startswith("scale_width"):
        height, width = max(p.crop_size, round(p.load_size * height / width)), p.load_size
    elif p.preprocess == "scale_shortside_and_crop":
        scale = p.load_size / min(height, width)
        height, width = round(height * scale), round(width * scale)
    if not p.crops and p.preprocess != "square":
        height, width = (max(1, round(side / multiple)) * multiple for side in (height, width))
    if (height, width) != image.shape[:2]:
        image = images.resize(image, height, width)
    if p.crops and not training:
        image = images.central_crop(image, p.crop_size)
    if p.crops and min(image.shape[:2]) < p.crop_size:
        raise UserError(
            f"an image of {width} x {height} is smaller than --crop_size={p.crop_size}; "
            "lower it or use --preprocess=resize_and_crop"
        )
    return image


def to_float(pixels):
    """uint8 or uint16 pixels -> float32 in [-1, 1]."""
    return pixels.astype(np.float32) / (np.iinfo(pixels.dtype).max / 2) - 1.0


def to_pixels(image, dtype=np.uint8):
    """float in [-1, 1] -> the nearest uint8 or uint16 pixels; what lies outside is clipped."""
    largest = np.iinfo(dtype).max
    return np.round((np.clip(np.asarray(image, np.float32), -1.0, 1.0) + 1.0) * (largest / 2)).astype(dtype)


def _as_float(part):
    """Pixels to [-1, 1]; what is float already is no image."""
    import tensorflow as tf

    return part if part.dtype.is_floating else tf.cast(part, tf.float32) / (part.dtype.max / 2) - 1.0


def _with_dtype(image, dtype):
    if image.dtype == dtype:
        return image
    return images.to_uint8(image) if dtype == np.uint8 else image.astype(np.uint16) * 257
