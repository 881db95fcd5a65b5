"""DIAT and DIAT-A: Deep Identity-aware Transfer of Facial Attributes (Li, Zuo, Zhang; arXiv 1610.05586, the version of
October 2016).

Two papers bear this number. This is the first: a transform network T, then a face enhancement network E. The later one
(mask network, Wasserstein objective, VGG-Face identity loss besides the adaptive one) is another model.

    min_T max_D  E_a[ log D(a) ] + E_x[ log(1 - D(T(x))) + lambda l_id(x) + gamma l_smooth(x) ]      (transfer)
    l_id(x)      = sum_l w_l / (2 C_l H_l W_l) || phi_l(T(x)) - phi_l(x) ||_F^2,  l = 4, 5
    l_smooth(x)  = || f(T(x)) - T(x) ||_F^2
    min_g  l_id with g for T,   min_f  || f(g(x)) - x ||_F^2 + || f(x) - x ||_F^2
    min_E  (1 - m) || E(T(x)) - x ||_F^2 + sum_i beta_i l_content^i(m E(T(x)), m T(x)),  i = 0, 1, 2  (enhance, local)
    min_E  || E(B(x)) - x ||_F^2                                                                      (enhance, global)

x lacks the attribute, a has it. phi is VGG-Face in DIAT; in DIAT-A it is D itself, whose features change as D learns
("adaptive"), and there is no l_smooth. g rebuilds images from features alone, f learns to take away what that leaves
behind, and l_smooth asks of T(x) that f find nothing. In the second stage T stays as it is. For a local attribute
(glasses, mouth) E returns to x outside the region m and stays close to T(x) within; for a global one (age, gender) it
learns to sharpen and is then given T(x).

DIAT on a file of VGG-Face: --identity=face --face_network=FILE --identity_layers=conv4_2,conv5_2
--enhance_layers=conv1_2,conv2_2, under the names that the file gives its layers, and a --gamma above 0.

No official code, and the objective as above is what this file is sure of. Everything else is chosen:

Deviations
- T: the networks of Johnson et al. 2016 in the form CycleGAN gave them (7x7 ends, instance norm), 32 filters, 5 blocks;
  E, f and g are built like T.
- D: 4x4 convolutions with stride 2, LeakyReLU(0.2), one dense layer at the end; no norm and kernels as He et al. 2015
  draw them, since a norm would hide colour and contrast from the identity loss, and small kernels everything at first.
- The paper prints 1 - log D(T(x)) for log(1 - D(T(x))). D has the latter, and T descends -log D(T(x)), as the print
  says and Goodfellow et al. 2014, sec. 3, advise.
- Squared norms are means over pixels and channels; w_l and beta_i are the same for all layers; l_content^0 compares
  pixels. lambda, gamma, beta, learning rate, batch size and length are not from the paper; lambda is what kept faces
  recognisable at 64 px, and the quick presets compare on D's first three convolutions.
- phi_4 and phi_5 of VGG-Face are conv4_2 and conv5_2, phi_1 and phi_2 conv1_2 and conv2_2; of D the convolutions of
  those numbers.
- g and f learn beside T, each a step of its own; the paper states their objectives, not when they are trained.
- B, which the objective names, is taken to be a Gaussian blur; m is an ellipse, whose place is an option.
- D steps before T, once each, T on the updated D.
"""

import json
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
from tfi2i.nn.blocks import as_tested, kernel_initializer
from tfi2i.nn.resnet import resnet
from tfi2i.options import option, validate
from tfi2i.training.optimizers import Adam, HalfLinear
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset

# Left, top, right, bottom, of faces aligned as CelebA's are and cut to the central square.
REGIONS = {"eyes": (0.15, 0.34, 0.85, 0.64), "mouth": (0.25, 0.6, 0.75, 0.9)}
VGG_FACE_MEAN = (93.5940, 104.7624, 129.1863)  # blue, green, red


@dataclass(frozen=True)
class Config:
    """The paper's two stages; its numbers are not public, see *Deviations*."""

    kind: ClassVar[str] = "domains"
    preprocess: ClassVar[str] = "square"  # the central square: 178 of CelebA's 178 x 218
    input_nc: ClassVar[int] = 3
    output_nc: ClassVar[int] = 3

    # Task
    attribute: str = option("Eyeglasses", "the attribute, of a labelled data set, that T gives to images without it")
    without: bool = option(False, "the other way round: T takes the attribute away")
    stage: Literal["transfer", "enhance"] = option("transfer", "train T and D, or E after them")
    init: str | None = option(None, "stage=enhance: the run of stage=transfer whose T is enhanced")

    # Networks
    ngf: int = option(32, "width of the first layer of T and of E", least=1)
    n_blocks: int = option(5, "residual blocks of T and of E", least=0)
    ndf: int = option(64, "width of D's first convolution", least=1)
    d_layers: int = option(5, "strided convolutions of D", least=1)
    norm: Literal["instance", "batch", "none"] = option("instance", "normalisation in all networks but D")

    # Objective
    identity: Literal["adaptive", "face"] = option("adaptive", "features of D (DIAT-A), or of face_network (DIAT)")
    face_network: str | None = option(None, "identity=face: a Keras file, such as VGG-Face")
    face_input: Literal["-1..1", "0..255", "vgg_face"] = option(
        "vgg_face", "what face_network takes: RGB in a range, or BGR less the mean"
    )
    identity_layers: str = option("conv4,conv5", "layers of D, or of face_network, on which identity is compared")
    lambda_id: float = option(100.0, "weight of the identity loss", least=0)
    gamma: float = option(
        0.0, "weight of the smoothness under f, which is then trained, with g; DIAT-A has none", least=0
    )

    # Enhancement
    region: str = option("global", "global; or eyes, mouth, or LEFT,TOP,RIGHT,BOTTOM in shares of the image")
    enhance_layers: str = option("conv1,conv2", "as identity_layers: on which E(T(x)) is compared in the region")
    beta: float = option(1.0, "weight of that comparison", least=0)
    blur: float = option(1.5, "region=global: standard deviation of the blur that E undoes, in pixels", least=0.1)

    # Optimisation
    lr: float = option(2e-4, "Adam's learning rate", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    num_iters: int = option(100_000, "steps; the rate falls to zero over the last half", least=1)
    batch_size: int = option(16, "images of each kind a step, over all devices", least=1)

    # Data
    crop_size: int = option(128, "size that the central square is resized to", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        _ = self.box
        if self.crop_size % 2**self.d_layers:
            raise UserError(
                f"--crop_size={self.crop_size} doesn't fit D (expected a multiple of {2**self.d_layers}, which "
                f"--d_layers={self.d_layers} convolutions halve)"
            )
        if self.identity == "face" and not self.face_network:
            raise UserError("--identity=face needs --face_network=FILE, a Keras file such as VGG-Face")
        if self.identity == "adaptive" and self.face_network:
            raise UserError(f"--face_network={self.face_network} is for --identity=face; adaptive takes D's features")
        own = [f"conv{k + 1}" for k in range(self.d_layers)]
        for name in self.compared_layers if self.identity == "adaptive" else ():
            if name not in own:
                raise UserError(f"no layer {name} in D (expected some of {', '.join(own)}; see --d_layers)")

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return 4

    @property
    def compared_layers(self):
        """The names of the layers of phi that this stage compares on."""
        if self.stage == "enhance" and not self.box:
            return []
        return (self.enhance_layers if self.stage == "enhance" else self.identity_layers).split(",")

    @property
    def box(self):
        """Left, top, right and bottom of the region, in shares of the image; None for a global attribute."""
        if self.region == "global":
            return None
        try:
            left, top, right, bottom = box = REGIONS.get(self.region) or tuple(map(float, self.region.split(",")))
        except ValueError:
            box = None
        if box is None or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise UserError(
                f"--region={self.region} (expected global, {', '.join(REGIONS)}, or LEFT,TOP,RIGHT,BOTTOM between 0 "
                "and 1, such as 0.2,0.4,0.8,0.6)"
            )
        return box

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return self.num_iters


def transform_network(config, name):
    """T, E, f or g; image (B, H, W, 3) in [-1, 1] -> the same, H and W multiples of 4."""
    return resnet(config.n_blocks, config.ngf, norm=config.norm, name=name)


def attribute_discriminator(config):
    """D: image (B, S, S, 3), S the crop_size -> the logit (B, 1) of its being a real one with the attribute, and the
    features of each convolution, (B, S/2^k, S/2^k, min(2^(k-1), 8) ndf)."""
    c, features = config, []
    x = image = keras.Input((c.crop_size, c.crop_size, 3), name="image")
    for k in range(c.d_layers):
        kernel = kernel_initializer("kaiming")
        x = layers.Conv2D(min(2**k, 8) * c.ndf, 4, 2, "same", kernel_initializer=kernel, name=f"conv{k + 1}")(x)
        x = layers.LeakyReLU(0.2)(x)
        features.append(x)
    x = layers.Dense(1, kernel_initializer=kernel_initializer(), name="dense")(layers.Flatten()(x))
    logit = layers.Activation("linear", dtype=keras.config.floatx(), name="logit")(x)
    return keras.Model(image, [logit, *features], name="D")


def face_features(file, names, expects):
    """A function from images (B, H, W, 3) in [-1, 1] to {name: features} of the layers `names` of a Keras file; of no
    names to {"": its answer}.

    Images are resized to what the network takes. Raises: `UserError` for no such file, no such layer, or a network of
    anything but colour images.
    """
    try:
        network = keras.models.load_model(file, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"--face_network={file} can't be read (expected a Keras file; {error})") from error
    shapes = [tuple(tensor.shape) for tensor in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise UserError(
            f"--face_network={file} (expected a network of images (B, H, W, 3), received one of "
            f"{', '.join(map(str, shapes))})"
        )
    own = [layer.name for layer in network.layers if len(getattr(layer.output, "shape", ())) == 4]
    for name in names:
        if name not in own:
            raise UserError(f"no layer {name} in {file} (expected some of {', '.join(own)})")
    outputs = [network.get_layer(name).output for name in names] or network.outputs[:1]
    features = keras.Model(network.inputs[0], outputs)
    features.trainable = False
    height, width = network.inputs[0].shape[1:3]

    def phi(image):
        if height and image.shape[1:3] != (height, width):
            image = tf.image.resize(image, (height, width))
        if expects != "-1..1":
            image = (image + 1.0) * 127.5
        if expects == "vgg_face":
            image = image[..., ::-1] - VGG_FACE_MEAN
        return dict(zip(names or [""], tf.nest.flatten(features(image, training=False)), strict=True))

    return phi


class DIAT(Translator):
    """DIAT and DIAT-A as a Keras model: `compile()`, then `fit` on batches {"x", "y"}.

    With stage="enhance", call `begin` before `fit`: T and D are those of the run `config.init`.

    Args:
        config: `Config`.

    Shapes: x and y (B, S, S, 3) in [-1, 1], S the crop_size; x without the attribute, y with it.
    """

    Config = Config
    kept = ("T", "D")  # D is what DIAT-A's enhancement compares by
    statistics = "running"

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.T, self.D = transform_network(c, "T"), attribute_discriminator(c)
        self.players = {"T": [self.T], "D": [self.D]}
        if c.stage == "enhance":
            self.E = transform_network(c, "E")
            self.T.trainable = self.D.trainable = False
            self.players, self.trained = {"E": [self.E]}, ("T", "D", "E")
        elif c.gamma:
            self.f, self.g = transform_network(c, "f"), transform_network(c, "g")
            self.players |= {"f": [self.f], "g": [self.g]}

    @property
    def loss_names(self):
        if self.config.stage == "enhance":
            return ("E_pixel", "E_content") if self.config.box else ("E_pixel",)
        return "D_real", "D_fake", "T_attribute", "T_identity", *(("T_smooth", "f", "g") if self.config.gamma else ())

    def compile(self, *args, **kwargs):
        c = self.config
        if c.face_network and c.compared_layers:
            self.face = face_features(c.face_network, c.compared_layers, c.face_input)
        super().compile(*args, **kwargs)

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        rate = HalfLinear(c.lr, c.num_iters) if steps_per_epoch else c.lr
        return {player: Adam(rate, beta_1=c.beta1) for player in self.players}

    def begin(self, run, training, seed):
        """Takes T and D from the run `init`; a run that goes on has them itself.

        Raises: `UserError` where that run is missing, has no networks yet, or others.
        """
        if self.config.stage == "enhance" and not (Path(run) / "networks" / "SHA256SUMS").exists():
            for network in (self.T, self.D):
                network.set_weights(weights_of_run(self.config, network.name))

    def train_step(self, batch):
        return self.enhance(batch["x"]) if self.config.stage == "enhance" else self.transfer(batch["x"], batch["y"])

    def transfer(self, x, y):
        """D tells y from T(x), then T descends its objective; with gamma, g and f theirs."""
        T, D, *smoothing = self.networks(training=True)
        gan, c = OBJECTIVES["vanilla"], self.config

        with self.turn("T") as losses:
            fake = T(x)
            with self.turn("D") as of_D:
                of_D["D_real"] = gan.real(D(y)[0])
                of_D["D_fake"] = gan.fake(D(tf.stop_gradient(fake))[0])
            logit, features = self.seen(D, fake)
            losses["T_attribute"] = gan.generator(logit)
            losses["T_identity"] = c.lambda_id * identity(features, self.seen(D, x)[1])
            if c.gamma:
                f, g = smoothing
                losses["T_smooth"] = c.gamma * mse(f(fake), fake)

        if c.gamma:
            with self.turn("g") as losses:
                rebuilt = g(x)
                losses["g"] = identity(self.seen(D, rebuilt)[1], self.seen(D, x)[1])
            with self.turn("f") as losses:
                losses["f"] = mse(f(rebuilt), x) + mse(f(x), x)

        return self.logs()

    def enhance(self, x):
        """E descends its objective, local or global; T and D are constants."""
        (E,), c = self.networks(training=True), self.config

        with self.turn("E") as losses:
            if not c.box:
                losses["E_pixel"] = mse(E(blurred(x, c.blur)), x)
            else:
                m = ellipse(c.box, c.crop_size)
                fake = self.T(x, training=False)
                y = E(fake)
                losses["E_pixel"] = mse((1.0 - m) * y, (1.0 - m) * x)
                features, wanted = (self.seen(self.D, m * image)[1] for image in (y, fake))
                losses["E_content"] = c.beta * (content(m * y, m * fake) + identity(features, wanted))

        return self.logs()

    def seen(self, D, image):
        """D's logit of an image, and the features {layer: (B, h, w, C)} by which images are compared."""
        if self.config.identity == "face":
            return D(image)[0], self.face(image)
        logit, *features = D(image)
        named = {f"conv{k + 1}": feature for k, feature in enumerate(features)}
        return logit, {name: named[name] for name in self.config.compared_layers}

    def generators(self, stochastic=False):
        if self.config.stage == "transfer":
            return {"AtoB": as_tested(self.T, stochastic, self.statistics)}
        T, E = (as_tested(network, stochastic, self.statistics) for network in (self.T, self.E))
        image = keras.Input((None, None, 3), name="image")
        return {"AtoB": keras.Model(image, E(T(image)), name="AtoB")}


def content(x, y):
    """1 / (2 C H W) || x - y ||_F^2 of features (B, H, W, C), averaged over images."""
    exact = keras.config.floatx()
    return 0.5 * mse(tf.cast(x, exact), tf.cast(y, exact))


def identity(features, wanted):
    """The sum of `content` over the layers of {layer: features}."""
    return tf.add_n([content(features[name], wanted[name]) for name in wanted])


def ellipse(box, size):
    """m: 1 within the ellipse that fills a box of shares of the image, 0 outside; float32 (1, size, size, 1)."""
    left, top, right, bottom = box
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = (2 * at - left - right) / (right - left), (2 * at - top - bottom) / (bottom - top)
    return (y[:, None] ** 2 + x**2 <= 1).astype(np.float32)[None, ..., None]


def blurred(image, deviation):
    """B: images (B, H, W, 3) under a Gaussian of a standard deviation in pixels, borders mirrored."""
    reach = round(3 * deviation)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    line = np.tile((weights / weights.sum()).astype(np.float32)[:, None, None, None], (1, 1, 3, 1))
    image = tf.pad(image, [[0, 0], [reach, reach], [reach, reach], [0, 0]], "REFLECT")
    image = tf.nn.depthwise_conv2d(image, line, [1, 1, 1, 1], "VALID")
    return tf.nn.depthwise_conv2d(image, line.transpose(1, 0, 2, 3), [1, 1, 1, 1], "VALID")


def weights_of_run(config, name):
    """The weights of the network `name` that the run `config.init` keeps. Raises `UserError`."""
    if not config.init:
        raise UserError("--stage=enhance needs --init=RUN, a run of --stage=transfer, whose T is enhanced")
    run = Path(config.init)
    file = run / "networks" / f"{name}.keras"
    if not file.exists():
        raise UserError(f"--init={run}: no {file} (expected a run of --model=diat that has written its networks)")
    theirs = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]
    for field in ("attribute", "without", "ngf", "n_blocks", "ndf", "d_layers", "norm", "crop_size"):
        if theirs[field] != getattr(config, field):
            raise UserError(
                f"--{field}={getattr(config, field)} (expected {theirs[field]}, as in --init={run}, whose T and D are "
                "taken)"
            )
    return keras.models.load_model(file).get_weights()


_QUICK = {"ngf": 16, "n_blocks": 3, "ndf": 24, "d_layers": 4, "crop_size": 64, "batch_size": 4}
_QUICK |= {"identity_layers": "conv1,conv2,conv3", "lambda_id": 100.0, "lr": 5e-4, "num_iters": 3000}


def _celeba(attribute, region="global", without=False):
    what = f"{attribute}{' taken away' if without else ''}"
    return Preset(
        Config(attribute=attribute, region=region, without=without), dataset="celeb_a", note=f"{what}; not yet run"
    )


PRESETS = {
    "quick": Preset(
        Config(attribute="glasses", region="eyes", **_QUICK),
        dataset="synthetic_faces",
        note="glasses for drawn faces at 64 px, narrow; minutes on two CPU cores",
    ),
    "quick_smile": Preset(
        Config(attribute="smiling", region="mouth", **_QUICK),
        dataset="synthetic_faces",
        note="a smile for drawn faces at 64 px, narrow; minutes on two CPU cores",
    ),
    "quick_enhance": Preset(
        Config(attribute="glasses", region="eyes", stage="enhance", **_QUICK | {"num_iters": 1000}),
        dataset="synthetic_faces",
        note="the second stage of quick: give --init=RUN, its run",
    ),
    "glasses": _celeba("Eyeglasses", "eyes"),
    "glasses_removal": _celeba("Eyeglasses", "eyes", without=True),
    "mouth_open": _celeba("Mouth_Slightly_Open", "mouth"),
    "mouth_close": _celeba("Mouth_Slightly_Open", "mouth", without=True),
    "smile": _celeba("Smiling", "mouth"),
    "older": _celeba("Young", without=True),
    "younger": _celeba("Young"),
    "to_female": _celeba("Male", without=True),
    "to_male": _celeba("Male"),
}
