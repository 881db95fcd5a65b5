"""The models: one paper, one file. `MODELS` names them; nothing is imported before it is asked for."""

import dataclasses
from importlib import import_module
from typing import NamedTuple

from tfi2i.errors import UserError, nearest
from tfi2i.zoo.preset import Preset

__all__ = ["MODELS", "Preset", "create", "model_class", "name_of", "preset", "presets"]


class Entry(NamedTuple):
    """target: "module:Class"; paper: authors and year; task: one line for `tfi2i list`."""

    target: str
    paper: str
    task: str


MODELS = {
    "gan": Entry("tfi2i.zoo.gan:GAN", "Goodfellow et al. 2014", "noise to images: the root of the family"),
    "pix2pix": Entry("tfi2i.zoo.pix2pix:Pix2Pix", "Isola et al. 2017", "paired translation: conditional GAN + L1"),
    "cyclegan": Entry("tfi2i.zoo.cyclegan:CycleGAN", "Zhu et al. 2017", "two domains without pairs: cycle consistency"),
    "unit": Entry("tfi2i.zoo.unit:UNIT", "Liu et al. 2017", "two domains without pairs: one shared latent space"),
    "munit": Entry("tfi2i.zoo.munit:MUNIT", "Huang et al. 2018", "two domains, many styles: content and style codes"),
    "samunit": Entry("tfi2i.zoo.samunit:SAMUNIT", "Kang and Lee 2019", "MUNIT with self-attention"),
    "drit": Entry("tfi2i.zoo.drit:DRIT", "Lee et al. 2018", "two domains, many styles: disentangled attributes"),
    "ugatit": Entry("tfi2i.zoo.ugatit:UGATIT", "Kim et al. 2020", "two domains, change of shape: attention and AdaLIN"),
    "cut": Entry(
        "tfi2i.zoo.cut:CUT", "Park et al. 2020", "two domains, one way: patches stay what they are, by contrast"
    ),
    "dtn": Entry(
        "tfi2i.zoo.dtn:DTN", "Taigman et al. 2017", "two domains, what a network f sees is kept: digits, emoji"
    ),
    "diat": Entry("tfi2i.zoo.diat:DIAT", "Li et al. 2016", "one facial attribute at a time, the identity kept"),
    "stargan": Entry("tfi2i.zoo.stargan:StarGAN", "Choi et al. 2018", "attributes of labelled images, one G for all"),
    "srgan": Entry(
        "tfi2i.zoo.srgan:SRGAN", "Ledig et al. 2017", "super-resolution: SRResNet, and SRGAN on VGG19's features"
    ),
}


def model_class(name):
    """The model's class. Raises `UserError` for an unknown name, with the nearest known one."""
    if name not in MODELS:
        hint = nearest(name, MODELS, "see `tfi2i list`")
        raise UserError(f"unknown model: --model={name} (expected one of {', '.join(MODELS)}); {hint}")
    module, attribute = MODELS[name].target.split(":")
    return getattr(import_module(module), attribute)


def name_of(translator):
    """The registered name of a translator's class."""
    target = f"{type(translator).__module__}:{type(translator).__name__}"
    return next(name for name, entry in MODELS.items() if entry.target == target)


def presets(name):
    """{preset name: Preset} of a model."""
    return import_module(model_class(name).__module__).PRESETS


def preset(name, preset_name):
    """One preset of a model. Raises `UserError` for an unknown name."""
    known = presets(name)
    if preset_name not in known:
        raise UserError(f"unknown preset: --preset={preset_name} (expected one of {', '.join(known)})")
    return known[preset_name]


def create(name, preset_name=None, **options):
    """A new, untrained model: `create("pix2pix", "quick", ngf=16)`.

    Args:
        name: one of `MODELS`.
        preset_name: start from this preset instead of the paper's defaults.
        options: fields of the model's `Config`.

    Returns: a `Translator`; call `compile()` before `fit`.
    Raises: `UserError` for an unknown name, preset, option or value.
    """
    cls = model_class(name)
    base = preset(name, preset_name).config if preset_name else cls.Config()
    unknown = options.keys() - {field.name for field in dataclasses.fields(base)}
    if unknown:
        raise UserError(
            f"unknown option of {name}: {', '.join(sorted(unknown))}; see `tfi2i train --model={name} --help`"
        )
    return cls(dataclasses.replace(base, **options))
