"""DTN: Unsupervised Cross-Domain Image Generation (Taigman, Polyak, Wolf; ICLR 2017), the Domain Transfer Network.

    L_D    = -E_s[ log D_1(G(x)) ] - E_t[ log D_2(G(x)) ] - E_t[ log D_3(x) ]                        (eq. 3)
    L_G    = L_GANG + alpha L_CONST + beta L_TID + gamma L_TV
    L_GANG = -E_s[ log D_3(G(x)) ] - E_t[ log D_3(G(x)) ]                                            (eq. 4)
    L_CONST = E_s[ d(f(x), f(G(x))) ]                                                                (eq. 5)
    L_TID  = E_t[ d_2(x, G(x)) ]                                                                     (eq. 6)
    L_TV   = sum_ij ( (z_i,j+1 - z_ij)^2 + (z_i+1,j - z_ij)^2 )^(1/2),  z = G(x)                     (eq. 7)

An image x of the source s becomes one of the target t, G(x) = g(f(x)). f tells what an image shows; it is trained on
the labels of the source, before, and kept as it is. What G makes shall show the same (L_CONST) and leave images of the
target alone (L_TID); D tells apart what became of the source, what became of the target, and the target itself.

Official code: none was published. The numbers that the paper leaves open are after yunjey/domain-transfer-network (MIT)
and Radford et al. 2016 (DCGAN).

The rows of the paper's table 1: `beta=0` is "without L_TID", `alpha=0` "without L_CONST", both together so too;
`use_f=false` is "G does not contain f": an encoder made like f, learned with g, f being left in L_CONST alone;
`use_f=false ternary=false beta=0` is the baseline R_GAN + alpha R_CONST (eq. 1, 2).

Deviations
- f is trained on the source's training images, the paper's on SVHN's "extra" ones. The paper pools after each of its
  four layers. Here the first three have strides, for XLA has no deterministic gradient of max pooling (with an f of
  yours that pools, a GPU needs --xla=off), and the last is pooled over all that is left: 128 numbers at any size.
- The kernels' sizes, the widths of g and D, Adam's numbers and how long to train aren't in the paper; D has, as DCGAN,
  no norm on its first layer.
- `f_augment` is none of the paper's. An f of USPS alone, whose digits fill the image, is right about 44 % of MNIST's
  and can't tell G what to keep; shifted and shrunk, the same images teach it to be right about 81 %.
- d and d_2 are mean squares over features and pixels, and L_TV is a mean over pixels: one scale for all the weights.
- Features are divided by their root mean square. Those of our f are twice as large on white digits as on the house
  numbers it knows, which left g one picture for all, and alpha would mean another thing for every f.
- G sees x and y as one batch, so that batch norm has the same statistics for both, and those of training when tested.
- Source and target have as many channels, of which digits that are grey hold three alike; the paper's g makes one.
"""

import dataclasses
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import PreparedLabelled
from tfi2i.errors import UserError
from tfi2i.losses.reconstruction import mse
from tfi2i.nn.blocks import as_tested, normalization
from tfi2i.options import option, validate
from tfi2i.training.optimizers import Adam
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers for digits (sec. 5.1) and, where it gives none, others'; see the deviations."""

    kind: ClassVar[str] = "domains"
    preprocess: ClassVar[str] = "square"

    # Networks
    f: str | None = option(
        None, "a Keras file, image (B, H, W, C) in [-1, 1] -> features, used whole; none: trained on labels of A"
    )
    use_f: bool = option(True, "G begins with f; false: with an encoder that is learned with g")
    ternary: bool = option(True, "D knows what became of A from what became of B; false: D is that of a GAN")
    nef: int = option(64, "width of the first layer of our own f; then twice, four times and twice that", least=1)
    ngf: int = option(128, "width of the last hidden layer of g", least=1)
    ndf: int = option(128, "width of the first layer of D", least=1)
    norm: Literal["batch", "instance", "none"] = option("batch", "normalisation in g and D")

    # Objective
    alpha: float = option(15.0, "weight of L_CONST, that f of an image and of its translation agree", least=0)
    beta: float = option(15.0, "weight of L_TID, that images of B stay as they are", least=0)
    gamma: float = option(0.0, "weight of L_TV, that the output is smooth", least=0)

    # Optimisation
    f_iters: int = option(20_000, "steps of the training of our own f", least=1)
    f_augment: bool = option(False, "train our own f on images shifted by up to a tenth and shrunk by up to 40 %")
    f_lr: float = option(1e-3, "Adam's learning rate of it", least=0)
    lr: float = option(3e-4, "Adam's learning rate of g and D", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    num_iters: int = option(20_000, "steps of g and D", least=1)
    batch_size: int = option(128, "images of each domain a step, over all devices", least=1)

    # Data
    input_nc: Literal[1, 3] = option(3, "channels of the images of both domains: 1 grey, 3 RGB")
    crop_size: int = option(32, "size that the central square is resized to: 8, 16, 32, 64, ...", least=8)
    no_flip: bool = option(True, "don't mirror images at random: digits have a right way round")

    def __post_init__(self):
        validate(self)
        if self.crop_size & (self.crop_size - 1):
            raise UserError(f"--crop_size={self.crop_size} (expected a power of 2: g doubles its 4 x 4 until then)")

    @property
    def output_nc(self):
        return self.input_nc

    @property
    def stride(self):
        """H and W of an image are free: G brings it to crop_size."""
        return 1

    @property
    def doublings(self):
        """How many layers lie between 4 x 4 and the image."""
        return (self.crop_size // 4).bit_length() - 1

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return self.num_iters


def encoder(config, name="f"):
    """Four convolutions with ReLU, the last max-pooled: image (B, S, S, C) in [-1, 1] -> features (B, 2 nef)."""
    c = config
    x = image = keras.Input((c.crop_size, c.crop_size, c.input_nc), name="image")
    for k, width in enumerate((c.nef, 2 * c.nef, 4 * c.nef, 2 * c.nef), 1):
        strides = 2 if k < 4 else 1
        x = layers.Conv2D(width, 3, strides, "same", kernel_initializer="he_normal", name=f"conv{k}")(x)
        x = layers.ReLU()(x)  # (B, S/2^k, S/2^k, width), at last S/8
    return keras.Model(image, _scaled(layers.GlobalMaxPooling2D()(x)), name=name)


def features(config):
    """f: image (B, S, S, C) in [-1, 1] -> features (B, N), fixed: our own, untrained, or the network in `config.f`."""
    f = _of_file(config) if config.f else encoder(config)
    f.trainable = False
    return f


def decoder(config, n):
    """g: features (B, n) -> image (B, S, S, C) in [-1, 1]: transposed 4x4 convolutions, norm, ReLU."""
    c, widths = config, [2**k * config.ngf for k in reversed(range(config.doublings))]
    code = keras.Input((n,), name="features")
    x = layers.Reshape((1, 1, n))(code)
    for k, width in enumerate(widths):
        x = layers.Conv2DTranspose(width, 4, *_growth(k), kernel_initializer=_normal(), name=f"up{k}")(x)
        x = layers.ReLU()(_normed(x, c.norm, f"up{k}_norm"))  # (B, 4 2^k, 4 2^k, width)
    x = layers.Conv2DTranspose(c.output_nc, 4, *_growth(1), kernel_initializer=_normal(), name="head")(x)
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(code, x, name="g")


def discriminator(config):
    """D: image (B, S, S, C) -> logits: what became of A, of B, and an image of B (B, 3); two without `ternary`."""
    c = config
    x = image = keras.Input((c.crop_size, c.crop_size, c.output_nc), name="image")
    for k in range(c.doublings):
        x = layers.Conv2D(2**k * c.ndf, 4, 2, "same", kernel_initializer=_normal(), name=f"down{k + 1}")(x)
        x = _normed(x, c.norm, f"down{k + 1}_norm") if k else x
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(3 if c.ternary else 2, 4, kernel_initializer=_normal(), name="head")(x)
    return keras.Model(image, _exact(layers.Flatten()(x), "logits"), name="D")


def _of_file(config):
    c = config
    try:
        network = keras.models.load_model(c.f, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"--f={c.f} can't be read (expected a Keras file of a network; {error})") from error
    height, width, channels = network.input_shape[1:] if len(network.input_shape) == 4 else (None, None, None)
    if channels != c.input_nc:
        raise UserError(
            f"--f={c.f} (expected a network of images (B, H, W, {c.input_nc}), by --input_nc; received one of "
            f"{network.input_shape})"
        )
    x = image = keras.Input((c.crop_size, c.crop_size, c.input_nc), name="image")
    size = (height or c.crop_size, width or c.crop_size)
    x = x if size == (c.crop_size, c.crop_size) else layers.Resizing(*size, dtype=keras.config.floatx())(x)
    return keras.Model(image, _scaled(layers.Flatten()(network(x, training=False))), name="f")


def _growth(k):
    """Stride and padding of g's layer k: the first makes 4 x 4 of a point, the others double."""
    return (2, "same") if k else (1, "valid")


def _normed(x, norm, name):
    layer = normalization(norm, name=name)
    return layer(x) if layer else x


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)


def _scaled(x):
    """Features (B, N), of which the mean square is 1."""
    exact = keras.config.floatx()
    return layers.RMSNormalization(epsilon=1e-6, trainable=False, dtype=exact, name="features")(x)


def _exact(x, name):
    """In full precision, under mixed precision too."""
    return layers.Activation("linear", dtype=keras.config.floatx(), name=name)(x)


class DTN(Translator):
    """DTN as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    In a run f is trained first, if none is given; otherwise `create("dtn", f="file.keras")` brings one, and without it
    f is random.

    Args:
        config: `Config`.

    Shapes: x of the source and y of the target (B, S, S, C), S the crop_size.
    """

    Config = Config
    statistics = "running"  # those of a digit, which is black but for a stroke, are its own too much

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.loss_names = loss_names(c)
        self.f = features(c)
        self.E = self.f if c.use_f else encoder(c, "E")
        self.g, self.D = decoder(c, self.E.output_shape[-1]), discriminator(c)
        self.players = {"G": [self.E, self.g], "D": [self.D]}  # f has nothing that could be trained
        image = keras.Input((None, None, c.input_nc), name="image")
        x = layers.Resizing(c.crop_size, c.crop_size, dtype=keras.config.floatx())(image)
        # Said here, because networks within networks otherwise train when G is called without a word.
        self.G = keras.Model(image, self.g(self.E(x, training=False), training=False), name="G")

    def make_optimizers(self, steps_per_epoch=None):
        return {player: Adam(self.config.lr, beta_1=self.config.beta1) for player in ("G", "D")}

    @classmethod
    def in_run(cls, config, run):
        kept = Path(run) / "f.keras"
        return dataclasses.replace(config, f=str(kept)) if config.f and kept.exists() else config

    def begin(self, run, training, seed):
        """Trains f, once, and keeps it as RUN/f.keras; of an f that was given, a copy."""
        c, kept = self.config, Path(run) / "f.keras"
        aside = kept.with_name(f".f.{os.getpid()}.keras")
        if c.f and not kept.exists():
            shutil.copyfile(c.f, aside)
            aside.replace(kept)
        elif not c.f and not kept.exists():
            pretrained(c, training, seed).save(aside)
            aside.replace(kept)
        if not c.f:
            self.f.set_weights(keras.models.load_model(kept).get_weights())

    def fit(self, x, *args, **kwargs):
        """As in Keras; f is not trained by it."""
        if not self.config.f:
            print(
                'tfi2i: f is not trained by fit; bring one by tfi2i.create("dtn", f="file.keras"), such as the f.keras '
                "of a run of `tfi2i train --model=dtn`",
                file=sys.stderr,
            )
        return super().fit(x, *args, **kwargs)

    def train_step(self, batch):
        """G descends L_G, then D L_D (eq. 3), on the same images."""
        x, y = batch["x"], batch["y"]
        E, g, D = self.networks(training=True)
        f, c = lambda image: self.f(image, training=False), self.config
        real = 2 if c.ternary else 1

        with self.turn("G") as losses:
            of_both = (f if c.use_f else E)(tf.concat([x, y], 0))
            fake_x, fake_y = tf.split(g(of_both), 2)
            losses["GANG"] = cross_entropy(D(fake_x), real)
            if c.ternary:
                losses["GANG"] += cross_entropy(D(fake_y), real)
            if c.alpha:
                losses["CONST"] = c.alpha * mse(f(x), f(fake_x))
            if c.beta:
                losses["TID"] = c.beta * mse(y, fake_y)
            if c.gamma:
                losses["TV"] = c.gamma * (total_variation(fake_x) + total_variation(fake_y))

        with self.turn("D") as losses:
            losses["D_1"] = cross_entropy(D(tf.stop_gradient(fake_x)), 0)
            if c.ternary:
                losses["D_2"] = cross_entropy(D(tf.stop_gradient(fake_y)), 1)
            losses["D_3"] = cross_entropy(D(y), real)

        return self.logs()

    def generators(self, stochastic=False):
        return {"AtoB": as_tested(self.G, stochastic, self.statistics)}


def loss_names(config):
    """The terms of the objective that the config asks for."""
    c = config
    asked = {"CONST": c.alpha, "TID": c.beta, "TV": c.gamma, "D_1": True, "D_2": c.ternary, "D_3": True}
    return ("GANG", *(name for name, weight in asked.items() if weight))


def cross_entropy(logits, of):
    """-log D_of(x), averaged over images: logits (B, classes), the number of a class."""
    return -tf.reduce_mean(tf.nn.log_softmax(logits)[:, of])


def total_variation(z):
    """L_TV of images (B, H, W, C) (eq. 7), averaged over images, channels and the pixels with both neighbours."""
    here = z[:, :-1, :-1]
    right, below = z[:, :-1, 1:] - here, z[:, 1:, :-1] - here
    # 1e-12 keeps the root's derivative finite where neighbours are equal.
    return tf.reduce_mean(tf.sqrt(tf.square(right) + tf.square(below) + 1e-12))


def pretrained(config, training, seed):
    """Our own f, trained to tell the labels of the source (sec. 5.1), which lie beside its images.

    Args:
        training: the two domains as `data.prepared` gives them.

    Raises: `UserError` where the source has no labels.
    """
    c, source = config, training.x.source
    if not hasattr(source, "labels"):
        raise UserError(
            "f is trained on the labels of A, and A has none (expected two labelled sets, such as "
            "--dataset=svhn_cropped,mnist); or give --f=FILE, a Keras file of a network that tells what an image shows"
        )
    print(f"tfi2i: training f on the labels of A, {c.f_iters} steps", file=sys.stderr)
    examples = PreparedLabelled(source, training.preprocess, True)
    batches = stream(examples, c.batch_size, seed).map(lambda batch: (batch["x"], batch["label"]))
    f = encoder(c)
    logits = _exact(layers.Dense(len(source.attributes), name="labels")(f.output), "logits")
    classifier = keras.Model(f.input, logits)
    if c.f_augment:
        classifier = keras.Sequential([*_augmentation(seed), classifier])
    one_of_all = any(set(group) == set(source.attributes) for group in source.exclusive)
    loss = keras.losses.CategoricalCrossentropy if one_of_all else keras.losses.BinaryCrossentropy
    metric = "categorical_accuracy" if one_of_all else keras.metrics.BinaryAccuracy(threshold=0.0)
    classifier.compile(keras.optimizers.Adam(c.f_lr), loss(from_logits=True), metrics=[metric], jit_compile=False)
    history = classifier.fit(batches, steps_per_epoch=c.f_iters, shuffle=False, verbose=0).history
    accuracy = next(values[-1] for name, values in history.items() if "accuracy" in name)
    print(f"tfi2i: f was right about {100 * accuracy:.1f} % of the labels on its way", file=sys.stderr)
    return f


def _augmentation(seed):
    """Layers that shift and shrink in training; what they uncover is black."""
    black = {"fill_mode": "constant", "fill_value": -1.0, "seed": seed}
    return layers.RandomTranslation(0.1, 0.1, **black), layers.RandomZoom((-0.1, 0.4), **black)


_QUICK = {"nef": 16, "ngf": 32, "ndf": 16, "lr": 1e-3, "batch_size": 32}

PRESETS = {
    "quick": Preset(
        Config(**_QUICK, f_iters=1500, num_iters=2500),
        dataset="synthetic_digits",
        note="drawn house numbers to white digits at 32 px, narrow; minutes on two CPU cores",
    ),
    "svhn_mnist": Preset(
        Config(), dataset="svhn_cropped,mnist", note="SVHN to MNIST (sec. 5.1), accuracy 90.66 % there; not yet run"
    ),
    "usps_mnist": Preset(
        Config(**_QUICK, f_iters=1500, f_augment=True, num_iters=3000),
        dataset="usps,mnist",
        note="USPS to MNIST, narrow, none of the paper's; minutes on two CPU cores, 92.6 % are read (raw: 79.6 %)",
    ),
    "faces": Preset(
        Config(alpha=100.0, beta=1.0, gamma=0.05, crop_size=64, no_flip=False),
        note="photo to emoji (sec. 5.2), your own data and --f=FILE, a network of faces; not yet run",
    ),
}
