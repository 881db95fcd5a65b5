"""Generators and discriminators by the names that the junyanz programs' options give them."""

import re

from tfi2i.errors import UserError
from tfi2i.nn.patchgan import patchgan, pixelgan
from tfi2i.nn.resnet import resnet
from tfi2i.nn.unet import levels_for, unet


def generator(netG, **options):
    """unet_N or resnet_Nblocks; (B, H, W, input_nc) -> (B, H, W, output_nc), both in [-1, 1]."""
    kind, number = _parsed(netG)
    return unet(levels_for(number), **options) if kind == "unet" else resnet(number, **options)


def stride_of(netG):
    """H and W of its images must be multiples of this. Raises `UserError` for a name of no generator."""
    kind, number = _parsed(netG)
    return 2 ** levels_for(number) if kind == "unet" else 4


def discriminator(netD, n_layers_D, **options):
    """basic: the 70x70 PatchGAN; n_layers: one of n_layers_D; pixel: 1x1 PixelGAN. (B, H, W, input_nc) -> logits."""
    if netD == "pixel":
        return pixelgan(**options)
    return patchgan(n_layers=3 if netD == "basic" else n_layers_D, **options)


def _parsed(netG):
    if match := re.fullmatch(r"unet_(\d+)|resnet_(\d+)blocks", netG):
        levels, blocks = match.groups()
        return ("unet", int(levels)) if levels else ("resnet", int(blocks))
    raise UserError(f"--netG={netG} (expected unet_N, such as unet_256, or resnet_Nblocks, such as resnet_9blocks)")
