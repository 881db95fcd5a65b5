"""U-GAT-IT: Unsupervised Generative Attentional Networks with Adaptive Layer-Instance Normalization for Image-to-Image
Translation (Kim, Kim, Kang, Lee; ICLR 2020).

    min_{G_s->t, G_t->s, eta_s, eta_t}  max_{D_s, D_t, eta_D_s, eta_D_t}
        lambda_1 L_lsgan + lambda_2 L_cycle + lambda_3 L_identity + lambda_4 L_cam                    (sec. 2.2)

    L_lsgan     E[D_t(y)^2] + E[(1 - D_t(G(x)))^2]: least squares, for D's patches and for its attention's logits alike
    L_cycle     E[|x - G_t->s(G_s->t(x))|_1]
    L_identity  E[|y - G_s->t(y)|_1]
    L_cam       the auxiliary classifier eta_s tells, by cross entropy on G's own features, x (1) from y (0)

G translates what its attention finds: features are weighed by the auxiliary classifier's weights (a class activation
map, CAM), and AdaLIN lets each decoder channel choose between instance and layer norm. Each domain has a global and a
local discriminator, D_G and D_L, with attention of their own. Here s is A, t is B: G_AB, D_GB, D_LB, and so on.

Official code: znxlwm/UGATIT-pytorch, MIT; numbers only were taken. Networks and step are equal to it in value and
gradient (tests/parity).

The paper's ablations (sec. 3.3) are the options `cam_G`, `cam_D` and `norm`, which stands for what normalises the
decoder. In its residual blocks: AdaLIN; or AdaIN, which is AdaLIN with rho held at 1; IN, LN (rho held at 1, at 0) and
GN, all three with a learned scale and shift, so that no style is computed. In its up-sampling blocks: LIN where the
former is AdaLIN, IN where it is AdaIN, else the same as in the residual blocks.

Deviations
- D's turn comes first, as in the program, but on the very fakes that G is to answer for. The program computes them
  twice, with the same G, and lets D's gradients flow into G only to clear them: the numbers are the same.
- The depths of D_G and D_L, 7 and 5 in the program, are options, for images that are too small for 7.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES
from tfi2i.losses.reconstruction import l1
from tfi2i.nn.adalin import LIN, AdaLIN, GroupNorm
from tfi2i.nn.class_activation import ClassActivation
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.nn.spectral_norm import SpectralConv2D
from tfi2i.nn.upsampling import UpsampleNearest
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, HalfLinear
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 2.2 and appendix B), under the names users know from the PyTorch program."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain A: 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain B, the same as of A")
    light: bool = option(False, "AdaLIN's style from pooled features, a 26th of the weights, for any image size")
    ch: int = option(64, "width of the first layer of each network", least=1)
    n_res: int = option(4, "residual blocks in G's encoder, and again in its decoder", least=1)
    n_dis_global: int = option(7, "layers of the global discriminators", least=3)
    n_dis_local: int = option(5, "layers of the local discriminators", least=3)
    cam_G: bool = option(True, "attention in G")
    cam_D: bool = option(True, "attention in the discriminators")
    norm: Literal["AdaLIN", "IN", "LN", "AdaIN", "GN"] = option("AdaLIN", "normalisation in G's decoder")

    # Objective
    adv_weight: float = option(1.0, "lambda_1, of the adversarial terms", least=0)
    cycle_weight: float = option(10.0, "lambda_2, of the cycle", least=0)
    identity_weight: float = option(10.0, "lambda_3, of the identity", least=0)
    cam_weight: float = option(1000.0, "lambda_4, of G's auxiliary classifiers", least=0)

    # Optimisation
    lr: float = option(1e-4, "Adam's initial learning rate", least=0)
    weight_decay: float = option(1e-4, "L2 on every weight, added to its gradient", least=0)
    iteration: int = option(1_000_000, "steps in all", least=1)
    decay_flag: bool = option(True, "bring the learning rate linearly to zero in the second half of the steps")
    batch_size: int = option(1, "images a step, over all devices", least=1)

    # Data
    preprocess: PREPROCESS = option("resize_and_crop", "how images are brought to size")
    load_size: int = option(286, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(256, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        if self.input_nc != self.output_nc:
            raise UserError(
                f"--output_nc={self.output_nc} (expected {self.input_nc}, as input_nc: G_AB must take images of B too)"
            )
        for name in ("n_dis_global", "n_dis_local"):
            # Reflection padding needs two pixels where the layers have left fewest.
            if self.crop_size < (least := 3 * 2 ** (getattr(self, name) - 2)):
                raise UserError(
                    f"--crop_size={self.crop_size} (expected at least {least} for --{name}={getattr(self, name)}); "
                    f"lower --{name}"
                )
        if not self.light and (self.crop_size % 4 or self.preprocess in ("none", "scale_width")):
            raise UserError(
                f"--preprocess={self.preprocess} --crop_size={self.crop_size} (the full model takes images of "
                "crop_size alone, a multiple of 4); choose a preprocess that crops, or --light"
            )

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return 4

    def total_steps(self, steps_per_epoch):
        return self.iteration


# The decoder's norms: in its residual blocks, and in its up-sampling blocks.
DECODER_NORMS = {
    "AdaLIN": (AdaLIN, LIN),
    "AdaIN": (partial(AdaLIN, gate="instance"), partial(LIN, gate="instance")),
    "IN": (partial(LIN, gate="instance"), partial(LIN, gate="instance")),
    "LN": (partial(LIN, gate="layer"), partial(LIN, gate="layer")),
    "GN": (GroupNorm, GroupNorm),
}


def generator(config, name):
    """G (table 5): an encoder, attention, and a decoder whose norms take their style from what is attended to.

    Shapes: "image" (B, H, W, input_nc) in [-1, 1] -> {"image" (B, H, W, output_nc) in [-1, 1], "cam_logit" (B, 2),
    "heatmap" (B, H/4, W/4, 1)}, the latter two with cam_G alone; H and W multiples of 4, without `light` crop_size.
    """
    c, width = config, 4 * config.ch
    size = None if c.light else c.crop_size
    x = image = keras.Input((size, size, c.input_nc), name="image")

    x = layers.ReLU()(InstanceNorm()(conv(x, c.ch, 7, "stem")))
    for k in (1, 2):
        x = conv(x, 2**k * c.ch, 3, f"down{k}", strides=2)
        x = layers.ReLU()(InstanceNorm()(x))  # (B, H/2^k, W/2^k, 2^k ch)
    for k in range(1, c.n_res + 1):
        y = layers.ReLU()(InstanceNorm()(conv(x, width, 3, f"encoder{k}_conv1")))
        x = layers.Add()([x, InstanceNorm()(conv(y, width, 3, f"encoder{k}_conv2"))])

    outputs = {}
    if c.cam_G:
        x, outputs = attend(x, layers.ReLU())

    residual_norm, upsampling_norm = DECODER_NORMS[c.norm]
    gamma_beta = style(x, c) if c.norm in ("AdaLIN", "AdaIN") else ()
    for k in range(1, c.n_res + 1):
        y = conv(x, width, 3, f"decoder{k}_conv1")
        y = layers.ReLU()(residual_norm(name=f"decoder{k}_norm1")(y, *gamma_beta))
        y = conv(y, width, 3, f"decoder{k}_conv2")
        x = layers.Add()([x, residual_norm(name=f"decoder{k}_norm2")(y, *gamma_beta)])
    for k in (1, 0):
        x = conv(UpsampleNearest()(x), 2**k * c.ch, 3, f"up{k + 1}")
        x = layers.ReLU()(upsampling_norm(name=f"up{k + 1}_norm")(x))  # (B, H/2^k, W/2^k, 2^k ch)

    x = conv(x, c.output_nc, 7, "head")
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(image, {"image": x} | outputs, name=name)


def discriminator(config, n_layers, name):
    """D_G or D_L (tables 6 and 7): 4x4 convolutions, n_layers - 2 of stride 2, then attention, then a logit a patch.

    Shapes: (B, H, W, C) -> {"logits" (B, h - 1, w - 1, 1), "cam_logit" (B, 2), "heatmap" (B, h, w, 1)}, the latter two
    with cam_D alone; h = H / 2^(n_layers - 2) - 1.
    """
    conv_sn = partial(conv, layer=SpectralConv2D)
    x = image = keras.Input((None, None, config.input_nc), name="image")
    for k in range(n_layers - 1):
        x = conv_sn(x, 2**k * config.ch, 4, f"conv{k + 1}", strides=2 if k < n_layers - 2 else 1, use_bias=True)
        x = layers.LeakyReLU(0.2)(x)
    outputs = {}
    if config.cam_D:
        x, outputs = attend(x, layers.LeakyReLU(0.2), spectral_norm=True)
    logits = in_full_precision(conv_sn(x, 1, 4, "last"), "logits")
    return keras.Model(image, {"logits": logits} | outputs, name=name)


def attend(x, activation, spectral_norm=False):
    """Features weighed by two auxiliary classifiers, of average- and of max-pooled ones (sec. 2.1.1).

    Returns (B, H, W, C) and {"cam_logit": the classifiers' logits (B, 2), "heatmap": where they look (B, H, W, 1)}.
    """
    channels = x.shape[-1]
    (gap_logit, gap), (gmp_logit, gmp) = (
        ClassActivation(pool, spectral_norm, kernel_initializer=uniform(channels), name=name)(x)
        for pool, name in (("mean", "gap_fc"), ("max", "gmp_fc"))
    )
    x = activation(conv(layers.Concatenate()([gap, gmp]), channels, 1, "conv1x1", use_bias=True))
    logits = in_full_precision(layers.Concatenate()([gap_logit, gmp_logit]), "cam_logit")
    return x, {"cam_logit": logits, "heatmap": keras.ops.sum(in_full_precision(x, "attended"), -1, keepdims=True)}


def style(x, config):
    """gamma and beta (B, 1, 1, 4 ch), which all AdaLINs share, from two fully connected layers."""
    if config.light:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(x)

    def dense(x, name):
        return layers.Dense(4 * config.ch, use_bias=False, kernel_initializer=uniform(x.shape[-1]), name=name)(x)

    for name in ("fc1", "fc2"):
        x = layers.ReLU()(dense(x, name))
    return [layers.Reshape((1, 1, 4 * config.ch))(dense(x, name)) for name in ("gamma", "beta")]


def conv(x, filters, size, name, strides=1, use_bias=False, layer=layers.Conv2D):
    """A convolution behind reflection padding."""
    fan_in = size * size * x.shape[-1]
    if size > 1:
        x = ReflectPad((size - 1) // 2)(x)
    options = {"strides": strides, "use_bias": use_bias, "name": name}
    return layer(filters, size, kernel_initializer=uniform(fan_in), bias_initializer=uniform(fan_in), **options)(x)


def uniform(fan_in):
    """PyTorch's default for kernels and biases, which the program leaves in place."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def in_full_precision(x, name):
    return layers.Activation("linear", dtype=keras.config.floatx(), name=name)(x)


class UGATIT(Translator):
    """U-GAT-IT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain A, y (B, H, W, output_nc) of domain B; H and W multiples of 4, and equal to
    crop_size without `light`.
    """

    Config = Config
    kept = ("G_AB", "G_BA", "D_GA", "D_GB", "D_LA", "D_LB")  # the discriminators for `attention`

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.G_AB, self.G_BA = generator(c, "G_AB"), generator(c, "G_BA")
        self.D_GA, self.D_GB = (discriminator(c, c.n_dis_global, name) for name in ("D_GA", "D_GB"))
        self.D_LA, self.D_LB = (discriminator(c, c.n_dis_local, name) for name in ("D_LA", "D_LB"))
        self.players = {"G": [self.G_AB, self.G_BA], "D": [self.D_GA, self.D_GB, self.D_LA, self.D_LB]}
        self.loss_names = loss_names(c)
        self.translators = {"AtoB": image_alone(self.G_AB), "BtoA": image_alone(self.G_BA)}

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config

        def adam():
            return Adam(HalfLinear(c.lr, c.iteration) if c.decay_flag else c.lr, beta_1=0.5, l2=c.weight_decay)

        return {"G": adam(), "D": adam()}

    def train_step(self, batch):
        """The four discriminators move, then both generators, with the same fakes, answer them; then rho is clipped."""
        a, b = batch["x"], batch["y"]
        G_AB, G_BA, D_GA, D_GB, D_LA, D_LB = self.networks(training=True)
        lsgan, bce, c = OBJECTIVES["lsgan"], OBJECTIVES["vanilla"], self.config

        with self.turn("G") as losses:
            to_b, to_a = G_AB(a), G_BA(b)
            fake_b, fake_a = to_b["image"], to_a["image"]
            judges = (
                ("GA", D_GA, a, fake_a),
                ("GB", D_GB, b, fake_b),
                ("LA", D_LA, a, fake_a),
                ("LB", D_LB, b, fake_b),
            )

            with self.turn("D") as d_losses:
                for name, D, real, fake in judges:
                    on_real, on_fake = D(real), D(tf.stop_gradient(fake))
                    ad = lsgan.real(on_real["logits"]) + lsgan.fake(on_fake["logits"])
                    d_losses[f"D_ad_loss_{name}"] = c.adv_weight * ad
                    if c.cam_D:
                        ad_cam = lsgan.real(on_real["cam_logit"]) + lsgan.fake(on_fake["cam_logit"])
                        d_losses[f"D_ad_cam_loss_{name}"] = c.adv_weight * ad_cam

            for name, D, _, fake in judges:
                on_fake = D(fake)
                losses[f"G_ad_loss_{name}"] = c.adv_weight * lsgan.generator(on_fake["logits"])
                if c.cam_D:
                    losses[f"G_ad_cam_loss_{name}"] = c.adv_weight * lsgan.generator(on_fake["cam_logit"])

            same_a, same_b = G_BA(a), G_AB(b)
            losses["G_recon_loss_A"] = c.cycle_weight * l1(G_BA(fake_b)["image"], a)
            losses["G_recon_loss_B"] = c.cycle_weight * l1(G_AB(fake_a)["image"], b)
            losses["G_identity_loss_A"] = c.identity_weight * l1(same_a["image"], a)
            losses["G_identity_loss_B"] = c.identity_weight * l1(same_b["image"], b)
            if c.cam_G:
                cam_a = bce.real(to_a["cam_logit"]) + bce.fake(same_a["cam_logit"])
                cam_b = bce.real(to_b["cam_logit"]) + bce.fake(same_b["cam_logit"])
                losses["G_cam_loss_A"] = c.cam_weight * cam_a
                losses["G_cam_loss_B"] = c.cam_weight * cam_b

        for layer in self.G_AB.layers + self.G_BA.layers:
            if isinstance(layer, (AdaLIN, LIN)) and layer.gate == "learned":
                layer.clip()
        return self.logs()

    def generators(self, stochastic=False):
        needed = {"AtoB": "G_AB", "BtoA": "G_BA"}
        return {direction: net for direction, net in self.translators.items() if needed[direction] in self.trained}

    def generators_with_attention(self):
        """`generators` that also tell where G looks: {"image", "attention" (B, H/4, W/4, 1)}."""
        if not self.config.cam_G:
            raise UserError("no attention to show: the run has --cam_G=false")
        return {
            direction: keras.Model(
                network.input, {"image": network.output, "attention": G.output["heatmap"]}, name=network.name
            )
            for G, (direction, network) in zip((self.G_AB, self.G_BA), self.translators.items(), strict=True)
            if direction in self.generators()
        }

    def attention(self, direction):
        """Where the networks look, the paper's figure 2: a network from an image (B, H, W, C) to its heat maps.

        Returns: keras.Model; {"G": (B, H/4, W/4, 1) over the image, "D_global", "D_local": (B, h, w, 1) over its
        translation, by the discriminators of the domain it leads to}, without those whose attention is off or that
        are not trained.
        Raises: `UserError` where all are off.
        """
        G, names = (self.G_AB, ("D_GB", "D_LB")) if direction == "AtoB" else (self.G_BA, ("D_GA", "D_LA"))
        if not (self.config.cam_G or self.config.cam_D):
            raise UserError("no attention to show: the run has --cam_G=false and --cam_D=false")
        image = keras.Input(G.input_shape[1:], name="image")
        from_G = G(image)
        judges = {key: name for key, name in zip(("D_global", "D_local"), names, strict=True) if name in self.trained}
        answers = {"G": from_G} | {key: getattr(self, name)(from_G["image"]) for key, name in judges.items()}
        maps = {player: answer["heatmap"] for player, answer in answers.items() if "heatmap" in answer}
        return keras.Model(image, maps, name=f"attention_{direction}")


def loss_names(config):
    """The program's names; G and L: the global and the local D; A and B: the domain of what is judged or made."""
    domains, judges = ("A", "B"), ("GA", "GB", "LA", "LB")
    ad = ["ad_loss", "ad_cam_loss"] if config.cam_D else ["ad_loss"]
    own = ["recon_loss", "identity_loss", "cam_loss"] if config.cam_G else ["recon_loss", "identity_loss"]
    names = [f"{player}_{term}_{judge}" for player in ("D", "G") for term in ad for judge in judges]
    return tuple(names + [f"G_{term}_{domain}" for term in own for domain in domains])


def image_alone(G):
    """G without its attention's outputs: image to image."""
    return keras.Model(G.input, G.get_layer("output").output, name=G.name)


_QUICK = Config(
    light=True,
    ch=16,
    n_res=2,
    n_dis_global=5,
    n_dis_local=4,
    cam_weight=20.0,  # at this width and length 1000 leaves too little to the other terms: see BUILD.md, Measured
    iteration=2000,
    lr=2e-4,
    load_size=72,
    crop_size=64,
)

# Appendix C: five data sets, all at the paper's one setting, 1,000,000 steps at batch 1.
PRESETS = {
    "quick": Preset(
        _QUICK,
        dataset="synthetic_seasons",
        note="summer <-> winter at 64 px, light and narrow; minutes on two CPU cores",
    ),
    "quick_animals": Preset(
        dataclasses.replace(_QUICK, iteration=5000),
        dataset="synthetic_animals",
        note="cats <-> dogs, whose shapes differ, at 64 px; ten minutes on one CPU core",
    ),
    "selfie2anime": Preset(Config(), note="3,400 + 3,400 images for training, your own copy; not yet run"),
    "horse2zebra": Preset(Config(), dataset="cycle_gan/horse2zebra", note="ImageNet, 1,067 + 1,334; not yet run"),
    "cat2dog": Preset(Config(), note="DRIT's 771 + 1,264 images, your own copy; not yet run"),
    "photo2portrait": Preset(Config(), note="DRIT's 6,452 + 1,811 images, your own copy; not yet run"),
    "photo2vangogh": Preset(
        Config(), dataset="cycle_gan/vangogh2photo", note="Van Gogh is domain A, 400 + 6,287; not yet run"
    ),
}
