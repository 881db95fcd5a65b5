"""Self-attention MUNIT: Unsupervised Image-to-Image Translation with Self-Attention Networks (Kang, Lee; 2019).

MUNIT, whose objective is kept (see zoo/munit.py), with SAGAN's self-attention, x + gamma o(x), gamma from 0, so that a
feature may depend on all positions and not on its neighbourhood alone. The paper studies three stages: the encoders
before down-sampling, the decoders before up-sampling, the discriminators before down-sampling.

Official code: itsss/img2img_sa (no licence given, and built on NVlabs/MUNIT, CC BY-NC-SA 4.0); numbers only were taken.
It has attention in the decoders before up-sampling, and in the discriminators at each scale before the last
convolution; these are the defaults. Networks keep its order of layers, so that its checkpoints can be read.

Deviations
- The paper's figure draws one attention for both encoders; here each of E_c and E_s, which share nothing else, has its
  own, after the first convolution.
- Before down-sampling, attention weighs every pixel against every other: 16 GiB an image at 256 pixels. What cannot fit
  is refused, and the presets of these stages are at 128 pixels.
- As MUNIT's.
"""

from dataclasses import dataclass
from typing import Literal

from tfi2i.errors import UserError
from tfi2i.nn.attention import self_attention
from tfi2i.nn.content import content_encoder
from tfi2i.nn.multiscale import multiscale_discriminator
from tfi2i.options import option
from tfi2i.zoo import munit
from tfi2i.zoo.preset import Preset

LARGEST_MAP = 2 * 2**30  # bytes; training holds several times that


@dataclass(frozen=True)
class Config(munit.Config):
    """MUNIT's numbers, and where attention stands."""

    attention_E: Literal["none", "before_down"] = option("none", "self-attention in the encoders")
    attention_G: Literal["none", "before_up"] = option("before_up", "self-attention in the decoders")
    attention_D: Literal["none", "before_down", "before_head"] = option(
        "before_head", "self-attention at each scale of D"
    )

    def __post_init__(self):
        super().__post_init__()
        pixels = self.crop_size**2
        positions = {"before_down": pixels, "before_up": pixels // 4**self.n_downsample}
        for field in ("attention_E", "attention_G", "attention_D"):
            stage = getattr(self, field)
            n = positions.get(stage, 0)
            size = 4 * self.batch_size * n**2
            if size > LARGEST_MAP:
                raise UserError(
                    f"--{field}={stage} with --crop_size={self.crop_size} and --batch_size={self.batch_size} takes "
                    f"{size / 2**30:.0f} GiB for the weights of {n} x {n} positions alone (expected at most "
                    f"{LARGEST_MAP / 2**30:.0f} GiB); give smaller crops or batches, or --{field}=none"
                )


class SAMUNIT(munit.MUNIT):
    """Self-attention MUNIT as a Keras model: `compile()`, then `fit` on batches {"x", "y"} of float images in [-1, 1].

    Args:
        config: `Config`.

    Shapes: x (B, H, W, input_nc) of domain A, y (B, H, W, output_nc) of domain B; H and W multiples of `config.stride`.
    """

    Config = Config

    def auto_encoder(self, channels, domain):
        c = self.config
        after_stem = self_attention if c.attention_E == "before_down" else None
        before_up = self_attention if c.attention_G == "before_up" else None
        E_c = content_encoder(channels, c.dim, c.n_downsample, c.n_res, after_stem, name=f"E_c_{domain}")
        E_s = munit.style_encoder(channels, c.dim, c.style_dim, after_stem, name=f"E_s_{domain}")
        return E_c, E_s, munit.decoder(c, channels, before_up, name=f"G_{domain}")

    def discriminator(self, channels, name):
        c = self.config
        attention = {} if c.attention_D == "none" else {c.attention_D: attention_of_scale}
        return multiscale_discriminator(channels, c.ndf, c.n_layer, c.num_scales, **attention, name=name)


def attention_of_scale(x, scale):
    """Self-attention whose kernels are drawn as the rest of D's."""
    return self_attention(x, "normal", name=f"{scale}_attention")


_AT_128 = {"load_size": 128, "crop_size": 128}
_NOWHERE = {"attention_E": "none", "attention_G": "none", "attention_D": "none"}

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
    "cat2dog": Preset(
        Config(), note="cats <-> dogs of your own, attention where the published code has it; not yet run"
    ),
    "cat2dog_encoder": Preset(
        Config(**_NOWHERE | _AT_128 | {"attention_E": "before_down"}),
        note="cats <-> dogs of your own, the paper's encoder stage at 128 px; not yet run",
    ),
    "cat2dog_decoder": Preset(
        Config(**_NOWHERE | {"attention_G": "before_up"}),
        note="cats <-> dogs of your own, the paper's decoder stage; not yet run",
    ),
    "cat2dog_discriminator": Preset(
        Config(**_NOWHERE | _AT_128 | {"attention_D": "before_down"}),
        note="cats <-> dogs of your own, the paper's discriminator stage at 128 px; not yet run",
    ),
    "summer2winter": Preset(
        Config(),
        dataset="cycle_gan/summer2winter_yosemite",
        note="summer <-> winter, attention where the published code has it; not yet run",
    ),
}
