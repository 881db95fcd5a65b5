"""GAN: Generative Adversarial Nets (Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio; NIPS
2014).

    min_G max_D V(D, G) = E_x[ log D(x) ] + E_z[ log(1 - D(G(z))) ]                                  (eq. 1)

G makes an image of noise z, D says how likely an image is real; D steps k times for each step of G (algorithm 1). Early
on log(1 - D(G(z))) saturates, so that G may rather maximise log D(G(z)) (sec. 3): `objective` is "minimax" for the
first and "nonsaturating" for the second.

Official code: goodfeli/adversarial (BSD), which the numbers of the multilayer perceptrons are after: G of two layers of
1,200 rectifiers, D of two layers of 240 maxout units of 5 pieces, with dropout in D (sec. 5).

Deviations
- z is N(0, I) for both architectures; the program's is uniform.
- The paper's networks are for 28 x 28 digits; here their last layer is as large as `crop_size` asks.
- The program decays its learning rate by 1.000004 a step and raises the momentum from 0.5 to 0.7 over 250 epochs; here
  `optimizer=sgd` has 0.5 and a constant rate.
- `architecture=conv` is none of the paper's: transposed convolutions and batch norm after Radford et al. 2016 (DCGAN),
  whose Adam is the default for it.
- A step holds k + 1 mini-batches' worth of noise but the images of k: batch_size is k times the paper's 100.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.nn.blocks import as_tested, normalization
from tfi2i.nn.maxout import Maxout
from tfi2i.options import option, validate
from tfi2i.training.optimizers import Adam
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 5) and, where it gives none, its program's."""

    kind: ClassVar[str] = "images"
    preprocess: ClassVar[str] = "square"

    # Networks
    architecture: Literal["mlp", "conv"] = option("mlp", "the paper's perceptrons, or convolutions after DCGAN")
    output_nc: Literal[1, 3] = option(1, "channels of an image: 1 grey, 3 RGB")
    nz: int = option(100, "length of the noise", least=1)
    g_units: int = option(1200, "rectifiers in each layer of G, architecture=mlp", least=1)
    d_units: int = option(240, "maxout units in each layer of D, architecture=mlp", least=1)
    pieces: int = option(5, "linear pieces of a maxout unit", least=1)
    dropout: float = option(0.5, "share of D's hidden units that are dropped; of its inputs 0.4 times that", least=0)
    ngf: int = option(64, "width of G's last hidden layer, architecture=conv", least=1)
    ndf: int = option(64, "width of D's first layer, architecture=conv", least=1)

    # Objective
    objective: Literal["nonsaturating", "minimax"] = option("nonsaturating", "what G descends (sec. 3)")
    k: int = option(1, "steps of D for one of G", least=1)

    # Optimisation
    optimizer: Literal["sgd", "adam"] = option("sgd", "momentum 0.5 (the paper's), or Adam with beta1 0.5")
    lr: float = option(0.1, "learning rate", least=0)
    n_epochs: int = option(250, "epochs", least=1)
    batch_size: int = option(100, "images a step, over all devices: k mini-batches", least=1)

    # Data
    crop_size: int = option(28, "size that the central square is resized to", least=4)
    no_flip: bool = option(True, "don't mirror images at random: digits have a right way round")

    def __post_init__(self):
        validate(self)
        if self.batch_size % self.k:
            raise UserError(f"--batch_size={self.batch_size} (expected a multiple of --k={self.k})")
        if self.architecture == "conv" and self.crop_size % 4:
            raise UserError(f"--crop_size={self.crop_size} (expected a multiple of 4, for architecture=conv)")
        if self.dropout >= 1:
            raise UserError(f"--dropout={self.dropout} (expected less than 1)")

    @property
    def stride(self):
        """H and W of an image are free; they are given by crop_size."""
        return 1

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return steps_per_epoch * self.n_epochs


def generator(config):
    """G: noise (B, nz) -> image (B, S, S, output_nc) in [-1, 1], S the crop_size."""
    return (_mlp_generator if config.architecture == "mlp" else _conv_generator)(config)


def discriminator(config):
    """D: image (B, S, S, output_nc) -> the logit (B, 1) of its being real."""
    return (_mlp_discriminator if config.architecture == "mlp" else _conv_discriminator)(config)


def _evenly(within):
    return keras.initializers.RandomUniform(-within, within)


def _mlp_generator(c):
    x = z = keras.Input((c.nz,), name="noise")
    for k in (1, 2):
        x = layers.Dense(c.g_units, "relu", kernel_initializer=_evenly(0.05), name=f"hidden{k}")(x)
    x = layers.Dense(c.crop_size**2 * c.output_nc, kernel_initializer=_evenly(0.05), name="head")(x)
    x = layers.Reshape((c.crop_size, c.crop_size, c.output_nc))(x)
    return keras.Model(z, _image(x), name="G")


def _mlp_discriminator(c):
    x = image = keras.Input((c.crop_size, c.crop_size, c.output_nc), name="image")
    x = layers.Dropout(0.4 * c.dropout)(layers.Flatten()(x))
    for k in (1, 2):
        x = Maxout(c.d_units, c.pieces, kernel_initializer=_evenly(0.005), name=f"hidden{k}")(x)
        x = layers.Dropout(c.dropout)(x)
    return keras.Model(image, _logit(layers.Dense(1, kernel_initializer=_evenly(0.005), name="head")(x)), name="D")


def _conv_generator(c):
    side = c.crop_size // 4
    x = z = keras.Input((c.nz,), name="noise")
    x = layers.Dense(side * side * 2 * c.ngf, use_bias=False, kernel_initializer=_normal(), name="project")(x)
    x = layers.Reshape((side, side, 2 * c.ngf))(x)
    x = layers.ReLU()(normalization("batch", name="project_norm")(x))
    x = layers.Conv2DTranspose(c.ngf, 4, 2, "same", use_bias=False, kernel_initializer=_normal(), name="up1")(x)
    x = layers.ReLU()(normalization("batch", name="up1_norm")(x))  # (B, S/2, S/2, ngf)
    x = layers.Conv2DTranspose(c.output_nc, 4, 2, "same", kernel_initializer=_normal(), name="up2")(x)
    return keras.Model(z, _image(x), name="G")


def _conv_discriminator(c):
    x = image = keras.Input((c.crop_size, c.crop_size, c.output_nc), name="image")
    x = layers.Conv2D(c.ndf, 4, 2, "same", kernel_initializer=_normal(), name="down1")(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(2 * c.ndf, 4, 2, "same", use_bias=False, kernel_initializer=_normal(), name="down2")(x)
    x = layers.LeakyReLU(0.2)(normalization("batch", name="down2_norm")(x))
    x = layers.Dense(1, kernel_initializer=_normal(), name="head")(layers.Flatten()(x))
    return keras.Model(image, _logit(x), name="D")


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)


def _image(x):
    return layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)


def _logit(x):
    return layers.Activation("linear", dtype=keras.config.floatx(), name="output")(x)


class GAN(Translator):
    """GAN as a Keras model: `compile()`, then `fit` on batches {"x"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, S, S, output_nc), S the crop_size; B a multiple of k.
    """

    Config = Config
    loss_names = ("D_real", "D_fake", "G")
    statistics = "running"  # noise has none of its own to go by

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        self.G, self.D = generator(self.config), discriminator(self.config)
        self.players = {"G": [self.G], "D": [self.D]}

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config

        def optimizer():
            return Adam(c.lr) if c.optimizer == "adam" else keras.optimizers.SGD(c.lr, momentum=0.5)

        return {"G": optimizer(), "D": optimizer()}

    def train_step(self, batch):
        """Algorithm 1: k steps of D on as many mini-batches, then one of G."""
        G, D = self.networks(training=True)
        c = self.config

        for j in range(c.k):
            x = batch["x"][j :: c.k]
            with self.turn("D") as losses:
                fake = tf.stop_gradient(G(self.noise(x)))
                losses["D_real"] = tf.reduce_mean(tf.nn.softplus(-D(x)))  # -log D(x)
                losses["D_fake"] = tf.reduce_mean(tf.nn.softplus(D(fake)))  # -log(1 - D(G(z)))

        with self.turn("G") as losses:
            logits = D(G(self.noise(x)))
            if c.objective == "minimax":
                losses["G"] = -tf.reduce_mean(tf.nn.softplus(logits))  # log(1 - D(G(z)))
            else:
                losses["G"] = tf.reduce_mean(tf.nn.softplus(-logits))  # -log D(G(z))

        return self.logs()

    def noise(self, x):
        """z (B, nz) for as many images as there are in x."""
        return self.normal("z", (tf.shape(x)[0], self.config.nz))

    def generators(self, stochastic=False):
        return {"sample": as_tested(self.G, stochastic, self.statistics)}


PRESETS = {
    "quick": Preset(
        Config(architecture="conv", ngf=32, ndf=32, nz=32, optimizer="adam", lr=5e-4, crop_size=32, batch_size=64),
        dataset="synthetic_written_digits",
        steps=2500,
        note="drawn digits at 32 px, convolutions; minutes on two CPU cores",
    ),
    "mnist": Preset(Config(), dataset="mnist", note="MNIST, the paper's perceptrons (sec. 5); not yet run"),
    "mnist_conv": Preset(
        Config(architecture="conv", optimizer="adam", lr=2e-4, n_epochs=25, batch_size=128),
        dataset="mnist",
        note="MNIST, convolutions after DCGAN; not yet run",
    ),
}
