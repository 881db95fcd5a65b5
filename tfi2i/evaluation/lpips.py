"""LPIPS v0.1 (Zhang et al. 2018): how far two pictures are apart in the features of a network for ImageNet.

    d(x, y) = sum_l mean_hw |w_l * (f_l(x) - f_l(y))|^2,    f_l of length 1 over channels at each place   (eq. 1)

The authors' files hold the squares of w_l. The features are those of torchvision's AlexNet, VGG16 or SqueezeNet 1.1,
read from its own files. Version 0.0, that of BicycleGAN's published numbers, didn't bring pictures to ImageNet's range
and gives others, there less than half as large: they can't be compared with these, nor, it seems, can MUNIT's.
"""

from functools import partial

import numpy as np
import tensorflow as tf

from tfi2i.data.download import sha256_of
from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.similarity import Metric, check_alike, signed
from tfi2i.evaluation.weights import weight_file
from tfi2i.interop import pytorch_file

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
EPSILON = 1e-10  # of the official program, added to the length
BATCH = 8  # pairs that go through the network at a time: of them, a layer of VGG16 takes 1 GB at 512 px
PAIRS = 19  # of answers to one input, in MUNIT and BicycleGAN
PAIRS_OF_SET = 1000  # of answers to 100 inputs, in DRIT


class Lpips:
    """The distance between pictures: `Lpips()(x, y)`, batches (B, H, W, 3 or 1) -> float32 (B,), 0 for equal ones.

    Batches are uint8, or floats in [-1, 1]; grey is repeated. Raises `UserError` for batches of two shapes, values that
    are not finite, and pictures that the network has no features of.

    Args:
        net: "alex", which the authors recommend for measuring, "vgg" or "squeeze".
        folder: where the files of weights lie, as of `weight_file`.

    Attributes:
        sha256: {file: SHA-256} of the features' and the linear layers' weights. identity: the same, and what it is, in
        a line. metric: itself as a `Metric`, for one pair. least: the smallest side of a picture.
    """

    def __init__(self, net="alex", folder=None):
        if net not in NETWORKS:
            raise UserError(f"LPIPS: which network? (expected one of {', '.join(NETWORKS)}, received {net})")
        file, _, self.least = NETWORKS[net]
        files = [weight_file(name, folder) for name in (file, f"lpips_{net}")]
        self.net, self.sha256 = net, {path.name: sha256_of(path) for path in files}
        self.identity = f"LPIPS v0.1 {net}: " + ", ".join(f"{name} {value}" for name, value in self.sha256.items())
        self._distance = distance(net, *map(pytorch_file.load, files))

    @property
    def metric(self):
        protocol = f"LPIPS v0.1, {self.net}, at the pictures' own size"
        return Metric(self._of_one_pair, "", 0, float("inf"), "lower", self.least, protocol)

    def __call__(self, x, y):
        x, y = np.asarray(x), np.asarray(y)
        check_alike(x, y)
        if x.ndim != 4 or x.shape[-1] not in (1, 3) or min(x.shape[1:3]) < self.least:
            raise UserError(
                f"LPIPS {self.net} (expected batches of pictures of 1 or 3 channels and at least {self.least} x "
                f"{self.least} pixels, received {' x '.join(map(str, x.shape))}); take larger pictures or leave it out"
            )
        parts = [slice(k, k + BATCH) for k in range(0, len(x), BATCH)]
        return np.concatenate([self._distance(_rgb(x[part]), _rgb(y[part])) for part in parts])

    def _of_one_pair(self, x, y, crop):
        inner = np.s_[None, crop:-crop, crop:-crop] if crop else np.s_[None]
        return float(self(np.asarray(x)[inner], np.asarray(y)[inner])[0])


def diversity(lpips, answers, seed=0):
    """How different a model's answers to one input are in different random styles, as in MUNIT (sec. 5.2).

    There: 100 inputs, and for each 19 pairs of answers in two random styles each, 1,900 pairs in all.

    Args:
        answers: iterable over inputs; for each an array (2 P, H, W, C) of the answers in as many styles, of which the
            first and the second are a pair, the third and the fourth, and so on. P is `PAIRS` in the paper.

    Returns: {"value", "std", "low", "high", "n"}: the mean over inputs of their pairs' mean distance, n inputs, which
    are what is resampled for the interval. Raises: `UserError` for no inputs, or an odd number of answers.
    """
    means = []
    for of_one in answers:
        if not len(of_one) or len(of_one) % 2:
            raise UserError(f"diversity of answers to an input (expected pairs of them, received {len(of_one)})")
        means.append(np.mean(lpips(of_one[0::2], of_one[1::2]), dtype=np.float64))
    if not means:
        raise UserError("diversity (expected the answers to at least one input, received none)")
    return interval.measured(means, seed)


def diversity_of_set(lpips, images, pairs=PAIRS_OF_SET, seed=0):
    """How different pictures of a set are from one another, as in DRIT, also of real ones.

    There: 1,000 pairs drawn from the answers to 100 inputs, one each. Pairs are drawn with the seed, apart from one
    another and each of two pictures; all that there are, if that is less.

    Args:
        images: a sequence of pictures of one size, uint8 or floats in [-1, 1].

    Returns: as `diversity`, "std" over pairs and n pictures, which are what is resampled for the interval.
    """
    count = len(images)
    if count < 2:
        raise UserError(f"diversity of a set (expected at least 2 pictures, received {count})")
    first, second = np.triu_indices(count, 1)
    chosen = np.random.default_rng(seed).permutation(len(first))[:pairs]
    first, second = first[chosen], second[chosen]
    found = np.array([float(lpips(images[i][None], images[j][None])[0]) for i, j in zip(first, second, strict=True)])
    value = float(found.mean())

    def resampled(drawn):
        times = np.bincount(drawn, minlength=count)
        weights = times[first] * times[second]
        return float(found @ weights / weights.sum()) if weights.any() else value

    low, high = interval.of_statistic(resampled, count, value, seed)
    return {"value": value, "std": float(found.std()), "low": low, "high": high, "n": count}


def distance(net, features, linear):
    """The function of two batches (B, H, W, 3), float32 in [-1, 1], -> float32 (B,), NumPy.

    Args:
        features: torchvision's state dict of the network; its classifier isn't needed.
        linear: the authors' state dict of its linear layers, {"lin0.model.1.weight": (1, C, 1, 1), ...}.
    """
    taps = NETWORKS[net][1]
    filters = {
        key: tf.constant(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value, tf.float32)
        for key, value in features.items()
        if key.startswith("features.")
    }
    weights = [tf.constant(linear[f"lin{k}.model.1.weight"].reshape(-1), tf.float32) for k in range(len(linear))]
    pictures = tf.TensorSpec([None, None, None, 3], tf.float32)

    @tf.function(input_signature=[pictures, pictures], jit_compile=False)
    def between(x, y):
        both = (tf.concat([x, y], 0) - SHIFT) / SCALE
        total = 0.0
        for tap, weight in zip(taps(both, partial(_convolved, filters)), weights, strict=True):
            length = tf.sqrt(tf.reduce_sum(tf.square(tap), -1, keepdims=True))
            of_x, of_y = tf.split(tap / (length + EPSILON), 2)
            total += tf.reduce_mean(tf.linalg.matvec(tf.square(of_x - of_y), weight), [1, 2])
        return total

    return lambda x, y: between(x, y).numpy()


def _convolved(filters, x, layer, stride=1, padding=0):
    """ReLU of a convolution of torchvision's, by its name there; zeros around the picture."""
    around = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    x = tf.nn.conv2d(x, filters[f"features.{layer}.weight"], stride, around)
    return tf.nn.relu(x + filters[f"features.{layer}.bias"])


def _alexnet(x, conv):
    relu1 = conv(x, 0, stride=4, padding=2)
    relu2 = conv(tf.nn.max_pool2d(relu1, 3, 2, "VALID"), 3, padding=2)
    relu3 = conv(tf.nn.max_pool2d(relu2, 3, 2, "VALID"), 6, padding=1)
    relu4 = conv(relu3, 8, padding=1)
    return relu1, relu2, relu3, relu4, conv(relu4, 10, padding=1)


def _vgg16(x, conv):
    """relu1_2, relu2_2, relu3_3, relu4_3, relu5_3."""
    taps = []
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        if taps:
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        for layer in block:
            x = conv(x, layer, padding=1)
        taps.append(x)
    return taps


def _squeezenet(x, conv):
    def fire(x, layer):
        x = conv(x, f"{layer}.squeeze")
        return tf.concat([conv(x, f"{layer}.expand1x1"), conv(x, f"{layer}.expand3x3", padding=1)], -1)

    def pooled(x):
        """A window that begins inside counts, as with PyTorch's `ceil_mode`; what is pooled is not negative."""
        return tf.nn.max_pool2d(tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]]), 3, 2, "VALID")

    taps = [conv(x, 0, stride=2)]
    for layers in ((3, 4), (6, 7)):
        x = pooled(taps[-1])
        for layer in layers:
            x = fire(x, layer)
        taps.append(x)
    x = pooled(x)
    for layer in (9, 10, 11, 12):
        x = fire(x, layer)
        taps.append(x)
    return taps


# The file of the features, the function to the layers that are compared, and the least side that leaves them a pixel.
NETWORKS = {
    "alex": ("alexnet", _alexnet, 31),
    "vgg": ("vgg16", _vgg16, 16),
    "squeeze": ("squeezenet1_1", _squeezenet, 17),
}


def _rgb(batch):
    batch = signed(batch).astype(np.float32)
    return batch if batch.shape[-1] == 3 else np.repeat(batch, 3, -1)
