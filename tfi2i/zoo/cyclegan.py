"""CycleGAN: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu, Park, Isola, Efros;
ICCV 2017).

    L(G, F, D_X, D_Y) = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) + lambda L_cyc(G, F)               (eq. 3)
    L_cyc(G, F)       = E_x[ ||F(G(x)) - x||_1 ] + E_y[ ||G(F(y)) - y||_1 ]                          (eq. 2)
    L_identity(G, F)  = E_y[ ||G(y) - y||_1 ] + E_x[ ||F(x) - x||_1 ]                                (sec. 5.2)

G maps domain X to domain Y, F maps Y to X. L_GAN is least squares, and each D's objective is halved, which slows it
relative to its generator; D_X and D_Y also judge fakes from a pool of 50 earlier ones (sec. 4).

Official code: junyanz/CycleGAN (Lua), junyanz/pytorch-CycleGAN-and-pix2pix (PyTorch), both BSD; numbers only were
taken. Where it says A and B it is X and Y here; its G_A is G, G_B is F, D_A is D_Y, D_B is D_X. Networks, losses and a
whole step are equal to the PyTorch code's (tests/parity).

Deviations
- The images of an epoch are a permutation of each domain; the official program draws those of Y at random.
- With several devices, all of them share one pool; so does the official program's DataParallel.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from tfi2i.errors import UserError
from tfi2i.losses.adversarial import OBJECTIVES
from tfi2i.losses.reconstruction import l1
from tfi2i.nn import by_name
from tfi2i.nn.blocks import as_tested
from tfi2i.options import PREPROCESS, option, validate
from tfi2i.training.image_pool import ImagePool
from tfi2i.training.optimizers import Adam, EpochSchedule
from tfi2i.training.translator import Translator
from tfi2i.zoo.preset import Preset


@dataclass(frozen=True)
class Config:
    """The paper's numbers (sec. 4 and 7), under the names users know from the PyTorch program."""

    kind: ClassVar[str] = "domains"

    # Networks
    input_nc: Literal[1, 3] = option(3, "channels of domain X (A): 1 grey, 3 RGB")
    output_nc: Literal[1, 3] = option(3, "channels of domain Y (B)")
    netG: str = option("resnet_9blocks", "resnet_Nblocks; or unet_N, N the image size at which the bottleneck is 1x1")
    ngf: int = option(64, "width of the first layer of G and F", least=1)
    netD: Literal["basic", "n_layers", "pixel"] = option("basic", "70x70 PatchGAN; one of n_layers_D; 1x1 PixelGAN")
    ndf: int = option(64, "width of the first layer of D_X and D_Y", least=1)
    n_layers_D: int = option(3, "strided layers of D, netD=n_layers only", least=1)
    norm: Literal["instance", "batch", "none"] = option("instance", "normalisation in all networks")
    no_dropout: bool = option(True, "no dropout in G and F")
    init_type: Literal["normal", "xavier", "kaiming", "orthogonal"] = option("normal", "how kernels are drawn")
    init_gain: float = option(0.02, "standard deviation of init_type=normal", least=0)

    # Objective
    gan_mode: Literal["lsgan", "vanilla", "hinge"] = option("lsgan", "the adversarial objective")
    lambda_A: float = option(10.0, "weight of the cycle X -> Y -> X", least=0)
    lambda_B: float = option(10.0, "weight of the cycle Y -> X -> Y", least=0)
    lambda_identity: float = option(
        0.5, "weight of the identity terms, relative to the cycle's; 0 leaves them out", least=0
    )
    pool_size: int = option(50, "how many earlier fakes are kept for D_X and D_Y; 0: none", least=0)

    # Optimisation
    lr: float = option(2e-4, "Adam's initial learning rate", least=0)
    beta1: float = option(0.5, "Adam's first momentum", least=0)
    lr_policy: Literal["linear", "step", "cosine", "constant"] = option("linear", "how the learning rate falls")
    n_epochs: int = option(100, "epochs at the initial learning rate", least=1)
    n_epochs_decay: int = option(100, "further epochs, in which lr_policy=linear brings it to zero", least=0)
    lr_decay_iters: int = option(50, "epochs between the cuts of lr_policy=step", least=1)
    batch_size: int = option(1, "images of each domain a step, over all devices", least=1)

    # Data
    preprocess: PREPROCESS = option("resize_and_crop", "how images are brought to size")
    load_size: int = option(286, "size that images are resized to before they are cropped", least=1)
    crop_size: int = option(256, "size of the random crop", least=1)
    no_flip: bool = option(False, "don't mirror images at random")

    def __post_init__(self):
        validate(self)
        _ = self.stride  # a wrong netG is known at once
        if self.lambda_identity and self.input_nc != self.output_nc:
            raise UserError(
                f"--lambda_identity={self.lambda_identity} compares both domains (expected equal --input_nc and "
                f"--output_nc, received {self.input_nc} and {self.output_nc}); give --lambda_identity=0"
            )
        if self.pool_size and not self.preprocess.endswith("crop"):
            raise UserError(
                f"--preprocess={self.preprocess} leaves images of many sizes, and the pool of fakes holds one size; "
                "give --pool_size=0 or a way that ends in crop"
            )

    @property
    def stride(self):
        """H and W of an image must be multiples of this."""
        return by_name.stride_of(self.netG)

    def total_steps(self, steps_per_epoch):
        """How many optimisation steps the training has."""
        return steps_per_epoch * (self.n_epochs + self.n_epochs_decay)


def generator(config, input_nc, output_nc, name):
    """G or F; (B, H, W, input_nc) -> (B, H, W, output_nc), both in [-1, 1]."""
    c = config
    dropout = 0.0 if c.no_dropout else 0.5
    sizes = {"ngf": c.ngf, "input_nc": input_nc, "output_nc": output_nc}
    looks = {"norm": c.norm, "dropout": dropout, "init_type": c.init_type, "init_gain": c.init_gain}
    return by_name.generator(c.netG, **sizes, **looks, name=name)


def discriminator(config, input_nc, name):
    """D_X or D_Y; (B, H, W, input_nc) -> one logit a patch."""
    c = config
    looks = {"norm": c.norm, "init_type": c.init_type, "init_gain": c.init_gain}
    return by_name.discriminator(c.netD, c.n_layers_D, ndf=c.ndf, input_nc=input_nc, **looks, name=name)


class CycleGAN(Translator):
    """CycleGAN as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain X, y (B, H, W, output_nc) of domain Y; H and W multiples of `config.stride`.
    """

    Config = Config
    kept = ("G", "F")
    loss_names = ("G_A", "G_B", "cycle_A", "cycle_B", "idt_A", "idt_B", "D_A", "D_B")

    def __init__(self, config=None, **kwargs):
        super().__init__(config or Config(), **kwargs)
        c = self.config
        self.G, self.F = generator(c, c.input_nc, c.output_nc, "G"), generator(c, c.output_nc, c.input_nc, "F")
        self.D_X, self.D_Y = discriminator(c, c.input_nc, "D_X"), discriminator(c, c.output_nc, "D_Y")
        self.players = {"generators": [self.G, self.F], "discriminators": [self.D_X, self.D_Y]}
        self.pool_x = ImagePool(c.pool_size, (c.crop_size, c.crop_size, c.input_nc))
        self.pool_y = ImagePool(c.pool_size, (c.crop_size, c.crop_size, c.output_nc))
        self.gan = OBJECTIVES[c.gan_mode]

    def make_optimizers(self, steps_per_epoch=None):
        c = self.config
        policy = c.lr_policy if steps_per_epoch else "constant"

        def adam():
            rate = EpochSchedule(c.lr, policy, steps_per_epoch or 1, c.n_epochs, c.n_epochs_decay, c.lr_decay_iters)
            return Adam(rate, beta_1=c.beta1)

        return {"generators": adam(), "discriminators": adam()}

    def train_step(self, batch):
        """G and F descend the full objective (eq. 3), then D_X and D_Y theirs, on these fakes and the pool's."""
        x, y = batch["x"], batch["y"]
        G, F, D_X, D_Y = self.networks(training=True)
        gan, c = self.gan, self.config

        with self.turn("generators") as losses:
            fake_y, fake_x = G(x), F(y)
            losses["G_A"] = gan.generator(D_Y(fake_y))
            losses["G_B"] = gan.generator(D_X(fake_x))
            losses["cycle_A"] = c.lambda_A * l1(F(fake_y), x)
            losses["cycle_B"] = c.lambda_B * l1(G(fake_x), y)
            if c.lambda_identity:
                losses["idt_A"] = c.lambda_identity * c.lambda_B * l1(G(y), y)
                losses["idt_B"] = c.lambda_identity * c.lambda_A * l1(F(x), x)

        pooled_y, pooled_x = self.pool_y(fake_y), self.pool_x(fake_x)
        with self.turn("discriminators") as losses:
            losses["D_A"] = 0.5 * (gan.real(D_Y(y)) + gan.fake(D_Y(pooled_y)))
            losses["D_B"] = 0.5 * (gan.real(D_X(x)) + gan.fake(D_X(pooled_x)))

        return self.logs()

    def generators(self, stochastic=False):
        networks = {"AtoB": "G", "BtoA": "F"}.items()
        return {d: as_tested(getattr(self, name), stochastic) for d, name in networks if name in self.trained}


_AT_64 = {"load_size": 72, "crop_size": 64}
_NO_IDENTITY = {"lambda_identity": 0.0}

# Sections 5.1 and 5.2; the identity term is the paper's for painting -> photo, and the program's default for all.
PRESETS = {
    "quick": Preset(
        Config(
            netG="resnet_3blocks", ngf=16, netD="n_layers", n_layers_D=2, ndf=32, n_epochs=4, n_epochs_decay=4, **_AT_64
        ),
        dataset="synthetic_seasons",
        steps=3200,
        note="summer <-> winter at 64 px, narrow; minutes on two CPU cores",
    ),
    "horse2zebra": Preset(Config(), dataset="cycle_gan/horse2zebra", note="horse <-> zebra, 200 epochs; not yet run"),
    "apple2orange": Preset(
        Config(), dataset="cycle_gan/apple2orange", note="apple <-> orange, 200 epochs; not yet run"
    ),
    "summer2winter": Preset(
        Config(), dataset="cycle_gan/summer2winter_yosemite", note="summer <-> winter, 200 epochs; not yet run"
    ),
    "monet2photo": Preset(Config(), dataset="cycle_gan/monet2photo", note="Monet <-> photo, 200 epochs; not yet run"),
    "cezanne2photo": Preset(
        Config(), dataset="cycle_gan/cezanne2photo", note="Cezanne <-> photo, 200 epochs; not yet run"
    ),
    "ukiyoe2photo": Preset(
        Config(), dataset="cycle_gan/ukiyoe2photo", note="ukiyo-e <-> photo, 200 epochs; not yet run"
    ),
    "vangogh2photo": Preset(
        Config(), dataset="cycle_gan/vangogh2photo", note="Van Gogh <-> photo, 200 epochs; not yet run"
    ),
    "maps": Preset(
        Config(**_NO_IDENTITY), dataset="cycle_gan/maps", note="aerial photo <-> map, 200 epochs; not yet run"
    ),
    "facades": Preset(
        Config(**_NO_IDENTITY), dataset="cycle_gan/facades", note="photo <-> labels, 200 epochs; not yet run"
    ),
    "iphone2dslr_flower": Preset(
        Config(preprocess="scale_width_and_crop", load_size=1024, crop_size=360),
        dataset="cycle_gan/iphone2dslr_flower",
        note="phone -> camera with shallow focus, 200 epochs; not yet run",
    ),
}
