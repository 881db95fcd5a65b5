"""DRIT: Diverse Image-to-Image Translation via Disentangled Representations (Lee, Tseng, Huang, Singh, Yang; ECCV
2018), and DRIT++ (the same, Mao, Lu; IJCV 2020), which adds mode seeking.

    z^c_x = E_c_X(x),  z^a_x = E_a_X(x): content, of a space that both domains share, and attribute          (sec. 3.1)
    u = G_X(z^c_y, z^a_x),  v = G_Y(z^c_x, z^a_y)                                                            (sec. 3.2)
    x^ = G_X(E_c_Y(v), E_a_X(u)),  y^ = G_Y(E_c_X(u), E_a_Y(v)):  L_cc = E[||x^ - x||_1 + ||y^ - y||_1]

    min_{G, E_c, E_a} max_{D, D_c}  lambda_cc L_cc + L_adv^domain + L_adv^content + lambda_recon L_1^recon
                                    + lambda_latent L_1^latent + lambda_KL L_KL  (+ L_ms, DRIT++)

D_c must not tell whose content it sees. L_1^recon asks G_X(z^c_x, z^a_x) for x, L_1^latent asks E_a for the z that G
was given, L_ms that two z give two images. Domains X, Y are A, B of the options; z ~ N(0, 1).

Official code: HsinYingLee/DRIT (no licence); numbers only were taken. Its disA, disA2, disB, disB2, disContent are
D_X, D_X2, D_Y, D_Y2, D_c here, its enc_c, enc_a, gen are E_c, E_a, G. Networks, losses and the step are equal to its
own (tests/parity).

Deviations
- E_c and G step a second time, for what random attributes give. The official program differentiates that through the
  activations of the first pass and weights that have moved since; here the pass is repeated, with the same noise.
- A step is d_iter official iterations, of which only the last moves more than D_c, and its batch holds the images of
  all: 2 d_iter a domain, or a multiple. The official program ends each epoch with two iterations that move everything.
- Sums and ratios over a batch are means over its images here, the same at the official size of one encoded image.
- Biases start at zero, the official program's at PyTorch's default. Spectral norm in D is left out, and a D of one
  scale is one of the three.
- D_c takes seven-pixel strides down to one logit and needs images of 212 pixels; for smaller ones
  `dis_content_layers` leaves strides out, and logits are averaged.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES, over_scales
from tfi2i.losses.reconstruction import l1
from tfi2i.nn.blocks import kernel_initializer
from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.image_layer_norm import ImageLayerNorm
from tfi2i.nn.multiscale import multiscale_discriminator, smallest_image
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.optimizers import Adam, EpochSchedule
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset

GAN = OBJECTIVES["vanilla"]
DIS_LAYERS = 4  # strided layers of D


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 4), under the names of the official program's options where it has them."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain A: 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain B")
    concat: bool = option(True, "append the attribute to feature maps; false: transform features by it")
    nz: int = option(8, "length of the attribute", least=1)
    dim: int = option(64, "width of the encoders' first layer; content has four times as many channels", least=1)
    n_res: int = option(3, "residual blocks of a domain in E_c, and with --concat again in G", least=0)
    ndf: int = option(64, "width of D's first layer", least=1)
    dis_scale: int = option(3, "scales at which D judges", least=1)
    dis_content_layers: int = option(3, "strided layers of the content discriminator; fewer for small images", least=0)

    # Objective
    lambda_cc: float = option(10.0, "weight of cross-cycle consistency", least=0)
    lambda_recon: float = option(10.0, "weight of self-reconstruction", least=0)
    lambda_latent: float = option(10.0, "weight of the latent regression", least=0)
    lambda_KL: float = option(0.01, "weight of the divergence of attribute and content from N(0, 1)", least=0)
    no_ms: bool = option(False, "leave out mode seeking: DRIT, not DRIT++")

    # Optimisation
    lr: float = option(1e-4, "Adam's initial learning rate; the content discriminator's is lr / 2.5", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    weight_decay: float = option(1e-4, "L2 added to the gradients", least=0)
    d_iter: int = option(3, "turns of the content discriminator a step", least=1)
    n_ep: int = option(1200, "epochs", least=1)
    n_ep_decay: int = option(600, "epoch from which the learning rate falls", least=0)
    max_it: int = option(500_000, "steps after which training ends whatever the epoch", least=1)
    batch_size: int = option(6, "images of each domain a step, over all devices; 2 d_iter or a multiple", least=1)

    # Data
    preprocess: PREPROCESS = option("resize_and_crop", "how images are brought to size")
    load_size: int = option(256, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(216, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        if self.batch_size % (2 * self.d_iter):
            raise UserError(
                f"--batch_size={self.batch_size} (expected a multiple of {2 * self.d_iter}, 2 images for each of "
                f"--d_iter={self.d_iter} iterations)"
            )
        smallest = max(
            16,  # the attribute encoder halves four times
            smallest_image(DIS_LAYERS, self.dis_scale),
            smallest_image_of_content_discriminator(self.dis_content_layers),
        )
        if self.crop_size < smallest:
            raise UserError(
                f"--crop_size={self.crop_size} (expected at least {smallest} with --dis_scale={self.dis_scale} and "
                f"--dis_content_layers={self.dis_content_layers}); give fewer of either, or larger crops"
            )

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return 4

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return min(self.n_ep * steps_per_epoch, self.max_it)


# The networks (sec. 3.1 and the official code). Each encoder and generator serves both domains: a branch for X, one for
# Y, and what they share. Every convolution has a bias; kernels are drawn from N(0, 0.02^2). The layers that append an
# attribute have names because TensorFlow adds up the attribute's many gradients in the order of names, and Keras' own
# numbers differ from one model of a process to the next.


def conv(filters, size, strides=1, name=None, layer=layers.Conv2D):
    return layer(filters, size, strides, kernel_initializer=kernel_initializer("normal", 0.02), name=name)


def dense(units, name):
    """Its kernel evenly drawn within 1 / sqrt(fan in), PyTorch's default."""
    evenly = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, kernel_initializer=evenly, name=name)


def output(x, name, activation="linear"):
    return layers.Activation(activation, dtype=keras.config.floatx(), name=name)(x)


def residual_block(width, name):
    """x plus two 3x3 convolutions of it with instance norm; the function returned holds the weights."""
    conv1, conv2 = (conv(width, 3, name=f"{name}_conv{k}") for k in (1, 2))

    def block(x):
        y = layers.ReLU()(InstanceNorm()(conv1(ReflectPad(1)(x))))
        return layers.Add()([x, InstanceNorm()(conv2(ReflectPad(1)(y)))])

    return block


def content_encoder(input_nc, output_nc, dim, n_res=3):
    """E_c: images x, y (B, H, W, C) -> their contents (B, H/4, W/4, 4 dim); both domains share the last block."""
    images, contents = [], []
    shared = residual_block(4 * dim, "share_block")
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        x = image = keras.Input((None, None, channels), name=f"image_{domain}")
        x = layers.LeakyReLU(0.01)(conv(dim, 7, name=f"{domain}_stem")(ReflectPad(3)(x)))
        for k in (1, 2):
            x = conv(dim * 2**k, 3, strides=2, name=f"{domain}_down{k}")(ReflectPad(1)(x))
            x = layers.ReLU()(InstanceNorm()(x))  # (B, H/2^k, W/2^k, 2^k dim)
        for k in range(1, n_res + 1):
            x = residual_block(4 * dim, f"{domain}_block{k}")(x)
        images.append(image)
        contents.append(output(shared(x), f"content_{domain}"))
    return keras.Model(images, contents, name="E_c")


def attribute_encoder(input_nc, output_nc, dim, nz, concat):
    """E_a: images x, y (B, H, W, C) -> mean and log-variance of the attribute of x, and of y, (B, nz) each.

    Without `concat` the attributes themselves, of x and of y.
    """
    images, codes = [], []
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        image = keras.Input((None, None, channels), name=f"image_{domain}")
        images.append(image)
        if concat:
            x = attribute_trunk(image, dim, domain)
            codes += [output(dense(nz, f"{domain}_{k}")(x), f"{k}_{domain}") for k in ("mean", "logvar")]
        else:
            codes.append(output(deterministic_attribute(image, dim, nz, domain), f"attribute_{domain}"))
    return keras.Model(images, codes, name="E_a")


def attribute_trunk(x, dim, domain):
    """4x4 with stride 2, then three halving residual blocks that begin with their activation; the mean of the image."""
    x = conv(dim, 4, strides=2, name=f"{domain}_stem")(ReflectPad(1)(x))
    for k in (1, 2, 3):
        y = conv(k * dim, 3, name=f"{domain}_block{k}_conv1")(ReflectPad(1)(layers.LeakyReLU(0.2)(x)))
        y = conv((k + 1) * dim, 3, name=f"{domain}_block{k}_conv2")(ReflectPad(1)(layers.LeakyReLU(0.2)(y)))
        shortcut = conv((k + 1) * dim, 1, name=f"{domain}_block{k}_shortcut")(layers.AveragePooling2D(2)(x))
        x = layers.Add()([layers.AveragePooling2D(2)(y), shortcut])
    return layers.GlobalAveragePooling2D()(layers.LeakyReLU(0.2)(x))


def deterministic_attribute(x, dim, nz, domain):
    """7x7, then four 4x4 with stride 2, the mean of the image and a linear map."""
    x = layers.ReLU()(conv(dim, 7, name=f"{domain}_stem")(ReflectPad(3)(x)))
    for k, width in enumerate((2, 4, 4, 4), 1):
        x = layers.ReLU()(conv(width * dim, 4, strides=2, name=f"{domain}_down{k}")(ReflectPad(1)(x)))
    x = conv(nz, 1, name=f"{domain}_head")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Flatten()(x)


def generator(input_nc, output_nc, dim, nz, concat, n_res=3):
    """G: content and attribute for x, content and attribute for y -> images x, y in [-1, 1].

    Contents (B, H/4, W/4, 4 dim), attributes (B, nz), images (B, H, W, C).
    """
    inputs, images = [], []
    shared = residual_block(4 * dim, "share_block") if concat else None
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        content = keras.Input((None, None, 4 * dim), name=f"content_{domain}")
        z = keras.Input((nz,), name=f"attribute_{domain}")
        x = appended(shared(content), z, domain, n_res) if concat else transformed(content, z, domain)
        for k in (2, 1):
            x = AppendVector(name=f"{domain}_up{k}_append")(x, z) if concat else x
            x = conv(x.shape[-1] // 2, 3, 2, f"{domain}_up{k}", layers.Conv2DTranspose)(x)
            # The full transposed convolution less its first row and column: PyTorch's padding 1, output padding 1.
            x = ImageLayerNorm(name=f"{domain}_up{k}_norm")(layers.Cropping2D(((1, 0), (1, 0)))(x))
            x = layers.ReLU()(x)
        x = AppendVector(name=f"{domain}_head_append")(x, z) if concat else x
        x = conv(channels, 1, 1, f"{domain}_head", layers.Conv2DTranspose)(x)
        inputs += [content, z]
        images.append(output(x, f"image_{domain}", "tanh"))
    return keras.Model(inputs, images, name="G")


def appended(x, z, domain, n_res):
    """Residual blocks of content and attribute together."""
    x = AppendVector(name=f"{domain}_append")(x, z)
    for k in range(1, n_res + 1):
        x = residual_block(x.shape[-1], f"{domain}_block{k}")(x)
    return x


def transformed(x, z, domain):
    """Feature-wise: four residual blocks in which two 1x1 after each 3x3 mix in what an MLP makes of the attribute."""
    width = x.shape[-1]
    for k, units in enumerate((width, width, 4 * width), 1):
        z = dense(units, f"{domain}_mlp{k}")(z)
        z = layers.ReLU()(z) if k < 3 else z
    for k in (1, 2, 3, 4):
        y, part = x, z[:, (k - 1) * width : k * width]
        for half in (1, 2):
            y = InstanceNorm()(conv(width, 3, name=f"{domain}_block{k}_conv{half}")(ReflectPad(1)(y)))
            y = AppendVector(name=f"{domain}_block{k}_append{half}")(y, part)
            y = layers.ReLU()(conv(2 * width, 1, name=f"{domain}_block{k}_mix{half}_1")(y))
            y = layers.ReLU()(conv(width, 1, name=f"{domain}_block{k}_mix{half}_2")(y))
        x = layers.Add()([x, y])
    return x


def content_discriminator(width, strided):
    """D_c: a content (B, H, W, width) -> logits that it is one of Y; `strided` 7x7 convolutions with stride 2, a 4x4
    and a 1x1, no norm.
    """
    x = content = keras.Input((None, None, width), name="content")
    for k in range(1, strided + 1):
        x = layers.LeakyReLU(0.01)(conv(width, 7, strides=2, name=f"conv{k}")(ReflectPad(1)(x)))
    x = layers.LeakyReLU(0.01)(conv(width, 4, name="last")(x))
    return keras.Model(content, output(conv(1, 1, name="head")(x), "logits"), name="D_c")


def smallest_image_of_content_discriminator(strided):
    """The least height and width of an image whose content leaves its 4x4 convolution a logit: 16, 44, 100, 212, ..."""
    size = 4
    for _ in range(strided):
        size = 2 * size + 3  # inverts (size + 2 - 7) // 2 + 1
    return 4 * size


def discriminator(config, channels, name):
    """An image -> logits at every scale; no norm."""
    return multiscale_discriminator(channels, config.ndf, DIS_LAYERS, config.dis_scale, slope=0.01, name=name)


def judge(D, real, fake):
    """-log D(real) - log(1 - D(fake)), summed over D's scales; the fake is constant."""
    return over_scales(GAN.real, D(real)) + over_scales(GAN.fake, D(tf.stop_gradient(fake)))


def deceive(D, fake):
    """-log D(fake), summed over D's scales."""
    return over_scales(GAN.generator, D(fake))


def tell_apart(D_c, c_x, c_y):
    """-log D_c(c_y) - log(1 - D_c(c_x)); the contents are constant."""
    return GAN.real(D_c(tf.stop_gradient(c_y))) + GAN.fake(D_c(tf.stop_gradient(c_x)))


def undecided(logits):
    """Cross entropy of D_c's answer with one half: least where it can't tell."""
    return 0.5 * tf.reduce_mean(tf.nn.softplus(logits) + tf.nn.softplus(-logits))


def noisy(contents, noises):
    return [content + noise for content, noise in zip(contents, noises, strict=True)]


def means(code):
    """The means of the attributes of x and y in E_a's answer; of deterministic ones, themselves."""
    return code[0], code[len(code) // 2]


def divergences(code):
    """KL(N(mean, exp(logvar)) || N(0, 1)) of the attributes of x and y; of deterministic ones, their mean square."""
    if len(code) == 2:
        return [tf.reduce_mean(tf.square(z)) for z in code]
    return [
        -0.5 * tf.reduce_mean(tf.reduce_sum(1.0 + logvar - tf.square(mean) - tf.exp(logvar), -1))
        for mean, logvar in (code[:2], code[2:])
    ]


def mode_seeking(image1, image2, z1, z2):
    """Distance of two attributes over that of the images they give (Mao et al. 2019); 1e-5 keeps it finite."""
    apart = tf.reduce_mean(tf.abs(image1 - image2), [1, 2, 3]) / tf.reduce_mean(tf.abs(z1 - z2), -1)
    return tf.reduce_mean(1.0 / (apart + 1e-5))


@keras.saving.register_keras_serializable("tfi2i")
class ClippedAdam(Adam):
    """Adam on gradients whose total norm is brought down to `clip`.

    The norm is that of the gradients summed over replicas; Keras' `global_clipnorm` would clip each replica's own.
    """

    def __init__(self, *args, clip=5.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.clip = clip

    def apply(self, grads, trainable_variables=None):
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1:
            grads = replica.all_reduce(tf.distribute.ReduceOp.SUM, grads)
        # Each replica then hands on its share, since Keras sums them again.
        factor = tf.minimum(self.clip / (tf.linalg.global_norm(grads) + 1e-6), 1.0) / replica.num_replicas_in_sync
        super().apply([g * factor for g in grads], trainable_variables)

    def get_config(self):
        return super().get_config() | {"clip": self.clip}


class DRIT(Translator):
    """DRIT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1], one a domain.

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc), y (B, H, W, output_nc); B a multiple of 2 d_iter, H and W of 4.
    """

    Config = Config
    kept = ("E_c", "E_a", "G")
    loss_names = (
        *("disA_loss", "disA2_loss", "disB_loss", "disB2_loss", "disContent_loss"),
        *("gan_loss_a", "gan_loss_b", "gan_loss_acontent", "gan_loss_bcontent"),
        *("kl_loss_za_a", "kl_loss_za_b", "kl_loss_zc_a", "kl_loss_zc_b"),
        *("l1_recon_A_loss", "l1_recon_B_loss", "l1_recon_AA_loss", "l1_recon_BB_loss"),
        *("gan2_loss_a", "gan2_loss_b", "lz_AB", "lz_BA", "l1_recon_z_loss_a", "l1_recon_z_loss_b"),
    )

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.E_c = content_encoder(c.input_nc, c.output_nc, c.dim, c.n_res)
        self.E_a = attribute_encoder(c.input_nc, c.output_nc, c.dim, c.nz, c.concat)
        self.G = generator(c.input_nc, c.output_nc, c.dim, c.nz, c.concat, c.n_res)
        self.D_X, self.D_X2 = discriminator(c, c.input_nc, "D_X"), discriminator(c, c.input_nc, "D_X2")
        self.D_Y, self.D_Y2 = discriminator(c, c.output_nc, "D_Y"), discriminator(c, c.output_nc, "D_Y2")
        self.D_c = content_discriminator(4 * c.dim, c.dis_content_layers)
        order = ("D_X", "D_X2", "D_Y", "D_Y2", "D_c", "E_c", "E_a", "G")
        self.players = {name: [getattr(self, name)] for name in order}
        self.translations = {"AtoB": translation(self.E_c, self.G, 0, 1), "BtoA": translation(self.E_c, self.G, 1, 0)}
        self.attribute_encoders = {"AtoB": mean_attribute(self.E_a, 1), "BtoA": mean_attribute(self.E_a, 0)}

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        policy = "linear" if steps_per_epoch else "constant"
        turns = {"D_c": c.d_iter, "E_c": 2, "G": 2}  # a step; of the others, one

        def adam(player, lr=c.lr, cls=Adam):
            per_epoch = (steps_per_epoch or 1) * turns.get(player, 1)
            rate = EpochSchedule(lr, policy, per_epoch, c.n_ep_decay, max(0, c.n_ep - c.n_ep_decay), ahead=0)
            return cls(rate, beta_1=c.beta1, l2=c.weight_decay)

        return {player: adam(player) for player in self.players} | {"D_c": adam("D_c", c.lr / 2.5, ClippedAdam)}

    def iterations(self, images):
        """(B, H, W, C) -> d_iter pairs (images to encode, others for D_X2 or D_Y2 to judge), each of B / (2 d_iter)."""
        d_iter = self.config.d_iter
        if images.shape[0] is not None and images.shape[0] % (2 * d_iter):
            raise ValueError(
                f"a batch must hold a multiple of 2 d_iter = {2 * d_iter} images. Received: {images.shape}"
            )
        size = tf.unstack(tf.shape(images)[1:])
        images = tf.reshape(images, [-1, d_iter, 2, *size[:2], images.shape[-1]])
        return [(images[:, k, 0], images[:, k, 1]) for k in range(d_iter)]

    def content_noise(self, name, image):
        """What training adds to the content of an image (B, H, W, C): N(0, 1) of the content's shape."""
        batch, height, width, _ = tf.unstack(tf.shape(image))
        return self.normal(name, (batch, height // 4, width // 4, 4 * self.config.dim))

    def sampled(self, code, name):
        """Attributes of x and y from E_a's answer: mu + sigma eps, the reparametrisation trick."""
        if not self.config.concat:
            return code
        mean_x, logvar_x, mean_y, logvar_y = code
        shape = (tf.shape(mean_x)[0], self.config.nz)
        eps_x, eps_y = self.normal(f"{name}_a", shape), self.normal(f"{name}_b", shape)
        return mean_x + tf.exp(0.5 * logvar_x) * eps_x, mean_y + tf.exp(0.5 * logvar_y) * eps_y

    def train_step(self, batch):
        """D_c steps in each of d_iter iterations; in the last, so do all others, E_c and G twice."""
        D_X, D_X2, D_Y, D_Y2, D_c, E_c, E_a, G = self.networks(training=True)
        c = self.config
        *earlier, ((x, other_x), (y, other_y)) = zip(
            self.iterations(batch["x"]), self.iterations(batch["y"]), strict=True
        )

        for (early_x, _), (early_y, _) in earlier:
            noises = self.content_noise("content_a", early_x), self.content_noise("content_b", early_y)
            c_x, c_y = noisy(E_c([early_x, early_y]), noises)
            with self.turn("D_c") as losses:
                losses["disContent_loss"] = tell_apart(D_c, c_x, c_y)

        noises = self.content_noise("content_a", x), self.content_noise("content_b", y)
        noises_of_fakes = self.content_noise("content_of_fake_A", x), self.content_noise("content_of_fake_B", y)
        names = ("z_random",) if c.no_ms else ("z_random", "z_random2")
        zs = [self.normal(name, (tf.shape(x)[0], c.nz)) for name in names]

        with self.turn("E_c", "E_a", "G") as losses:
            c_x, c_y = noisy(E_c([x, y]), noises)
            code = E_a([x, y])
            a_x, a_y = self.sampled(code, "eps_attr")
            u, v = G([c_y, a_x, c_x, a_y])
            x_self, y_self = G([c_x, a_x, c_y, a_y])
            c_u, c_v = noisy(E_c([u, v]), noises_of_fakes)  # the content of y, and of x
            a_u, a_v = self.sampled(E_a([u, v]), "eps_attr_recon")
            x_cycle, y_cycle = G([c_v, a_u, c_u, a_v])
            drawn = [G([c_y, z, c_x, z]) for z in zs]

            with self.turn("D_X") as d_losses:
                d_losses["disA_loss"] = judge(D_X, x, u)
            with self.turn("D_X2") as d_losses:
                d_losses["disA2_loss"] = tf.add_n([judge(D_X2, other_x, u_z) for u_z, _ in drawn])
            with self.turn("D_Y") as d_losses:
                d_losses["disB_loss"] = judge(D_Y, y, v)
            with self.turn("D_Y2") as d_losses:
                d_losses["disB2_loss"] = tf.add_n([judge(D_Y2, other_y, v_z) for _, v_z in drawn])
            with self.turn("D_c") as d_losses:
                d_losses["disContent_loss"] = tell_apart(D_c, c_x, c_y)

            losses["gan_loss_a"] = deceive(D_X, u)
            losses["gan_loss_b"] = deceive(D_Y, v)
            losses["gan_loss_acontent"] = undecided(D_c(c_x))
            losses["gan_loss_bcontent"] = undecided(D_c(c_y))
            kl_x, kl_y = divergences(code)
            losses["kl_loss_za_a"], losses["kl_loss_za_b"] = c.lambda_KL * kl_x, c.lambda_KL * kl_y
            losses["kl_loss_zc_a"] = c.lambda_KL * tf.reduce_mean(tf.square(c_x))
            losses["kl_loss_zc_b"] = c.lambda_KL * tf.reduce_mean(tf.square(c_y))
            losses["l1_recon_A_loss"] = c.lambda_cc * l1(x_cycle, x)
            losses["l1_recon_B_loss"] = c.lambda_cc * l1(y_cycle, y)
            losses["l1_recon_AA_loss"] = c.lambda_recon * l1(x_self, x)
            losses["l1_recon_BB_loss"] = c.lambda_recon * l1(y_self, y)

        with self.turn("E_c", "G") as losses:
            c_x, c_y = noisy(E_c([x, y]), noises)
            drawn = [G([c_y, z, c_x, z]) for z in zs]
            losses["gan2_loss_a"] = tf.add_n([deceive(D_X2, u_z) for u_z, _ in drawn])
            losses["gan2_loss_b"] = tf.add_n([deceive(D_Y2, v_z) for _, v_z in drawn])
            if not c.no_ms:
                (u_z, v_z), (u_z2, v_z2) = drawn
                losses["lz_AB"], losses["lz_BA"] = mode_seeking(v_z, v_z2, *zs), mode_seeking(u_z, u_z2, *zs)
            mean_u, mean_v = means(E_a(drawn[0]))
            losses["l1_recon_z_loss_a"] = c.lambda_latent * l1(mean_u, zs[0])
            losses["l1_recon_z_loss_b"] = c.lambda_latent * l1(mean_v, zs[0])

        return self.logs()

    def generators(self, stochastic=False):
        return dict(self.translations)

    def style_encoders(self):
        return dict(self.attribute_encoders)

    def reconstructions(self):
        return {"AtoB": translation(self.E_c, self.G, 0, 0), "BtoA": translation(self.E_c, self.G, 1, 1)}


def translation(E_c, G, source, target):
    """Image (B, H, W, C) of domain number `source` and style (B, nz) -> image of domain number `target`."""
    encode = keras.Model(E_c.inputs[source], E_c.outputs[source])
    decode = keras.Model(G.inputs[2 * target : 2 * target + 2], G.outputs[target])
    image = keras.Input(encode.input_shape[1:], name="image")
    style = keras.Input(decode.input_shape[1][1:], name="style")
    return keras.Model([image, style], decode([encode(image), style]), name="XY"[source] + "to" + "XY"[target])


def mean_attribute(E_a, domain):
    """Image (B, H, W, C) of domain number `domain` -> the mean of its attribute (B, nz)."""
    encode = keras.Model(E_a.inputs[domain], means(E_a.outputs)[domain])
    image = keras.Input(encode.input_shape[1:], name="image")
    return keras.Model(image, encode(image), name=f"E_a_{'XY'[domain]}")


# The paper trains on crops of 216 pixels for 1200 epochs (sec. 4 and the official options).
PRESETS = {
    "quick": Preset(
        Config(
            dim=16,
            ndf=16,
            dis_content_layers=1,
            load_size=72,
            crop_size=64,
            d_iter=1,
            batch_size=2,
            lr=5e-4,
            n_ep=10,
            n_ep_decay=5,
        ),
        dataset="synthetic_seasons",
        note="summer <-> winter at 64 px, narrow; minutes on two CPU cores",
    ),
    "yosemite": Preset(
        Config(), dataset="cycle_gan/summer2winter_yosemite", note="summer <-> winter, 1200 epochs; not yet run"
    ),
    "photo2monet": Preset(
        Config(), dataset="cycle_gan/monet2photo", note="Monet's paintings <-> photos, 1200 epochs; not yet run"
    ),
    "cat2dog": Preset(Config(), note="cats <-> dogs of your own, 1200 epochs; not yet run"),
    "photo2portrait": Preset(Config(), note="photos <-> painted portraits of your own, 1200 epochs; not yet run"),
}
