"""UNIT: Unsupervised Image-to-Image Translation Networks (Liu, Breuel, Kautz; NIPS 2017).

    min_{E, G} max_D  L_VAE_A + L_GAN_A + L_CC_A + L_VAE_B + L_GAN_B + L_CC_B                                   (sec. 3)
    L_VAE_A = lambda_1 KL(q_A(z|x_a) || p(z)) - lambda_2 E[log p(x_a|z)],  q_A(z|x) = N(E_A(x), I)
    L_GAN_A = lambda_0 (E[log D_A(x_a)] + E[log(1 - D_A(x_ba))]),  x_ba = G_A(z_b),  z_b ~ q_B(z|x_b)
    L_CC_A  = lambda_3 KL(q_A(z|x_a) || p(z)) + lambda_3 KL(q_B(z|x_ab) || p(z)) - lambda_4 E[log p(x_a|z_aba)]

Both domains share one latent space: what E_A makes of an image, G_B can decode. p(z) is N(0, I), so the KL term is half
the squared length of E(x); p(x|z) is a Laplacian, so -log p is an L1 distance. z is drawn by adding noise to E(x), in
training only. The paper's domains X_1 and X_2 are A and B here.

Official code: mingyuliutw/UNIT, whose current form is also in NVlabs/MUNIT (CC BY-NC-SA 4.0); numbers only were taken.
Its gen_a is E_A and G_A here, its dis_a is D_A.

Deviations: this is the program's current form, which differs from the paper in that
- E and G of one domain share no weights with those of the other (in the paper E_A and E_B share their last layers, G_A
  and G_B their first); that the latent space is shared rests on the cycle alone, and the two may agree on a code that
  means light in one domain and dark in the other: with some seeds suns come out black. `tied_start`, which neither has,
  begins both auto-encoders with the same weights, and is off but in the quick preset;
- L_GAN is least squares at three scales, not cross entropy at one;
- the KL terms are means over the elements of E(x)^2, not half their sum, and L_CC_A has only the second of its two;
- encoder and decoder are MUNIT's: 4x4 halvings, instance norm, nearest up-sampling, layer norm.
The lambdas keep the paper's proportions (10, 0.1, 100, 0.1, 100). The domain-invariant perceptual loss, which the
program turns on for street scenes, is left out: it needs a VGG-16 trained on ImageNet.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import tensorflow as tf

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES, over_scales
from tfi2i.losses.reconstruction import l1
from tfi2i.nn.content import content_encoder, residual_block, upsample_to_image
from tfi2i.nn.multiscale import multiscale_discriminator, smallest_image
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, StepDecay
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The official program's numbers, under the names of its configuration files."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain A: 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain B")
    dim: int = option(64, "width of the encoders' first layer", least=1)
    n_downsample: int = option(2, "halvings of the encoder", least=1)
    n_res: int = option(4, "residual blocks of encoder and decoder", least=1)
    ndf: int = option(64, "width of D's first layer (the program's dis.dim)", least=1)
    n_layer: int = option(4, "strided layers of D", least=1)
    num_scales: int = option(3, "scales at which D judges", least=1)
    tied_start: bool = option(False, "begin both auto-encoders with the same weights, so that their codes agree")

    # Objective
    gan_type: Literal["lsgan", "nsgan"] = option("lsgan", "least squares, or non-saturating cross entropy")
    gan_w: float = option(1.0, "lambda_0, weight of the adversarial terms", least=0)
    recon_kl_w: float = option(0.01, "lambda_1, weight of the images' KL", least=0)
    recon_x_w: float = option(10.0, "lambda_2, weight of the image reconstruction", least=0)
    recon_kl_cyc_w: float = option(0.01, "lambda_3, weight of the translations' KL", least=0)
    recon_x_cyc_w: float = option(10.0, "lambda_4, weight of the cycle", least=0)

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
        if self.tied_start and self.input_nc != self.output_nc:
            raise UserError(
                f"--tied_start needs the same channels in both domains (received --input_nc={self.input_nc} and "
                f"--output_nc={self.output_nc}); leave it out"
            )
        smallest = smallest_image(self.n_layer, self.num_scales)
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


def encoder(config, input_nc, name):
    """E, the mean of q(z|x); (B, H, W, input_nc) -> (B, H/4, W/4, 4 dim) at n_downsample = 2."""
    return content_encoder(input_nc, config.dim, config.n_downsample, config.n_res, name=name)


def decoder(config, output_nc, name):
    """G; (B, H/4, W/4, 4 dim) -> (B, H, W, output_nc) in [-1, 1]."""
    x = latent = keras.Input((None, None, config.dim * 2**config.n_downsample), name="latent")
    for k in range(1, config.n_res + 1):
        x = residual_block(x, f"block{k}", norms=[InstanceNorm(), InstanceNorm()])
    return keras.Model(latent, upsample_to_image(x, config.n_downsample, output_nc), name=name)


class UNIT(Translator):
    """UNIT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain A, y (B, H, W, output_nc) of domain B; H and W multiples of `config.stride`.
    """

    Config = Config
    kept = ("E_A", "G_A", "E_B", "G_B")
    loss_names = (
        *("dis_a", "dis_b", "gen_adv_a", "gen_adv_b", "gen_recon_x_a", "gen_recon_x_b", "gen_recon_kl_a"),
        *("gen_recon_kl_b", "gen_cyc_x_a", "gen_cyc_x_b", "gen_recon_kl_cyc_aba", "gen_recon_kl_cyc_bab"),
    )

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.E_A, self.G_A = encoder(c, c.input_nc, "E_A"), decoder(c, c.input_nc, "G_A")
        self.E_B, self.G_B = encoder(c, c.output_nc, "E_B"), decoder(c, c.output_nc, "G_B")
        self.D_A = multiscale_discriminator(c.input_nc, c.ndf, c.n_layer, c.num_scales, name="D_A")
        self.D_B = multiscale_discriminator(c.output_nc, c.ndf, c.n_layer, c.num_scales, name="D_B")
        if c.tied_start:
            self.E_B.set_weights(self.E_A.get_weights())
            self.G_B.set_weights(self.G_A.get_weights())
        self.players = {
            "discriminators": [self.D_A, self.D_B],
            "generators": [self.E_A, self.G_A, self.E_B, self.G_B],
        }
        self.gan = OBJECTIVES[c.gan_type]
        self.translations = {
            "AtoB": translation(self.E_A, self.G_B, "AtoB"),
            "BtoA": translation(self.E_B, self.G_A, "BtoA"),
        }

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config

        def adam():
            rate = StepDecay(c.lr, c.step_size, c.gamma)
            return Adam(rate, beta_1=c.beta1, beta_2=c.beta2, l2=c.weight_decay)

        return {"discriminators": adam(), "generators": adam()}

    def train_step(self, batch):
        """D_A and D_B judge translations; then E and G descend eq. 2, every latent code drawn anew."""
        x_a, x_b = batch["x"], batch["y"]
        D_A, D_B, E_A, G_A, E_B, G_B = self.networks(training=True)
        gan, c = self.gan, self.config

        def sample(name, h):
            """z ~ N(h, I)."""
            return h + self.normal(name, tf.unstack(tf.shape(h)))

        x_ba, x_ab = G_A(sample("dis/n_b", E_B(x_b))), G_B(sample("dis/n_a", E_A(x_a)))
        with self.turn("discriminators") as losses:
            losses["dis_a"] = c.gan_w * (over_scales(gan.fake, D_A(x_ba)) + over_scales(gan.real, D_A(x_a)))
            losses["dis_b"] = c.gan_w * (over_scales(gan.fake, D_B(x_ab)) + over_scales(gan.real, D_B(x_b)))

        with self.turn("generators") as losses:
            h_a, h_b = E_A(x_a), E_B(x_b)
            z_a, z_b = sample("gen/n_a", h_a), sample("gen/n_b", h_b)
            x_ba, x_ab = G_A(z_b), G_B(z_a)
            h_b_recon, h_a_recon = E_A(x_ba), E_B(x_ab)
            x_aba, x_bab = G_A(sample("gen/n_a_recon", h_a_recon)), G_B(sample("gen/n_b_recon", h_b_recon))

            losses["gen_adv_a"] = c.gan_w * over_scales(gan.generator, D_A(x_ba))
            losses["gen_adv_b"] = c.gan_w * over_scales(gan.generator, D_B(x_ab))
            losses["gen_recon_x_a"] = c.recon_x_w * l1(G_A(z_a), x_a)
            losses["gen_recon_x_b"] = c.recon_x_w * l1(G_B(z_b), x_b)
            losses["gen_recon_kl_a"] = c.recon_kl_w * kl(h_a)
            losses["gen_recon_kl_b"] = c.recon_kl_w * kl(h_b)
            losses["gen_cyc_x_a"] = c.recon_x_cyc_w * l1(x_aba, x_a)
            losses["gen_cyc_x_b"] = c.recon_x_cyc_w * l1(x_bab, x_b)
            losses["gen_recon_kl_cyc_aba"] = c.recon_kl_cyc_w * kl(h_a_recon)
            losses["gen_recon_kl_cyc_bab"] = c.recon_kl_cyc_w * kl(h_b_recon)

        return self.logs()

    def generators(self, stochastic=False):
        return dict(self.translations)

    def reconstructions(self):
        return {"AtoB": translation(self.E_A, self.G_A, "AtoA"), "BtoA": translation(self.E_B, self.G_B, "BtoB")}


def kl(h):
    """KL(N(h, I) || N(0, I)) but for a constant and a factor: the mean of h^2."""
    return tf.reduce_mean(tf.square(h))


def translation(E, G, name):
    """G after E, without noise; (B, H, W, C) -> (B, H, W, C)."""
    image = keras.Input(E.input_shape[1:], name="image")
    return keras.Model(image, G(E(image)), name=name)


# Section 4 and the official configuration files.
PRESETS = {
    "quick": Preset(
        Config(
            dim=16,
            n_downsample=1,
            n_res=2,
            ndf=16,
            n_layer=3,
            num_scales=2,
            load_size=72,
            crop_size=64,
            lr=5e-4,
            tied_start=True,
            max_iter=2000,
            step_size=700,
        ),
        dataset="synthetic_seasons",
        note="summer <-> winter at 64 px, narrow; minutes on two CPU cores",
    ),
    "gta2city": Preset(
        Config(),
        note="GTA V <-> Cityscapes streets of your own, without the program's perceptual loss; not yet run",
    ),
    "summer2winter": Preset(
        Config(),
        dataset="cycle_gan/summer2winter_yosemite",
        note="summer <-> winter, one million steps; not yet run",
    ),
    "edges2shoes": Preset(Config(), dataset="edges2shoes", note="edges <-> shoes, one million steps; not yet run"),
    "edges2handbags": Preset(
        Config(), dataset="edges2handbags", note="edges <-> handbags, one million steps; not yet run"
    ),
    "day2night": Preset(
        Config(), dataset="night2day", note="night <-> day streets of the paper by another set; not yet run"
    ),
}
