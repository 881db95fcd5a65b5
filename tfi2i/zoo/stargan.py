"""StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation (Choi, Choi, Kim, Ha,
Kim, Choo; CVPR 2018).

    L_D = -L_adv + lambda_cls L_cls^r                                                                (eq. 5)
    L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec                                              (eq. 6)
    L_adv   = E_x[ D_src(x) ] - E_x,c[ D_src(G(x, c)) ] - lambda_gp E[ (||grad D_src(x^)||_2 - 1)^2 ]  (eq. 8)
    L_cls^r = E_x,c'[ -log D_cls(c' | x) ],  L_cls^f = E_x,c[ -log D_cls(c | G(x, c)) ]              (eq. 2, 3)
    L_rec   = E_x,c,c'[ || x - G(G(x, c), c') ||_1 ]                                                 (eq. 4)

One G for all domains takes an image and the target label c; D judges patches and tells the label. c' is the image's own
label. G steps once for n_critic steps of D.

Several labelled sets are trained on at once (sec. 3.3): G's label is then [c_1, ..., c_n, m], the labels of all sets
and a mask m, one-hot over the sets; the labels that a set doesn't have are zero, and D's classification counts for
those it has (eq. 7).

Official code: yunjey/stargan (MIT); numbers only were taken. Networks, losses and a whole step are equal to it
(tests/parity).

Deviations
- A step is n_critic official iterations, of which the last moves G too, and its batch holds the images of all:
  n_critic mini-batches of 16 in the paper. `num_iters` counts iterations, as there.
- The rate falls linearly to zero over the last half, as the paper says; the official program lowers it by 0.1 % in all.
- With several sets, a mini-batch holds images of all, on average equally many; the official program takes turns.
- Target labels are those of the mini-batch in another order, as in the official program; the paper says at random.
- Biases start at zero, the official program's at PyTorch's default.
- `lambda_id` is not the paper's, where it is 0: || x - G(x, c') ||_1, as CycleGAN's identity loss. Without it nothing
  says which colours go with which: a G that exchanges the backgrounds of drawn faces, back again on the way back, has
  the same losses as one that keeps them.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import keras
import tensorflow as tf
from keras import layers

from tfi2i.data.attributes import edited_label, grouped
from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES, gradient_penalty
from tfi2i.losses.reconstruction import l1
from tfi2i.nn.blocks import as_tested
from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.options import option, validate
from tfi2i.training.optimizers import Adam, HalfLinear
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset

CELEBA = "Black_Hair,Blond_Hair,Brown_Hair,Male,Young"
CELEBA_HAIR = "Black_Hair+Blond_Hair+Brown_Hair"
RAFD = "angry,contemptuous,disgusted,fearful,happy,neutral,sad,surprised"


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 5.1 and appendix 7), under the official program's names."""

    kind: ClassVar[str] = "labelled"
    preprocess: ClassVar[str] = "square"  # the central square: 178 of CelebA's 178 x 218

    # Labels
    attributes: str = option(CELEBA, "the labels of a set, with commas; of several sets with / between; all: every one")
    exclusive: str = option(CELEBA_HAIR, "labels of which one holds at a time, joined by +; several such with commas")

    # Networks
    g_conv_dim: int = option(64, "width of the first layer of G", least=1)
    d_conv_dim: int = option(64, "width of the first layer of D", least=1)
    g_repeat_num: int = option(6, "residual blocks of G", least=1)
    d_repeat_num: int = option(6, "strided layers of D", least=1)

    # Objective
    lambda_cls: float = option(1.0, "weight of the classification of real and fake", least=0)
    lambda_rec: float = option(10.0, "weight of the reconstruction", least=0)
    lambda_id: float = option(0.0, "weight of keeping an image that already has the target label", least=0)
    lambda_gp: float = option(10.0, "weight of the gradient penalty", least=0)
    n_critic: int = option(5, "steps of D for one of G", least=1)

    # Optimisation
    g_lr: float = option(1e-4, "Adam's learning rate of G", least=0)
    d_lr: float = option(1e-4, "Adam's learning rate of D", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    beta2: float = option(0.999, "Adam's second momentum", least=0)
    num_iters: int = option(200_000, "steps of D; the rate falls to zero over the last half", least=1)
    batch_size: int = option(80, "images a step, over all devices: n_critic mini-batches", least=1)

    # Data
    crop_size: int = option(128, "size that the central square is resized to", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        _ = self.groups
        if self.batch_size % self.n_critic:
            raise UserError(
                f"--batch_size={self.batch_size} (expected a multiple of --n_critic={self.n_critic}, the mini-batches "
                "of a step)"
            )
        if self.crop_size % self.stride:
            raise UserError(
                f"--crop_size={self.crop_size} doesn't fit the networks (expected a multiple of {self.stride}, which "
                f"--d_repeat_num={self.d_repeat_num} layers of D halve)"
            )

    @property
    def stride(self):
        """H and W of an image must be multiples of this; of those that D judges, of 2^d_repeat_num."""
        return 4

    @property
    def attribute_sets(self):
        """The names of each labelled set; None for a set of which all are wanted and not known yet."""
        return [None if names == "all" else tuple(names.split(",")) for names in self.attributes.split("/")]

    def known(self, source):
        """The config with the names of a labelled source in the place of --attributes=all."""
        if None not in self.attribute_sets:
            return self
        parts = getattr(source, "parts", [source])
        attributes = "/".join(",".join(part.attributes) for part in parts)
        groups = {"+".join(group) for group in source.exclusive} | set(self.exclusive.replace(",", " ").split())
        here = [group for group in sorted(groups) if set(group.split("+")) <= set(source.attributes)]
        return replace(self, attributes=attributes, exclusive=",".join(here))

    @property
    def names(self):
        """All labels, in their order."""
        if None in self.attribute_sets:
            raise UserError("--attributes=all is known only with the data; name them, with commas")
        return tuple(name for names in self.attribute_sets for name in names)

    @property
    def groups(self):
        """The labels of which exactly one holds, as tuples of names."""
        return () if None in self.attribute_sets else grouped(self.names, self.exclusive)

    @property
    def label_dim(self):
        """The length of G's label: all labels and, with several sets, the mask."""
        sets = len(self.attribute_sets)
        return len(self.names) + (sets if sets > 1 else 0)

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return max(1, self.num_iters // self.n_critic)

    def edited(self, label, name, present=True):
        """A copy of a label vector (len(names),) with one attribute set, or cleared, and its group made to agree."""
        return edited_label(label, self.names, self.groups, name, present)


def evenly():
    """PyTorch's default for kernels: even within 1 / sqrt(fan in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def generator(config):
    """G: image (B, H, W, 3) in [-1, 1] and label (B, label_dim) -> image; H and W multiples of 4 (table 4).

    Zeros around every convolution: mirrored borders and instance norm would erase the label, which is constant over the
    image.
    """

    def conv(x, filters, size, strides, name, layer=layers.Conv2D):
        kernel = evenly()
        return layer(filters, size, strides, "same", use_bias=False, kernel_initializer=kernel, name=name)(x)

    def normed(x, name):
        return InstanceNorm(affine=True, name=name)(x)

    c, width = config, config.g_conv_dim
    image, label = keras.Input((None, None, 3), name="image"), keras.Input((c.label_dim,), name="label")
    x = AppendVector()(image, label)
    x = layers.ReLU()(normed(conv(x, width, 7, 1, "stem"), "stem_norm"))
    for k in (1, 2):
        x = conv(x, 2**k * width, 4, 2, f"down{k}")
        x = layers.ReLU()(normed(x, f"down{k}_norm"))  # (B, H/2^k, W/2^k, 2^k width)
    for k in range(1, c.g_repeat_num + 1):
        y = layers.ReLU()(normed(conv(x, 4 * width, 3, 1, f"block{k}_conv1"), f"block{k}_norm1"))
        x = layers.Add()([x, normed(conv(y, 4 * width, 3, 1, f"block{k}_conv2"), f"block{k}_norm2")])
    for k in (1, 2):
        x = conv(x, 4 * width // 2**k, 4, 2, f"up{k}", layers.Conv2DTranspose)
        x = layers.ReLU()(normed(x, f"up{k}_norm"))
    x = conv(x, 3, 7, 1, "head")
    x = layers.Activation("tanh", dtype=keras.config.floatx(), name="output")(x)
    return keras.Model([image, label], x, name="G")


def discriminator(config):
    """D: image (B, S, S, 3), S the crop_size -> patch logits D_src (B, s, s, 1), s = S / 2^d_repeat_num, and the logits
    D_cls (B, len(names)) (table 5)."""
    c, small = config, config.crop_size // 2**config.d_repeat_num

    exact = keras.config.floatx()  # of logits, in mixed precision too

    def head(x, filters, size, padding, name):
        return layers.Conv2D(filters, size, 1, padding, use_bias=False, kernel_initializer=evenly(), name=name)(x)

    x = image = keras.Input((c.crop_size, c.crop_size, 3), name="image")
    for k in range(c.d_repeat_num):
        x = layers.Conv2D(2**k * c.d_conv_dim, 4, 2, "same", kernel_initializer=evenly(), name=f"down{k + 1}")(x)
        x = layers.LeakyReLU(0.01)(x)
    src = layers.Activation("linear", dtype=exact)(head(x, 1, 3, "same", "src"))
    cls = layers.Flatten(dtype=exact)(head(x, len(c.names), small, "valid", "cls"))
    return keras.Model(image, [src, cls], name="D")


class StarGAN(Translator):
    """StarGAN as a Keras model: `compile()`, then `fit` on batches {"x", "label"}, of several sets also {"set"}.

    Args:
        config: `Config`.

    Shapes: x (B, S, S, 3) in [-1, 1], S the crop_size; label (B, len(names)) of 0 and 1; set (B, sets), one-hot; B a
        multiple of n_critic.
    """

    Config = Config
    kept = ("G", "D")  # D tells the label of a picture that comes without one
    loss_names = ("D_real", "D_fake", "D_cls", "D_gp", "G_fake", "G_rec", "G_cls", "G_id")

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        self.G, self.D = generator(self.config), discriminator(self.config)
        self.players = {"G": [self.G], "D": [self.D]}

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config

        def adam(lr, total):
            return Adam(HalfLinear(lr, total) if steps_per_epoch else lr, beta_1=c.beta1, beta_2=c.beta2)

        return {"G": adam(c.g_lr, c.num_iters // c.n_critic), "D": adam(c.d_lr, c.num_iters)}

    def train_step(self, batch):
        """D steps on each of n_critic mini-batches (eq. 5); on the last, so does G (eq. 6)."""
        G, D = self.networks(training=True)
        gan, c = OBJECTIVES["wgangp"], self.config

        for x, label, sets in self.mini_batches(batch):
            own = condition(label, sets)
            target = self.shuffled("target", own)
            target_label, target_sets = target[:, : len(c.names)], target[:, len(c.names) :]

            with self.turn("D") as losses:
                src, cls = D(x)
                fake = tf.stop_gradient(G([x, target]))
                losses["D_real"] = gan.real(src)
                losses["D_fake"] = gan.fake(D(fake)[0])
                losses["D_cls"] = c.lambda_cls * classification(cls, label, sets, c)
                t = self.uniform("t", [tf.shape(x)[0], 1, 1, 1])
                losses["D_gp"] = c.lambda_gp * gradient_penalty(lambda image: D(image)[0], x, fake, t)

        with self.turn("G") as losses:
            fake = G([x, target])
            src, cls = D(fake)
            losses["G_fake"] = gan.generator(src)
            losses["G_cls"] = c.lambda_cls * classification(cls, target_label, target_sets, c)
            losses["G_rec"] = c.lambda_rec * l1(G([fake, own]), x)
            if c.lambda_id:
                losses["G_id"] = c.lambda_id * l1(G([x, own]), x)

        return self.logs()

    def mini_batches(self, batch):
        """n_critic times (x, label, set): every n_critic-th example, so that shares of replicas are shares of each."""
        n = self.config.n_critic
        sets = batch.get("set", batch["label"][:, :0])
        return [(batch["x"][k::n], batch["label"][k::n], sets[k::n]) for k in range(n)]

    def generators(self, stochastic=False):
        return {"edit": as_tested(self.G, stochastic, self.statistics)}


def condition(label, sets):
    """What G is told: labels (B, L) and, of several sets, the mask (B, sets); a lone set's has no width."""
    return tf.concat([label, sets], -1)


def classification(logits, label, sets, config):
    """-log D_cls(label | image), averaged over images: of each only the labels of its own set (eq. 2, 3, 7).

    Where exactly one label of a set holds, softmax cross-entropy; else binary cross-entropy summed over its labels.
    """
    losses, start = [], 0
    for k, names in enumerate(config.attribute_sets):
        of_set = slice(start, start + len(names))
        start += len(names)
        if set(names) in map(set, config.groups):
            per_image = tf.nn.softmax_cross_entropy_with_logits(label[:, of_set], logits[:, of_set])
        else:
            each = tf.nn.sigmoid_cross_entropy_with_logits(label[:, of_set], logits[:, of_set])
            per_image = tf.reduce_sum(each, -1)
        losses.append(tf.reduce_mean(per_image * sets[:, k] if len(config.attribute_sets) > 1 else per_image))
    return tf.add_n(losses)


_FACES = {
    "attributes": "black_hair,blond_hair,brown_hair,glasses,smiling,aged",
    "exclusive": "black_hair+blond_hair+brown_hair",
}
# Without the identity loss, whatever the other weights, drawn faces came out with each other's backgrounds.
_QUICK = {
    "g_conv_dim": 24,
    "d_conv_dim": 24,
    "g_repeat_num": 3,
    "d_repeat_num": 4,
    "lambda_id": 10.0,
    "n_critic": 2,
    "g_lr": 4e-4,
    "d_lr": 4e-4,
    "num_iters": 8000,
    "batch_size": 16,
    "crop_size": 64,
}

PRESETS = {
    "quick": Preset(
        Config(**_FACES, **_QUICK),
        dataset="synthetic_faces",
        note="hair colour, glasses, smile and age of drawn faces at 64 px, narrow; 25 minutes on one CPU core",
    ),
    "quick_two_sets": Preset(
        Config(
            attributes=f"{_FACES['attributes']}/neutral,happy,sad,surprised",
            exclusive=f"{_FACES['exclusive']},neutral+happy+sad+surprised",
            **_QUICK,
        ),
        dataset="synthetic_faces,synthetic_expressions",
        note="the same with a second set, whose labels are expressions: joint training (sec. 3.3)",
    ),
    "celeba": Preset(Config(), dataset="celeb_a", note="CelebA, 200,000 iterations (sec. 5.1); not yet run"),
    "rafd": Preset(
        Config(attributes=RAFD, exclusive=RAFD.replace(",", "+")),
        note="RaFD from your own folder, a folder an expression (sec. 5.1); not yet run",
    ),
    "celeba_rafd": Preset(
        Config(attributes=f"{CELEBA}/{RAFD}", exclusive=f"{CELEBA_HAIR},{RAFD.replace(',', '+')}"),
        note="CelebA and RaFD together (sec. 5.5), --dataset=celeb_a,FOLDER; not yet run",
    ),
}
