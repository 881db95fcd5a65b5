"""CUT: Contrastive Learning for Unpaired Image-to-Image Translation (Park, Efros, Zhang, Zhu; ECCV 2020), and its
lighter form, FastCUT.

    min_{G, H} max_D  L_GAN(G, D, X, Y) + lambda_X L_PatchNCE(G, H, X) + lambda_Y L_PatchNCE(G, H, Y)      (eq. 5)
    L_PatchNCE(G, H, X) = E_x[ sum_l sum_s  l(z^_l^s, z_l^s, { z_l^t: t != s }) ]                          (eq. 3)
    l(v, v+, v-)        = -log  exp(v . v+ / tau) / ( exp(v . v+ / tau) + sum_n exp(v . v-_n / tau) )      (eq. 2)
    z_l = H_l(G_enc^l(x)),  z^_l = H_l(G_enc^l(G(x)))

G maps domain X to Y, and there is no way back. G_enc is its first half: what it sees at a place s of G(x) shall be
nearer to what it saw at that place of x than at other places of x. H_l, two dense layers, takes the features of layer l
to vectors z of length 1. On Y the same loss says that G leaves alone what is in Y already. CUT has lambda_X = lambda_Y
= 1; FastCUT lambda_X = 10, lambda_Y = 0, and its G must translate mirrored images as it translates others (sec. 4).

Official code: taesungp/contrastive-unpaired-translation (BSD); numbers only were taken. Its netF is H here, its
lambda_NCE is lambda_X and lambda_Y. Where both are asked for (`nce_idt`), it takes half of each, and it takes means
over places and layers where eq. 3 has sums. So does this file.

Deviations
- Places, and with --flip_equivariance which images are mirrored, are drawn for each image; the official program draws
  them once a batch. At its batch of one that is the same.
- x and y go through G one after the other, not as one batch: the norms are of single images.
- The images of an epoch are a permutation of each domain; the official program draws those of Y at random.
- Nothing else that its options offer: always antialiased, negatives of the same image only, H never left out.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES
from tfi2i.nn.antialiasing import BlurDown, BlurUp
from tfi2i.nn.blocks import as_tested, kernel_initializer
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, EpochSchedule
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 4 and appendix), under the names of the official program's options."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain X (A): 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain Y (B); as many, since G's first half sees both")
    ngf: int = option(64, "width of the first layer of G", least=1)
    n_blocks: int = option(9, "residual blocks of G", least=1)
    ndf: int = option(64, "width of the first layer of D", least=1)
    n_layers_D: int = option(3, "halvings of D; 3: the 70x70 PatchGAN", least=1)
    netF_nc: int = option(256, "length of the vectors that are compared", least=1)
    init_type: Literal["normal", "xavier", "kaiming", "orthogonal"] = option("xavier", "how kernels are drawn")
    init_gain: float = option(0.02, "gain of init_type=xavier", least=0)

    # Objective
    gan_mode: Literal["lsgan", "vanilla", "hinge"] = option("lsgan", "the adversarial objective")
    lambda_GAN: float = option(1.0, "weight of the adversarial term", least=0)
    lambda_NCE: float = option(1.0, "weight of the contrast of patches", least=0)
    nce_idt: bool = option(True, "also contrast G(y) with y; both then have half the weight")
    nce_layers: str = option("0,4,8,12,16", "where G is looked into: layers by number, the blocks beginning at 12")
    nce_T: float = option(0.07, "temperature tau of the contrast", least=1e-6)
    num_patches: int = option(256, "places of an image that are contrasted at each layer", least=2)
    flip_equivariance: bool = option(False, "mirror one image in two before it is translated, and its features back")

    # Optimisation
    lr: float = option(2e-4, "Adam's initial learning rate", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    beta2: float = option(0.999, "Adam's second momentum", least=0)
    lr_policy: Literal["linear", "step", "cosine", "constant"] = option("linear", "how the learning rate falls")
    n_epochs: int = option(200, "epochs at the initial learning rate", least=1)
    n_epochs_decay: int = option(200, "further epochs, in which lr_policy=linear brings it down", least=0)
    lr_decay_iters: int = option(50, "epochs between the cuts of lr_policy=step", least=1)
    batch_size: int = option(1, "images of each domain a step, over all devices", least=1)

    # Data
    preprocess: PREPROCESS = option("resize_and_crop", "how images are brought to size")
    load_size: int = option(286, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(256, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        _ = self.contrasted  # wrong nce_layers are known at once
        if self.input_nc != self.output_nc:
            raise UserError(
                f"--input_nc={self.input_nc} and --output_nc={self.output_nc} (expected equal ones: the same layers of "
                "G look at images of both domains)"
            )

    @property
    def contrasted(self):
        """The numbers in nce_layers."""
        last = 11 + self.n_blocks
        try:
            numbers = [int(part) for part in self.nce_layers.split(",")]
        except ValueError:
            numbers = [-1]
        if not all(0 <= number <= last for number in numbers):
            raise UserError(
                f"--nce_layers={self.nce_layers} (expected numbers from 0 to {last}, the last of --n_blocks="
                f"{self.n_blocks}, with commas between, such as 0,4,8,12)"
            )
        return numbers

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return 4

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return steps_per_epoch * (self.n_epochs + self.n_epochs_decay)


# The networks (appendix): those of CycleGAN, but halved and doubled without aliasing. Every convolution has a bias.


def conv(config, filters, size, name, padding="valid"):
    kernel = kernel_initializer(config.init_type, config.init_gain)
    return layers.Conv2D(filters, size, padding=padding, kernel_initializer=kernel, name=name)


def residual_block(config, width, name):
    """x plus two 3x3 convolutions of it with instance norm, as a function; (B, H, W, width) -> the same."""
    conv1, conv2 = (conv(config, width, 3, f"{name}_conv{k}") for k in (1, 2))

    def block(x):
        y = layers.ReLU()(InstanceNorm()(conv1(ReflectPad(1)(x))))
        return layers.Add(name=name)([x, InstanceNorm()(conv2(ReflectPad(1)(y)))])

    return block


def generator(config):
    """G, and G_enc, which shares its weights and gives what comes out of the layers numbered in `nce_layers`.

    Those of the paper, 0, 4, 8, 12 and 16: the pixels, the first and second convolution that is halved, before their
    norm, the first and the fifth residual block.

    Shapes: G: (B, H, W, input_nc) -> (B, H, W, output_nc), both in [-1, 1], H and W multiples of 4, at least 8.
    G_enc: (B, H, W, input_nc) -> [(B, h, w, C) at each layer], sizes and channels its own.
    """
    c = config
    modules = [ReflectPad(3), conv(c, c.ngf, 7, "stem"), InstanceNorm(), layers.ReLU()]
    for k in (1, 2):
        modules += [conv(c, 2**k * c.ngf, 3, f"down{k}", "same"), InstanceNorm(), layers.ReLU(), BlurDown()]
    modules += [residual_block(c, 4 * c.ngf, f"block{k}") for k in range(1, c.n_blocks + 1)]
    for k in (2, 1):
        modules += [BlurUp(), conv(c, 2 ** (k - 1) * c.ngf, 3, f"up{k}", "same"), InstanceNorm(), layers.ReLU()]
    modules += [ReflectPad(3), conv(c, c.output_nc, 7, "head")]
    modules += [layers.Activation("tanh", dtype=keras.config.floatx(), name="output")]

    image = keras.Input((None, None, c.input_nc), name="image")
    outputs = [image]
    for module in modules:
        outputs.append(module(outputs[-1]))
    features = [outputs[1 + number] for number in c.contrasted]
    return keras.Model(image, outputs[-1], name="G"), keras.Model(image, features, name="G_enc")


def discriminator(config):
    """D: (B, H, W, output_nc) -> logits (B, H/2^n - 2, W/2^n - 2, 1), one a patch, n = n_layers_D.

    4x4 convolutions padded by one pixel on each side, no norm on the first and the last, LeakyReLU(0.2).
    """
    c = config
    x = image = keras.Input((None, None, c.output_nc), name="image")
    for k in range(c.n_layers_D + 1):
        x = conv(c, c.ndf * min(2**k, 8), 4, f"conv{k + 1}")(layers.ZeroPadding2D(1)(x))
        x = layers.LeakyReLU(0.2)(InstanceNorm()(x) if k else x)
        x = BlurDown()(x) if k < c.n_layers_D else x
    x = conv(c, 1, 4, f"conv{c.n_layers_D + 2}")(layers.ZeroPadding2D(1)(x))
    return keras.Model(image, layers.Activation("linear", dtype=keras.config.floatx(), name="logits")(x), name="D")


def patch_networks(config, widths):
    """H: features [(B, S, C_l)] of S places at each layer -> [(B, S, netF_nc)]; for each layer two dense layers.

    In full precision: what they make of features is small before it is brought to length 1.
    """
    inputs, outputs = [], []
    for number, width in zip(config.contrasted, widths, strict=True):
        v = features = keras.Input((None, width), name=f"features{number}")
        for k, activation in ((1, "relu"), (2, None)):
            kernel = kernel_initializer(config.init_type, config.init_gain)
            exact = {"dtype": keras.config.floatx(), "name": f"layer{number}_dense{k}"}
            v = layers.Dense(config.netF_nc, activation, kernel_initializer=kernel, **exact)(v)
        inputs.append(features)
        outputs.append(v)
    return keras.Model(inputs, outputs, name="H")


# The parts of the objective.


def unit(v):
    """v / (||v||_2 + 1e-7); (B, S, K) -> the same."""
    # 1e-16 keeps the root's derivative finite where v is nought.
    return v / (tf.sqrt(tf.reduce_sum(tf.square(v), -1, keepdims=True) + 1e-16) + 1e-7)


def info_nce(z_hat, z, tau):
    """l of eq. 2, the mean over places s and images: v is z_hat at s, v+ is z at s, v- are z at the other places.

    Shapes: z_hat, z (B, S, K), of length 1.
    """
    similar = tf.matmul(z_hat, z, transpose_b=True) / tau  # (B, S, S): row s is z_hat at s against z at all places
    return tf.reduce_mean(tf.reduce_logsumexp(similar, 2) - tf.linalg.diag_part(similar))


def at(features, places):
    """(B, h, w, C) at places (B, S), counted through the rows -> (B, S, C)."""
    batch, channels = tf.shape(features)[0], features.shape[-1]
    return tf.gather(tf.reshape(features, [batch, -1, channels]), places, batch_dims=1)


def mirrored(images, which):
    """The images, or features, of (B, H, W, C) mirrored where `which` (B, 1, 1, 1) is true; None: nowhere."""
    return images if which is None else tf.where(which, tf.reverse(images, [2]), images)


class CUT(Translator):
    """CUT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain X, y (B, H, W, output_nc) of domain Y; H and W multiples of `config.stride`.
    """

    Config = Config
    loss_names = ("D_real", "D_fake", "G_GAN", "NCE", "NCE_Y")

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.G, self.G_enc = generator(c)
        self.D = discriminator(c)
        self.H = patch_networks(c, [features.shape[-1] for features in self.G_enc.outputs])
        self.players = {"G": [self.G], "H": [self.H], "D": [self.D]}
        self.gan = OBJECTIVES[c.gan_mode]

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        policy, epoch = c.lr_policy if steps_per_epoch else "constant", steps_per_epoch or 1

        def adam():
            # ahead: the official program advances its schedule after an epoch.
            rate = EpochSchedule(c.lr, policy, epoch, c.n_epochs, c.n_epochs_decay, c.lr_decay_iters, ahead=1)
            return Adam(rate, beta_1=c.beta1, beta_2=c.beta2)

        return {player: adam() for player in self.players}

    def train_step(self, batch):
        """D learns to tell G(x) from y, then G and H descend eq. 5 on the same G(x)."""
        x, y = batch["x"], batch["y"]
        G, _, D = self.networks(training=True)
        gan, c = self.gan, self.config
        lambda_X = lambda_Y = c.lambda_NCE * (0.5 if c.nce_idt else 1.0)
        flips = self.uniform("flips", (tf.shape(x)[0], 1, 1, 1)) < 0.5 if c.flip_equivariance else None

        with self.turn("G", "H") as losses:
            y_hat = G(mirrored(x, flips))
            with self.turn("D") as of_D:
                of_D["D_real"] = 0.5 * gan.real(D(y))
                of_D["D_fake"] = 0.5 * gan.fake(D(tf.stop_gradient(y_hat)))
            losses["G_GAN"] = c.lambda_GAN * gan.generator(D(y_hat))
            losses["NCE"] = lambda_X * self.patch_nce("x", x, y_hat, flips)
            if c.nce_idt:
                losses["NCE_Y"] = lambda_Y * self.patch_nce("y", y, G(mirrored(y, flips)), flips)

        return self.logs()

    def patch_nce(self, name, x, y_hat, flips=None):
        """L_PatchNCE (eq. 3) of images x and y_hat = G(x), the mean over layers; z, the keys, are constant.

        Args:
            name: of x, for the draws.
            x, y_hat: (B, H, W, C).
            flips: (B, 1, 1, 1), which of y_hat were made of mirrored x; None: none.
        """
        _, H, _ = self.networks(training=True)
        of_x = self.G_enc(x, training=True)
        of_y_hat = [mirrored(features, flips) for features in self.G_enc(y_hat, training=True)]
        places = [self.places(f"{name}/{k}", of) for k, of in zip(self.config.contrasted, of_x, strict=True)]
        z = H([at(features, s) for features, s in zip(of_x, places, strict=True)])
        z_hat = H([at(features, s) for features, s in zip(of_y_hat, places, strict=True)])
        pairs = zip(z_hat, z, strict=True)
        by_layer = [info_nce(unit(v), tf.stop_gradient(unit(key)), self.config.nce_T) for v, key in pairs]
        return tf.add_n(by_layer) / len(by_layer)

    def places(self, name, features):
        """`num_patches` places of each image, or all where there are fewer, drawn without replacement.

        Shapes: features (B, h, w, C) -> (B, S), from 0 to h w - 1.
        """
        batch, height, width, _ = tf.unstack(tf.shape(features))
        numbers = self.uniform(name, (batch, height * width))
        return tf.math.top_k(numbers, tf.minimum(self.config.num_patches, height * width)).indices

    def generators(self, stochastic=False):
        return {"AtoB": as_tested(self.G, stochastic)}


_FAST = {"lambda_NCE": 10.0, "nce_idt": False, "flip_equivariance": True, "n_epochs": 150, "n_epochs_decay": 50}

# Section 4 and the official program's defaults; FID as the paper has it.
PRESETS = {
    "quick": Preset(
        Config(
            ngf=16,
            n_blocks=5,
            ndf=32,
            n_layers_D=2,
            init_type="normal",  # with xavier L1 is the same, 0.172, and pictures are blurred: SSIM 0.660, here 0.676
            n_epochs=3,
            n_epochs_decay=3,
            load_size=72,
            crop_size=64,
        ),
        dataset="synthetic_seasons",
        steps=2400,
        note="summer -> winter at 64 px, narrow; 5.4 minutes on one CPU core, L1 0.174, a copy of the input has 0.468",
    ),
    "cut": Preset(
        Config(),
        dataset="cycle_gan/horse2zebra",
        note="horse -> zebra, 400 epochs; the paper's FID is 45.5; not yet run",
    ),
    "fastcut": Preset(
        Config(**_FAST),
        dataset="cycle_gan/horse2zebra",
        note="horse -> zebra, FastCUT, 200 epochs; the paper's FID is 73.4; not yet run",
    ),
}
