"""SRResNet and SRGAN: Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network (Ledig,
Theis, Huszar, Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang, Shi; CVPR 2017).

    l_SR      = l_X + 10^-3 l_Gen                                                                    (eq. 3)
    l_MSE     = mean ( I_HR - G(I_LR) )^2                                                            (eq. 4)
    l_VGG/i,j = mean ( phi_i,j(I_HR) - phi_i,j(G(I_LR)) )^2                                          (eq. 5)
    l_Gen     = sum_n -log D( G(I_LR) )                                                              (eq. 6)
    min_G max_D  E[ log D(I_HR) ] + E[ log(1 - D( G(I_LR) )) ]                                       (eq. 2)

G enlarges I_LR `scale` times. Stage "srresnet" trains it on l_MSE alone. Stage "srgan" goes on from there (`init`) with
D, which tells high-resolution images from enlarged ones; the content loss l_X is l_MSE or l_VGG on phi_2,2 or phi_5,4,
what the j-th convolution before VGG19's i-th pooling gives after its ReLU, times 1/12.75 (sec. 3.2).

The authors published no code. Networks are equal to those of Lornatang/SRGAN-PyTorch (Apache-2.0), from which numbers
only were taken (tests/parity).

Deviations
- Low-resolution images come in [-1, 1] like all images here; G brings them to [0, 1], as in the paper. So does D, which
  the paper doesn't say; there the surroundings of an image are black.
- eq. 4 to 6 are averaged over colours, features and images too.
- The same fake answers D's step and G's; D steps first. The paper only says that they alternate.
- Kernels are drawn as PyTorch draws them, the slopes of PReLU start at 0.25; the paper says neither.
- The weights of VGG19 are those that Keras publishes, which its authors ported.
- Left out: total variation, which the paper adds to SRResNet-VGG22 alone.
"""

import contextlib
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES
from tfi2i.losses.reconstruction import mse
from tfi2i.nn.blocks import as_tested
from tfi2i.nn.normalization import BatchNorm
from tfi2i.nn.upsampling import PixelShuffle
from tfi2i.options import option, validate
from tfi2i.training.optimizers import Adam, StepDecay
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset

PHI = {"vgg22": "block2_conv2", "vgg54": "block5_conv4"}
VGG19_MD5 = "253f8cb515780f3b799900260a226db6"  # of vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, as Keras has it


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 3.2)."""

    kind: ClassVar[str] = "high_resolution"
    preprocess: ClassVar[str] = "crop"

    # Networks
    scale: Literal[2, 4] = option(4, "how many times larger the answer is")
    n_blocks: int = option(16, "residual blocks of G", least=1)
    ngf: int = option(64, "width of G", least=1)
    ndf: int = option(64, "width of the first layer of D", least=1)
    norm: Literal["batch", "none"] = option("batch", "normalisation in both networks")
    prelu: Literal["shared", "channel"] = option("shared", "PReLU with one slope a layer, or one a channel")
    trunk: Literal["norm", "prelu"] = option("norm", "what follows the convolution after the residual blocks")
    output: Literal["linear", "tanh"] = option("linear", "what follows the last convolution of G")

    # Objective
    stage: Literal["srresnet", "srgan"] = option("srgan", "srresnet: G alone, on MSE; srgan: with D")
    content: Literal["mse", "vgg22", "vgg54"] = option("vgg54", "content loss of stage srgan")
    vgg: str = option("imagenet", "VGG19's weights: imagenet, which Keras downloads; a file of them; or random")
    lambda_content: float = option(1.0, "weight of the content loss", least=0)
    lambda_adversarial: float = option(1e-3, "weight of the adversarial loss", least=0)
    init: str | None = option(None, "a run of stage srresnet, or its networks/G.keras, from which G starts")

    # Optimisation
    lr: float = option(1e-4, "Adam's learning rate; in stage srgan a tenth of it in the second half", least=0)
    beta1: float = option(0.9, "Adam's first momentum", least=0)
    num_iters: int = option(200_000, "steps of the training", least=1)
    batch_size: int = option(16, "images a step, over all devices", least=1)

    # Data
    crop_size: int = option(96, "size of the random crop of the high-resolution image", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        if self.crop_size % self.scale:
            raise UserError(f"--crop_size={self.crop_size} (expected a multiple of --scale={self.scale})")

    @property
    def stride(self):
        """H and W of an image must be multiples of this: G takes any size."""
        return 1

    @property
    def load_size(self):
        """The side of images that the package draws."""
        return max(256, self.crop_size)

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return self.num_iters


def evenly():
    """PyTorch's default for kernels: even within 1 / sqrt(fan in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def generator(config):
    """G: (B, H, W, 3) -> (B, scale H, scale W, 3), both in [-1, 1]; any H and W (fig. 4)."""
    c = config
    biased = c.norm == "none"  # a norm takes a bias off again

    def conv(x, filters, size, name, use_bias=True):
        return layers.Conv2D(filters, size, 1, "same", use_bias=use_bias, kernel_initializer=evenly(), name=name)(x)

    def normed(x, name):
        return BatchNorm(name=f"{name}_norm")(x) if c.norm == "batch" else x

    def prelu(x, name):
        axes = [1, 2, 3] if c.prelu == "shared" else [1, 2]
        return layers.PReLU(keras.initializers.Constant(0.25), shared_axes=axes, name=f"{name}_prelu")(x)

    image = keras.Input((None, None, 3), name="image")
    x = stem = prelu(conv(layers.Rescaling(0.5, 0.5)(image), c.ngf, 9, "stem"), "stem")
    for k in range(1, c.n_blocks + 1):
        y = prelu(normed(conv(x, c.ngf, 3, f"block{k}_conv1", biased), f"block{k}_conv1"), f"block{k}")
        x = layers.Add()([x, normed(conv(y, c.ngf, 3, f"block{k}_conv2", biased), f"block{k}_conv2")])
    x = conv(x, c.ngf, 3, "trunk", biased or c.trunk == "prelu")
    x = normed(x, "trunk") if c.trunk == "norm" else prelu(x, "trunk")
    x = layers.Add()([x, stem])
    for k in range(1, upsamplings(c) + 1):
        x = PixelShuffle(2)(conv(x, 4 * c.ngf, 3, f"up{k}"))  # (B, 2^k H, 2^k W, ngf)
        x = prelu(x, f"up{k}")
    x = conv(x, 3, 9, "head")
    x = layers.Activation(c.output, dtype=keras.config.floatx(), name="output")(x)
    return keras.Model(image, x, name="G")


def upsamplings(config):
    """How many times G doubles the size."""
    return config.scale.bit_length() - 1


def discriminator(config):
    """D: (B, S, S, 3) in [-1, 1], S the crop_size -> logits (B, 1) (fig. 4)."""
    c = config
    image = keras.Input((c.crop_size, c.crop_size, 3), name="image")
    x = layers.Rescaling(0.5, 0.5)(image)
    for k in range(1, 9):
        width, strides, norm = c.ndf * 2 ** ((k - 1) // 2), 2 - k % 2, k > 1 and c.norm == "batch"
        # Explicit padding: "same" with stride 2 would put the odd pixel on the other side.
        x, padding = (x, "same") if strides == 1 else (layers.ZeroPadding2D(1)(x), "valid")
        conv = {"use_bias": not norm, "kernel_initializer": evenly(), "name": f"conv{k}"}
        x = layers.Conv2D(width, 3, strides, padding, **conv)(x)
        x = BatchNorm(name=f"conv{k}_norm")(x) if norm else x
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(x)  # (B, S/16 S/16 8 ndf)
    x = layers.LeakyReLU(0.2)(layers.Dense(1024, kernel_initializer=evenly(), name="dense")(x))
    x = layers.Dense(1, kernel_initializer=evenly(), name="judge")(x)
    x = layers.Activation("linear", dtype=keras.config.floatx(), name="logits")(x)
    return keras.Model(image, x, name="D")


def vgg_features(config):
    """phi_i,j of eq. 5, times 1/12.75: a function of images (B, H, W, 3) in [-1, 1] to features (B, h, w, C)."""
    phi = vgg19(PHI[config.content])
    phi.set_weights(vgg19_weights(config.vgg, [w.shape for w in phi.weights]))
    mean_bgr = [103.939, 116.779, 123.68]  # of ImageNet

    def features(image):
        bgr = 127.5 * (image[..., ::-1] + 1.0) - tf.constant(mean_bgr, image.dtype)
        return tf.cast(phi(bgr, training=False), keras.config.floatx()) / 12.75

    return features


def vgg19(last):
    """VGG19 (Simonyan and Zisserman 2015, table 1, E) up to the layer `last`, by Keras' names."""
    x = image = keras.Input((None, None, 3))
    for block, (width, convs) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), 1):
        for k in range(1, convs + 1):
            name = f"block{block}_conv{k}"
            x = layers.Conv2D(width, 3, 1, "same", activation="relu", kernel_initializer="zeros", name=name)(x)
            if name == last:
                return keras.Model(image, x)
        x = MaxPool()(x)
    raise ValueError(f"last must be a convolution of VGG19. Received: {last!r}")


class MaxPool(layers.Layer):
    """The largest of 2 x 2 pixels, in a form of which XLA has a deterministic gradient; it has none of Keras' own."""

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else n // 2 for n in size), channels)

    def call(self, x):
        batch, height, width, channels = (n or size for n, size in zip(x.shape, tf.unstack(tf.shape(x)), strict=True))
        x = x[:, : height // 2 * 2, : width // 2 * 2]
        # Reshaped and unstacked, not cut by strides, which takes TensorFlow ten times as long on CPUs.
        x = tf.maximum(*tf.unstack(tf.reshape(x, (batch, height // 2, 2, width // 2 * 2, channels)), axis=2))
        return tf.maximum(*tf.unstack(tf.reshape(x, (batch, height // 2, width // 2, 2, channels)), axis=3))


def vgg19_weights(source, shapes):
    """VGG19's first weights, of these shapes: source is "imagenet", a file, or "random"."""
    if source == "random":
        print("tfi2i: --vgg=random: the content loss compares random features, not VGG19's", file=sys.stderr)
        random = np.random.default_rng(0)  # the same in every process
        he = {4: lambda s: random.standard_normal(s, np.float32) * np.sqrt(2 / np.prod(s[:3])), 1: np.zeros}
        return [he[len(shape)](shape) for shape in shapes]
    if source != "imagenet":
        if not Path(source).is_file():
            raise UserError(f"--vgg={source} (expected imagenet, random, or a file of weights)")
        if hashlib.md5(Path(source).read_bytes()).hexdigest() != VGG19_MD5:
            print(f"tfi2i: --vgg={source}: not the weights that Keras publishes (its MD5 is another)", file=sys.stderr)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where Keras shows its download, and checks its MD5
            return keras.applications.VGG19(include_top=False, weights=source).get_weights()[: len(shapes)]
    except Exception as error:  # Keras raises no narrower one for a failed download
        raise UserError(
            f"--vgg={source}: no weights of VGG19 without its dense layers ({error}); give the file that Keras "
            "publishes, vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, with --vgg=FILE, or --content=mse, which "
            "needs none"
        ) from error


class SRGAN(Translator):
    """SRResNet and SRGAN as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, S / scale, S / scale, 3), y (B, S, S, 3), S the crop_size.
    """

    Config = Config
    statistics = "running"

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        self.G = generator(self.config)
        self.players, self.loss_names = {"G": [self.G]}, ("content",)
        if self.config.stage == "srgan":
            self.D = discriminator(self.config)
            self.players["D"] = [self.D]
            self.loss_names = ("content", "adversarial", "D_real", "D_fake")

    def compile(self, *args, **kwargs):
        """As `Translator.compile`; VGG19 and the start of G are read here, since only training needs them."""
        super().compile(*args, **kwargs)
        if self.config.init:
            self._start_from(Path(self.config.init))
        if self.config.stage == "srgan":
            # A function, not a layer: what it holds is neither trained nor saved.
            self.features = tf.identity if self.config.content == "mse" else vgg_features(self.config)

    def _start_from(self, path):
        file = path / "networks" / "G.keras" if path.is_dir() else path
        try:
            self.G.set_weights(keras.models.load_model(file).get_weights())
        except (OSError, ValueError) as error:
            raise UserError(
                f"--init={path}: no G to start from (expected a run of stage srresnet, or its networks/G.keras, of "
                f"equal --scale, --n_blocks, --ngf, --norm, --prelu, --trunk; received: {error})"
            ) from error

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        falls = c.stage == "srgan" and steps_per_epoch

        def adam():
            # One step more than half, because StepDecay counts the step that is about to be made.
            return Adam(StepDecay(c.lr, c.num_iters // 2 + 1, 0.1) if falls else c.lr, beta_1=c.beta1)

        return {player: adam() for player in self.players}

    def train_step(self, batch):
        """Stage srresnet: G descends eq. 4. Stage srgan: D ascends eq. 2, then G descends eq. 3 on the same fake."""
        x, y = batch["x"], batch["y"]
        gan, c = OBJECTIVES["vanilla"], self.config

        if c.stage == "srresnet":
            (G,) = self.networks(training=True)
            with self.turn("G") as losses:
                losses["content"] = c.lambda_content * mse(G(x), y)
            return self.logs()

        G, D = self.networks(training=True)
        phi = self.features
        with self.turn("G") as losses:
            fake = G(x)

            with self.turn("D") as d_losses:
                d_losses["D_real"] = gan.real(D(y))
                d_losses["D_fake"] = gan.fake(D(tf.stop_gradient(fake)))

            losses["content"] = c.lambda_content * mse(phi(fake), phi(y))
            losses["adversarial"] = c.lambda_adversarial * gan.generator(D(fake))

        return self.logs()

    def generators(self, stochastic=False):
        return {"AtoB": as_tested(self.G, stochastic, self.statistics)}


_SRRESNET = {"stage": "srresnet", "num_iters": 1_000_000}

# Sec. 3.2 and table 1; the paper's 350,000 photos of ImageNet are not to be had by a program, DIV2K's 800 are.
PRESETS = {
    "quick": Preset(
        Config(stage="srresnet", n_blocks=4, ngf=32, lr=1e-3, num_iters=3000, batch_size=8, crop_size=64),
        dataset="synthetic_textures",
        note="SRResNet x4 on drawn textures, narrow; minutes on two CPU cores",
    ),
    "srresnet": Preset(Config(**_SRRESNET), dataset="div2k", note="SRResNet x4, 10^6 steps; not yet run"),
    "srgan": Preset(Config(), dataset="div2k", note="SRGAN x4, phi_5,4; give --init=RUN of srresnet; not yet run"),
    "srgan_vgg22": Preset(Config(content="vgg22"), dataset="div2k", note="the same, phi_2,2; not yet run"),
    "srgan_mse": Preset(Config(content="mse"), dataset="div2k", note="the same, MSE instead of VGG19; not yet run"),
    "x2": Preset(Config(**_SRRESNET, scale=2), dataset="div2k", note="SRResNet x2, 10^6 steps; not yet run"),
}
