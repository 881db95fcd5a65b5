"""pix2pix: Image-to-Image Translation with Conditional Adversarial Networks (Isola, Zhu, Zhou, Efros; CVPR 2017).

    G* = arg min_G max_D  L_cGAN(G, D) + lambda_L1 L_L1(G)                                       (eq. 4)
    L_cGAN(G, D) = E_{x,y}[log D(x, y)] + E_{x,z}[log(1 - D(x, G(x, z)))]                        (eq. 1)
    L_L1(G)      = E_{x,y,z}[ ||y - G(x, z)||_1 ]                                                (eq. 3)

x is the input image, y the output image, z noise, given only as dropout (sec. 3.1). G answers the non-saturating
-log D(x, G(x, z)), and D's objective is halved, which slows D relative to G (sec. 3.3).

Official code: phillipi/pix2pix (Lua), junyanz/pytorch-CycleGAN-and-pix2pix (PyTorch), both BSD; numbers only were
taken. G is `nn.unet`, D is `nn.patchgan`; both are equal to the PyTorch code's in value and gradient (tests/parity).

Deviations
- In the PyTorch U-Net, which this follows, noise sits after the full-width decoder blocks *except* the innermost; in
  the Lua code it sits after the three innermost.
- Test time: the paper keeps dropout on and normalises with the statistics of the test batch, of one image. Here each
  image is always normalised by its own statistics, and dropout is off unless asked for (`translate --stochastic`),
  so that one input has one answer, the same in preview, translation and export.
- With gan_mode="wgangp" D is also given the gradient penalty, weight 10, which the official pix2pix step leaves out.
- The colourisation preset predicts RGB from CIE lightness; the paper's predicts the two colour channels of Lab.
"""

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from tfi2i.losses.adversarial import OBJECTIVES, gradient_penalty
from tfi2i.losses.reconstruction import l1
from tfi2i.nn import by_name
from tfi2i.nn.blocks import as_tested
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, EpochSchedule
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 6, and `train.lua`), under the names users know from the PyTorch program."""

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of the input x: 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of the output y")
    netG: str = option("unet_256", "unet_N, N the image size at which the bottleneck is 1x1; or resnet_Nblocks")
    ngf: int = option(64, "width of G's first layer", least=1)
    netD: Literal["basic", "n_layers", "pixel"] = option("basic", "70x70 PatchGAN; one of n_layers_D; 1x1 PixelGAN")
    ndf: int = option(64, "width of D's first layer", least=1)
    n_layers_D: int = option(3, "strided layers of D, netD=n_layers only", least=1)
    norm: Literal["batch", "instance", "none"] = option("batch", "normalisation in G and D")
    no_dropout: bool = option(False, "leave out the noise z")
    init_type: Literal["normal", "xavier", "kaiming", "orthogonal"] = option("normal", "how kernels are drawn")
    init_gain: float = option(0.02, "standard deviation of init_type=normal", least=0)

    # Objective
    gan_mode: Literal["vanilla", "lsgan", "wgangp", "hinge"] = option("vanilla", "the adversarial objective")
    lambda_L1: float = option(100.0, "weight of the L1 term, eq. 4", least=0)
    lambda_gp: float = option(10.0, "weight of the gradient penalty, gan_mode=wgangp only", least=0)

    # Optimisation
    lr: float = option(2e-4, "Adam's initial learning rate", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    lr_policy: Literal["linear", "step", "cosine", "constant"] = option("linear", "how the learning rate falls")
    n_epochs: int = option(100, "epochs at the initial learning rate", least=1)
    n_epochs_decay: int = option(100, "further epochs, in which lr_policy=linear brings it to zero", least=0)
    lr_decay_iters: int = option(50, "epochs between the cuts of lr_policy=step", least=1)
    batch_size: int = option(1, "images a step, over all devices", least=1)

    # Data
    direction: Literal["AtoB", "BtoA"] = option("AtoB", "which half of a pair is the input")
    preprocess: PREPROCESS = option("resize_and_crop", "how images are brought to size")
    load_size: int = option(286, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(256, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        _ = self.stride  # a wrong netG is known at once

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return by_name.stride_of(self.netG)

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return steps_per_epoch * (self.n_epochs + self.n_epochs_decay)


def generator(config):
    """G by the config's name for it; (B, H, W, input_nc) -> (B, H, W, output_nc), both in [-1, 1]."""
    c = config
    dropout = 0.0 if c.no_dropout else 0.5
    sizes = {"ngf": c.ngf, "input_nc": c.input_nc, "output_nc": c.output_nc}
    return by_name.generator(
        c.netG, **sizes, norm=c.norm, dropout=dropout, init_type=c.init_type, init_gain=c.init_gain
    )


def discriminator(config):
    """D by the config's name for it, on x and y joined along channels; (B, H, W, input_nc + output_nc) -> logits."""
    c = config
    sizes = {"ndf": c.ndf, "input_nc": c.input_nc + c.output_nc}
    return by_name.discriminator(
        c.netD, c.n_layers_D, **sizes, norm=c.norm, init_type=c.init_type, init_gain=c.init_gain
    )


class Pix2Pix(Translator):
    """pix2pix as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc), y (B, H, W, output_nc); H and W multiples of `config.stride`.
    """

    Config = Config
    loss_names = ("G_GAN", "G_L1", "D", "D_real", "D_fake")

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        self.G, self.D = generator(self.config), discriminator(self.config)
        self.players = {"G": [self.G], "D": [self.D]}
        self.gan = OBJECTIVES[self.config.gan_mode]

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        policy = c.lr_policy if steps_per_epoch else "constant"

        def adam():
            rate = EpochSchedule(c.lr, policy, steps_per_epoch or 1, c.n_epochs, c.n_epochs_decay, c.lr_decay_iters)
            return Adam(rate, beta_1=c.beta1)

        return {"G": adam(), "D": adam()}

    def train_step(self, batch):
        """D descends half its objective, then G, with the same fake, answers the D that has just moved (sec. 3.3)."""
        x, y = batch["x"], batch["y"]
        G, D = self.networks(training=True)
        gan, c = self.gan, self.config

        with self.turn("G") as losses:
            fake = G(x)

            with self.turn("D") as d_losses:
                D_fake = gan.fake(D(pair(x, tf.stop_gradient(fake))))
                D_real = gan.real(D(pair(x, y)))
                d_losses["D"] = 0.5 * (D_fake + D_real)
                if c.gan_mode == "wgangp":
                    t = self.uniform("t", [tf.shape(x)[0], 1, 1, 1])
                    penalty = gradient_penalty(D, pair(x, y), pair(x, tf.stop_gradient(fake)), t)
                    d_losses["D"] += c.lambda_gp * penalty

            losses["G_GAN"] = gan.generator(D(pair(x, fake)))
            losses["G_L1"] = c.lambda_L1 * l1(fake, y)

        self.record(D_real=D_real, D_fake=D_fake)
        return self.logs()

    def generators(self, stochastic=False):
        return {self.config.direction: as_tested(self.G, stochastic)}


def pair(x, y):
    """What D sees: input and output joined along channels."""
    return tf.concat([x, tf.cast(y, x.dtype)], axis=-1)


_TO_PHOTO = {"direction": "BtoA"}  # these sets hold the photo on the left, A
_NO_JITTER = {"load_size": 256, "no_flip": True}

# Sections 5 and 6.2 of the paper. Epochs: as published, all at the initial rate; the PyTorch program's later habit of
# 100 + 100 with linear decay is kept where the paper trains for 200.
PRESETS = {
    "quick": Preset(
        Config(
            netG="unet_64",
            ngf=32,
            ndf=32,
            netD="n_layers",
            n_layers_D=2,
            norm="instance",  # at batch 4, what is learned with the batch's statistics suffers under the image's own
            load_size=72,
            crop_size=64,
            batch_size=4,
            direction="BtoA",
            n_epochs=15,
            n_epochs_decay=15,
        ),
        dataset="synthetic_facades",
        steps=3000,
        bfloat16=True,
        note="labels -> photo at 64 px, narrow; minutes on two CPU cores",
    ),
    "facades": Preset(
        Config(**_TO_PHOTO), dataset="facades", note="labels -> photo, 400 images, 200 epochs; not yet run"
    ),
    "cityscapes": Preset(Config(**_TO_PHOTO), dataset="cityscapes", note="labels -> photo, 200 epochs; not yet run"),
    "photo2map": Preset(Config(), dataset="maps", note="aerial photo -> map, 200 epochs; not yet run"),
    "map2photo": Preset(Config(**_TO_PHOTO), dataset="maps", note="map -> aerial photo, 200 epochs; not yet run"),
    "edges2shoes": Preset(
        Config(batch_size=4, n_epochs=15, n_epochs_decay=0, lr_policy="constant", **_NO_JITTER),
        dataset="edges2shoes",
        note="edges -> photo, 50k images, 15 epochs at batch 4; not yet run",
    ),
    "edges2handbags": Preset(
        Config(batch_size=4, n_epochs=15, n_epochs_decay=0, lr_policy="constant", **_NO_JITTER),
        dataset="edges2handbags",
        note="edges -> photo, 137k images, 15 epochs at batch 4; not yet run",
    ),
    "sketch2photo": Preset(
        Config(batch_size=4, n_epochs=15, n_epochs_decay=0, lr_policy="constant", **_NO_JITTER),
        note="people's sketches -> photo: the network of edges2shoes or edges2handbags, tried on sketches; not yet run",
    ),
    "day2night": Preset(
        Config(batch_size=4, n_epochs=17, n_epochs_decay=0, lr_policy="constant", direction="BtoA"),
        dataset="night2day",
        note="day -> night, 17.8k images, 17 epochs at batch 4; not yet run",
    ),
    "thermal2colour": Preset(
        Config(batch_size=4, n_epochs=10, n_epochs_decay=0, lr_policy="constant", input_nc=1),
        note="thermal -> colour photo, 36.5k pairs of your own, 10 epochs at batch 4; not yet run",
    ),
    "grey2colour": Preset(
        Config(batch_size=4, n_epochs=6, n_epochs_decay=0, lr_policy="constant", input_nc=1),
        task="grey_to_colour",
        note="CIE lightness -> colour from any folder of photos, 6 epochs at batch 4; not yet run",
    ),
    "inpainting": Preset(
        Config(batch_size=4, n_epochs=25, n_epochs_decay=0, lr_policy="constant"),
        task="inpainting",
        note="photo with a hole -> whole photo from any folder of photos, 25 epochs at batch 4; not yet run",
    ),
    "edges2photo": Preset(
        Config(batch_size=4, n_epochs=15, n_epochs_decay=0, lr_policy="constant", **_NO_JITTER),
        task="edges_to_photo",
        note="edges -> photo from any folder of photos; not yet run",
    ),
}
