"""MUNIT: Multimodal Unsupervised Image-to-Image Translation (Huang, Liu, Belongie, Kautz; ECCV 2018).

    min_{E, G} max_D  L_GAN^A + L_GAN^B + lambda_x (L_recon^x_A + L_recon^x_B)
                      + lambda_c (L_recon^c_A + L_recon^c_B) + lambda_s (L_recon^s_A + L_recon^s_B)      (eq. 5)
    L_recon^x_A = E[ ||G_A(E_c_A(x_a), E_s_A(x_a)) - x_a||_1 ]                                           (eq. 1)
    L_recon^c_A = E[ ||E_c_B(x_ab) - E_c_A(x_a)||_1 ],   x_ab = G_B(E_c_A(x_a), s_b),  s_b ~ N(0, I)      (eq. 2)
    L_recon^s_B = E[ ||E_s_B(x_ab) - s_b||_1 ]                                                           (eq. 3)
    L_cycle_A   = E[ ||G_A(E_c_B(x_ab), E_s_A(x_a)) - x_a||_1 ]          style-augmented cycle, optional (sec. 4)

An image is a content code, which both domains share, and a style code of its own domain. Translation keeps the content
and takes a style that is drawn at random, or that of a reference image of the other domain. L_GAN is least squares at
three scales (sec. 5.1). The paper's domains X_1 and X_2 are A and B here.

Official code: NVlabs/MUNIT (CC BY-NC-SA 4.0); numbers only were taken. Its gen_a is E_s_A, E_c_A and G_A here (the MLP
that turns a style into AdaIN parameters is part of G_A), its dis_a is D_A. Networks, losses and a whole step are equal
to the official code's (tests/parity).

Deviations
- The domain-invariant perceptual loss (sec. 5.1; vgg_w), which the program turns on at 512 pixels only, is left out: it
  needs a VGG-16 trained on ImageNet.
- The images of an epoch are a permutation of each domain, as in the official program; where one domain is larger, the
  official program cuts its epoch short.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES, over_scales
from tfi2i.losses.reconstruction import l1
from tfi2i.nn.adain import AdaIN
from tfi2i.nn.blocks import kernel_initializer
from tfi2i.nn.content import content_encoder, down, residual_block, stem, upsample_to_image
from tfi2i.nn.multiscale import multiscale_discriminator, smallest_image
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, StepDecay
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 5.1), under the names of the official program's configuration files."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain A: 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain B")
    dim: int = option(64, "width of the encoders' first layer", least=1)
    n_downsample: int = option(2, "halvings of the content encoder", least=1)
    n_res: int = option(4, "residual blocks of content encoder and decoder", least=1)
    style_dim: int = option(8, "length of the style code", least=1)
    mlp_dim: int = option(256, "width of the MLP that turns a style into AdaIN parameters", least=1)
    ndf: int = option(64, "width of D's first layer (the program's dis.dim)", least=1)
    n_layer: int = option(4, "strided layers of D", least=1)
    num_scales: int = option(3, "scales at which D judges", least=1)

    # Objective
    gan_type: Literal["lsgan", "nsgan"] = option("lsgan", "least squares, or non-saturating cross entropy")
    gan_w: float = option(1.0, "weight of the adversarial terms", least=0)
    recon_x_w: float = option(10.0, "lambda_x, weight of the image reconstruction", least=0)
    recon_s_w: float = option(1.0, "lambda_s, weight of the style reconstruction", least=0)
    recon_c_w: float = option(1.0, "lambda_c, weight of the content reconstruction", least=0)
    recon_x_cyc_w: float = option(10.0, "weight of the style-augmented cycle; 0 leaves it out", least=0)

    # Optimisation
    lr: float = option(1e-4, "Adam's initial learning rate", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    beta2: float = option(0.999, "Adam's second momentum", least=0)
    weight_decay: float = option(1e-4, "L2 added to the gradients", least=0)
    step_size: int = option(100_000, "steps between the cuts of the learning rate", least=1)
    gamma: float = option(0.5, "factor of a cut", least=0)
    max_iter: int = option(1_000_000, "steps of the whole training", least=1)
    batch_size: int = option(1, "images of each domain a step, over all devices", least=1)

    # Data
    preprocess: PREPROCESS = option("scale_shortside_and_crop", "how images are brought to size")
    load_size: int = option(256, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(256, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        smallest = max(16, smallest_image(self.n_layer, self.num_scales))  # 16: the style encoder halves four times
        if self.crop_size < smallest:
            raise UserError(
                f"--crop_size={self.crop_size} (expected at least {smallest} with --n_layer={self.n_layer} and "
                f"--num_scales={self.num_scales}); give fewer layers or scales, or larger crops"
            )

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return 2**self.n_downsample

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has, whatever the epoch's length."""
        return self.max_iter


def style_encoder(input_nc, dim, style_dim, after_stem=None, name="E_s"):
    """Stem, four halvings of which two double the width, the mean over the image, a linear map.

    No norm, which would take away what is the style.

    Args:
        after_stem: what to put between the stem and the first halving; maps a tensor to one of its shape.

    Shapes: (B, H, W, input_nc), H and W at least 16 -> (B, style_dim).
    """
    image = keras.Input((None, None, input_nc), name="image")
    x = stem(image, dim)
    x = after_stem(x) if after_stem else x
    for k in range(1, 5):
        x = down(x, dim * 2 ** min(k, 2), f"down{k}")
    x = layers.GlobalAveragePooling2D(keepdims=True, dtype=keras.config.floatx())(x)
    x = layers.Conv2D(style_dim, 1, kernel_initializer=kernel_initializer("kaiming"), name="head")(x)
    x = layers.Reshape([style_dim])(x)
    x = layers.Activation("linear", dtype=keras.config.floatx(), name="style")(x)
    return keras.Model(image, x, name=name)


def decoder(config, output_nc, before_up=None, name="G"):
    """Residual blocks whose AdaIN layers do as the style says, through an MLP; then up-sampling to the image.

    Args:
        before_up: what to put between the blocks and the up-sampling; maps a tensor to one of its shape.

    Shapes: content (B, H/4, W/4, 4 dim) and style (B, style_dim) -> (B, H, W, output_nc) in [-1, 1], at n_downsample 2.
    """
    channels = config.dim * 2**config.n_downsample
    x = content = keras.Input((None, None, channels), name="content")
    style = keras.Input((config.style_dim,), name="style")
    parameters = mlp(style, config.mlp_dim, outputs=config.n_res * 2 * 2 * channels)

    def adain(place):
        return lambda x: AdaIN(place)([x, parameters])

    for k in range(config.n_res):
        x = residual_block(x, f"block{k + 1}", norms=[adain(2 * k), adain(2 * k + 1)])
    x = before_up(x) if before_up else x
    return keras.Model([content, style], upsample_to_image(x, config.n_downsample, output_nc), name=name)


def mlp(x, width, outputs):
    """Two hidden layers with ReLU and a linear one; (B, style_dim) -> (B, outputs)."""
    for k, (units, activation) in enumerate([(width, "relu"), (width, "relu"), (outputs, None)]):
        kernel = kernel_initializer("kaiming")
        x = layers.Dense(units, activation, kernel_initializer=kernel, name=f"mlp{k + 1}")(x)
    return x


class MUNIT(Translator):
    """MUNIT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    E_c_A, E_s_A: (B, H, W, input_nc) -> content (B, H/4, W/4, 4 dim) and style (B, style_dim).
    G_A: content and style -> (B, H, W, input_nc) in [-1, 1]. D_A: (B, H, W, input_nc) -> logits at each scale.

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain A, y (B, H, W, output_nc) of domain B; H and W multiples of `config.stride`.
    """

    Config = Config
    kept = ("E_c_A", "E_s_A", "G_A", "E_c_B", "E_s_B", "G_B")
    loss_names = (
        *("dis_a", "dis_b", "gen_adv_a", "gen_adv_b", "gen_recon_x_a", "gen_recon_x_b", "gen_recon_s_a"),
        *("gen_recon_s_b", "gen_recon_c_a", "gen_recon_c_b", "gen_cycrecon_x_a", "gen_cycrecon_x_b"),
    )

    def __init__(self, config=None, **kwargs):
        super().__init__(config or self.Config(), **kwargs)
        c = self.config
        self.E_c_A, self.E_s_A, self.G_A = self.auto_encoder(c.input_nc, "A")
        self.E_c_B, self.E_s_B, self.G_B = self.auto_encoder(c.output_nc, "B")
        self.D_A, self.D_B = self.discriminator(c.input_nc, "D_A"), self.discriminator(c.output_nc, "D_B")
        self.players = {
            "discriminators": [self.D_A, self.D_B],
            "generators": [self.E_c_A, self.E_s_A, self.G_A, self.E_c_B, self.E_s_B, self.G_B],
        }
        self.gan = OBJECTIVES[c.gan_type]
        self.translations = {
            "AtoB": translation(self.E_c_A, self.G_B, "AtoB"),
            "BtoA": translation(self.E_c_B, self.G_A, "BtoA"),
        }

    def auto_encoder(self, channels, domain):
        """E_c, E_s and G of one domain."""
        c = self.config
        E_c = content_encoder(channels, c.dim, c.n_downsample, c.n_res, name=f"E_c_{domain}")
        E_s = style_encoder(channels, c.dim, c.style_dim, name=f"E_s_{domain}")
        return E_c, E_s, decoder(c, channels, name=f"G_{domain}")

    def discriminator(self, channels, name):
        """D of one domain."""
        c = self.config
        return multiscale_discriminator(channels, c.ndf, c.n_layer, c.num_scales, name=name)

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config

        def adam():
            rate = StepDecay(c.lr, c.step_size, c.gamma)
            return Adam(rate, beta_1=c.beta1, beta_2=c.beta2, l2=c.weight_decay)

        return {"discriminators": adam(), "generators": adam()}

    def train_step(self, batch):
        """D_A and D_B judge translations into random styles; then E and G descend eq. 5, with styles drawn anew."""
        x_a, x_b = batch["x"], batch["y"]
        D_A, D_B, E_c_A, E_s_A, G_A, E_c_B, E_s_B, G_B = self.networks(training=True)
        gan, c = self.gan, self.config
        style = (tf.shape(x_a)[0], c.style_dim)

        s_a, s_b = self.normal("dis/s_a", style), self.normal("dis/s_b", style)
        x_ba, x_ab = G_A([E_c_B(x_b), s_a]), G_B([E_c_A(x_a), s_b])
        with self.turn("discriminators") as losses:
            losses["dis_a"] = c.gan_w * (over_scales(gan.fake, D_A(x_ba)) + over_scales(gan.real, D_A(x_a)))
            losses["dis_b"] = c.gan_w * (over_scales(gan.fake, D_B(x_ab)) + over_scales(gan.real, D_B(x_b)))

        s_a, s_b = self.normal("gen/s_a", style), self.normal("gen/s_b", style)
        with self.turn("generators") as losses:
            c_a, c_b = E_c_A(x_a), E_c_B(x_b)
            s_a_prime, s_b_prime = E_s_A(x_a), E_s_B(x_b)
            x_ba, x_ab = G_A([c_b, s_a]), G_B([c_a, s_b])
            c_b_recon, c_a_recon = E_c_A(x_ba), E_c_B(x_ab)

            losses["gen_adv_a"] = c.gan_w * over_scales(gan.generator, D_A(x_ba))
            losses["gen_adv_b"] = c.gan_w * over_scales(gan.generator, D_B(x_ab))
            losses["gen_recon_x_a"] = c.recon_x_w * l1(G_A([c_a, s_a_prime]), x_a)
            losses["gen_recon_x_b"] = c.recon_x_w * l1(G_B([c_b, s_b_prime]), x_b)
            losses["gen_recon_s_a"] = c.recon_s_w * l1(E_s_A(x_ba), s_a)
            losses["gen_recon_s_b"] = c.recon_s_w * l1(E_s_B(x_ab), s_b)
            losses["gen_recon_c_a"] = c.recon_c_w * l1(c_a_recon, c_a)
            losses["gen_recon_c_b"] = c.recon_c_w * l1(c_b_recon, c_b)
            if c.recon_x_cyc_w:
                losses["gen_cycrecon_x_a"] = c.recon_x_cyc_w * l1(G_A([c_a_recon, s_a_prime]), x_a)
                losses["gen_cycrecon_x_b"] = c.recon_x_cyc_w * l1(G_B([c_b_recon, s_b_prime]), x_b)

        return self.logs()

    def generators(self, stochastic=False):
        return dict(self.translations)

    def style_encoders(self):
        return {"AtoB": self.E_s_B, "BtoA": self.E_s_A}

    def reconstructions(self):
        return {"AtoB": translation(self.E_c_A, self.G_A, "AtoA"), "BtoA": translation(self.E_c_B, self.G_B, "BtoB")}


def translation(E_c, G, name):
    """Content of one domain, style and decoder of another; image (B, H, W, C) and style (B, style_dim) -> image."""
    image = keras.Input(E_c.input_shape[1:], name="image")
    style = keras.Input(G.input_shape[1][1:], name="style")
    return keras.Model([image, style], G([E_c(image), style]), name=name)


_NO_CYCLE = {"recon_x_cyc_w": 0.0}

# Section 5.3 and the official configuration files.
PRESETS = {
    "quick": Preset(
        Config(
            dim=16,
            n_downsample=1,
            n_res=2,
            mlp_dim=32,
            ndf=16,
            n_layer=3,
            num_scales=2,
            load_size=72,
            crop_size=64,
            lr=5e-4,
            max_iter=2000,
            step_size=700,
        ),
        dataset="synthetic_seasons",
        note="summer <-> winter at 64 px, narrow; minutes on two CPU cores",
    ),
    "edges2shoes": Preset(
        Config(**_NO_CYCLE), dataset="edges2shoes", note="edges <-> shoes, one million steps; not yet run"
    ),
    "edges2handbags": Preset(
        Config(**_NO_CYCLE), dataset="edges2handbags", note="edges <-> handbags, one million steps; not yet run"
    ),
    "summer2winter": Preset(
        Config(),
        dataset="cycle_gan/summer2winter_yosemite",
        note="summer <-> winter, one million steps; not yet run",
    ),
    "cat2dog": Preset(Config(), note="house cats <-> dogs of your own, as the paper's animals; not yet run"),
    "synthia2cityscape": Preset(
        Config(load_size=512, crop_size=512),
        note="rendered <-> real streets of your own at 512 px, without the paper's perceptual loss; not yet run",
    ),
}
