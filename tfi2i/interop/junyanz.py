"""The checkpoints of junyanz/pytorch-CycleGAN-and-pix2pix: `latest_net_G.pth`, `latest_net_D.pth`, and with _A and _B.

A module's path in a state dict is its place in the program's nested `nn.Sequential`s; activations, padding and dropout
take a place too but hold nothing. The tables below say which place each of our layers has there.
"""

import re

from tfi2i.errors import UserError
from tfi2i.interop.layout import parameters_of
from tfi2i.interop.pytorch_file import find_state_dicts, load


def unet_modules(downs):
    """{our layer: official module} of the U-Net, whose blocks lie one inside another.

    Places in a block: outermost conv 0, inner block 1, up-conv 3; others conv 1, norm 2, inner block 3, up-conv 5,
    norm 6; innermost conv 1, up-conv 3, norm 4.
    """
    down, up, block = {"down1": "model.model.0"}, {"up1": "model.model.3"}, "model.model.1"
    for level in range(2, downs + 1):
        innermost = level == downs
        down[f"down{level}"] = f"{block}.model.1"
        if not innermost:
            down[f"down{level}_norm"] = f"{block}.model.2"
        conv, norm = (3, 4) if innermost else (5, 6)
        up = {f"up{level}": f"{block}.model.{conv}", f"up{level}_norm": f"{block}.model.{norm}"} | up
        block += ".model.3"
    return down | up


def resnet_modules(blocks, dropout):
    """{our layer: official module} of the residual generator, one flat sequence."""
    modules = {}

    def at(place, name):
        modules[name], modules[f"{name}_norm"] = f"model.{place}", f"model.{place + 1}"

    at(1, "stem"), at(4, "down1"), at(7, "down2")
    for k in range(blocks):
        inner, second = f"model.{10 + k}.conv_block", 6 if dropout else 5
        modules |= {f"block{k + 1}_conv1": f"{inner}.1", f"block{k + 1}_conv1_norm": f"{inner}.2"}
        modules |= {f"block{k + 1}_conv2": f"{inner}.{second}", f"block{k + 1}_conv2_norm": f"{inner}.{second + 1}"}
    at(10 + blocks, "up2"), at(13 + blocks, "up1")
    modules["head"] = f"model.{17 + blocks}"
    return modules


def patchgan_modules(n_layers):
    """{our layer: official module} of the PatchGAN: conv 0, then (conv, norm, activation) from 2 on."""
    modules = {"conv1": "model.0"}
    for k in range(1, n_layers + 2):
        modules |= {f"conv{k + 1}": f"model.{3 * k - 1}", f"conv{k + 1}_norm": f"model.{3 * k}"}
    return modules


PIXELGAN_MODULES = {"conv1": "net.0", "conv2": "net.2", "conv2_norm": "net.3", "conv3": "net.5"}


def generator_parameters(network, config):
    """[Parameter] of a generator that was built from this config."""
    if config.netG.startswith("unet_"):
        modules = unet_modules(config.stride.bit_length() - 1)
    else:
        blocks = int(re.fullmatch(r"resnet_(\d+)blocks", config.netG)[1])
        modules = resnet_modules(blocks, dropout=not config.no_dropout)
    return parameters_of(network, modules)


def discriminator_parameters(network, config):
    """[Parameter] of a discriminator that was built from this config."""
    n_layers = 3 if config.netD == "basic" else config.n_layers_D
    return parameters_of(network, PIXELGAN_MODULES if config.netD == "pixel" else patchgan_modules(n_layers))


def read(file):
    """(state dict, "G" or "D", what its keys and shapes say of the Config) of one of the program's files."""
    state_dicts = find_state_dicts(load(file))
    if len(state_dicts) != 1:
        raise UserError(f"one network was expected: {file} (received {', '.join(state_dicts)}); give its own file")
    (state_dict,) = state_dicts.values()
    return state_dict, *_infer(state_dict, file)


def _infer(state_dict, file):
    """The network's official name and what its keys and shapes say of the Config."""
    shapes = {key: tuple(array.shape) for key, array in state_dict.items()}
    if "model.model.0.weight" in shapes:
        return "G", _infer_unet(shapes)
    if shapes.get("model.1.weight", ())[2:] == (7, 7):
        return "G", _infer_resnet(shapes)
    if shapes.get("model.0.weight", ())[2:] == (4, 4):
        last = max(int(re.match(r"model\.(\d+)", key)[1]) for key in shapes)
        return "D", {
            "netD": "n_layers",
            "n_layers_D": (last + 1) // 3 - 1,
            "ndf": shapes["model.0.weight"][0],
            "norm": _norm(shapes, "model.2"),
        }
    if "net.0.weight" in shapes:
        return "D", {"netD": "pixel", "ndf": shapes["net.0.weight"][0], "norm": _norm(shapes, "net.2")}
    raise UserError(
        f"no network of the pix2pix and CycleGAN program: {file} (expected the keys and kernels of its U-Net, ResNet, "
        f"PatchGAN or PixelGAN; received {', '.join(_described(shapes))}); other programs' networks have other layers"
    )


def _infer_unet(shapes):
    deepest = max(shapes, key=lambda key: key.count("model"))
    return {
        "netG": f"unet_{2 ** (deepest.count('model') - 1)}",
        "ngf": shapes["model.model.0.weight"][0],
        "input_nc": shapes["model.model.0.weight"][1],
        "output_nc": shapes["model.model.3.weight"][1],
        "norm": _norm(shapes, "model.model.1.model.1"),
    }


def _infer_resnet(shapes):
    blocks = {key.split(".")[1] for key in shapes if ".conv_block." in key}
    head = max(int(key.split(".")[1]) for key in shapes)
    return {
        "netG": f"resnet_{len(blocks)}blocks",
        "ngf": shapes["model.1.weight"][0],
        "input_nc": shapes["model.1.weight"][1],
        "output_nc": shapes[f"model.{head}.weight"][0],
        "norm": _norm(shapes, "model.1"),
        "no_dropout": not any(".conv_block.6.weight" in key and len(shapes[key]) == 4 for key in shapes),
    }


def _norm(shapes, normed_conv):
    """Batch norms keep running statistics; before an instance norm, which keeps nothing, convolutions have a bias."""
    if any(key.endswith("running_mean") for key in shapes):
        return "batch"
    return "instance" if f"{normed_conv}.bias" in shapes else "none"


def _described(shapes):
    return [f"{key} {'x'.join(map(str, shape))}" for key, shape in list(shapes.items())[:3]]
