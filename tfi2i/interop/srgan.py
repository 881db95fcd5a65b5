"""The checkpoints of Lornatang/SRGAN-PyTorch, `g_last.pth.tar` and `d_last.pth.tar`, and the generators of
leftthomas/SRGAN, `netG_epoch_<scale>_<epoch>.pth`.

Both programs' images are in [0, 1]: what our last convolution gives is twice theirs less one. The second has a tanh
behind it, (tanh + 1) / 2, whose range is ours already; and biases before its batch norms, which are taken off the
running means. PyTorch orders the channels of a pixel shuffle otherwise than TensorFlow (see `PixelShuffle`).
"""

import math
import re

import numpy as np

from tfi2i.errors import UserError
from tfi2i.interop.layout import StateDicts, ViewedParameter
from tfi2i.interop.pytorch_file import find_state_dicts, load

_SUFFIX = {
    "kernel": "weight",
    "bias": "bias",
    "alpha": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def generator_modules(config):
    """{our layer: module of Lornatang's G}, in the order of the state dict."""
    modules = {"stem": "conv1.0", "stem_prelu": "conv1.1"}
    for k in range(1, config.n_blocks + 1):
        names = ("conv1", "conv1_norm", "prelu", "conv2", "conv2_norm")
        modules |= {f"block{k}_{name}": f"trunk.{k - 1}.rcb.{place}" for place, name in enumerate(names)}
    modules |= {"trunk": "conv2.0", "trunk_norm": "conv2.1", "trunk_prelu": "conv2.1"}
    for k in range(1, config.scale.bit_length()):
        block = f"upsampling.{k - 1}.upsample_block"
        modules |= {f"up{k}": f"{block}.0", f"up{k}_prelu": f"{block}.2"}
    return modules | {"head": "conv3"}


def discriminator_modules():
    """{our layer: module of D}; each convolution but the first, without a norm, is followed by norm and activation."""
    modules = {"conv1": "features.0"}
    for k in range(2, 9):
        modules |= {f"conv{k}": f"features.{3 * k - 4}", f"conv{k}_norm": f"features.{3 * k - 3}"}
    return modules | {"dense": "classifier.0", "judge": "classifier.2"}


def official_networks(translator):
    return {player: network for player, (network,) in translator.players.items()}


def parameters(translator):
    networks, config = official_networks(translator), translator.config
    found = {"G": list(_parameters_of(networks["G"], generator_modules(config), config))}
    if "D" in networks:
        found["D"] = list(_parameters_of(networks["D"], discriminator_modules(), config))
    return found


def from_pytorch(model, *files, **config):
    """SRResNet from either program's G; with Lornatang's D as well, SRGAN."""
    from tfi2i.zoo import create

    state_dicts, inferred = StateDicts(), {"stage": "srresnet"}
    for file in files:
        network, state_dict, found = _read(file)
        state_dicts.add(network, state_dict, file)
        inferred |= found
    if "G" not in state_dicts:
        raise UserError(f"no generator among {', '.join(map(str, files))}; give the program's g_last.pth.tar too")
    if "D" in state_dicts:
        inferred["stage"] = "srgan"
    translator = create(model, **(inferred | config))
    state_dicts.load_into(parameters(translator))
    return translator


def _parameters_of(network, modules, config):
    names = {layer.name for layer in network.layers}
    for name, path in modules.items():
        for variable in network.get_layer(name).weights if name in names else ():
            scale, offset = (2.0, -float(variable.name == "bias")) if name == "head" and _folded(config) else (1.0, 0.0)
            layout = _layout(name, tuple(variable.shape), config)
            yield ViewedParameter(f"{path}.{_SUFFIX[variable.name]}", variable, *layout, scale, offset)


def _folded(config):
    return config.output == "linear"


def _layout(name, shape, config):
    """(view, axes, official shape) of a `ViewedParameter`."""
    if re.fullmatch(r"up\d", name):  # 4 places, then the channels of each
        if len(shape) == 1:
            return (4, config.ngf), (1, 0), shape
        return (*shape[:3], 4, config.ngf), (4, 3, 2, 0, 1), (shape[3], shape[2], *shape[:2])
    if name.endswith("prelu"):
        return shape, (0, 1, 2), shape[-1:]
    if name == "dense" and len(shape) == 2:  # of a map that PyTorch flattens channels first
        width = 8 * config.ndf
        side = math.isqrt(shape[0] // width)
        return (side, side, width, shape[1]), (3, 2, 0, 1), shape[::-1]
    axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[len(shape)]
    return shape, axes, tuple(shape[axis] for axis in axes)


def _read(file):
    """("G" or "D", its state dict under Lornatang's names, what it says of the Config)."""
    found = find_state_dicts(load(file))
    state = found.get("state_dict", found.get("", {}))
    if "block1.0.weight" in state:
        return "G", *_of_leftthomas(state, file)
    if "conv1.0.weight" in state and "conv3.weight" in state:
        return "G", state, _generator_options(state, file)
    if "features.0.weight" in state and "classifier.0.weight" in state:
        return "D", state, _discriminator_options(state, file)
    raise UserError(
        f"not an SRGAN checkpoint: {file} (expected a G with conv1.0.weight or block1.0.weight, or a D with "
        "features.0.weight)"
    )


def _generator_options(state, file):
    width = _width(state, "conv1.0.weight", file)
    _agree(state, "conv2.0.weight", (width, width, 3, 3), file)
    ups = _count(state, r"upsampling\.\d+\.upsample_block\.0\.weight")
    if ups not in (1, 2):
        raise UserError(f"weights don't fit: {file} enlarges {2**ups} times (expected 2 or 4)")
    slopes = state.get("conv1.1.weight", np.zeros(1))
    return {
        "ngf": width,
        "n_blocks": _count(state, r"trunk\.\d+\.rcb\.0\.weight"),
        "scale": 2**ups,
        "prelu": "shared" if slopes.size == 1 else "channel",
    }


def _discriminator_options(state, file):
    width = _width(state, "features.0.weight", file)
    _agree(state, "features.20.weight", (8 * width, 8 * width, 3, 3), file)
    dense = state["classifier.0.weight"].shape
    side = math.isqrt(dense[-1] // (8 * width))
    _agree(state, "classifier.0.weight", (1024, 8 * width * side * side), file)
    return {"ndf": width, "crop_size": 16 * side}


def _of_leftthomas(state, file):
    """(state dict, options) of a generator of the other program, under Lornatang's names and without its biases."""
    blocks = _count(state, r"block\d+\.conv1\.weight")
    ups = _count(state, rf"block{blocks + 3}\.\d+\.conv\.weight")
    modules = {"block1": "conv1", f"block{blocks + 2}": "conv2", f"block{blocks + 3}.{ups}": "conv3"}
    for k in range(blocks):
        names = ("conv1", "bn1", "prelu", "conv2", "bn2")
        modules |= {f"block{k + 2}.{name}": f"trunk.{k}.rcb.{place}" for place, name in enumerate(names)}
    for k in range(ups):
        block = f"upsampling.{k}.upsample_block"
        modules |= {f"block{blocks + 3}.{k}.conv": f"{block}.0", f"block{blocks + 3}.{k}.prelu": f"{block}.2"}
    renamed = {}
    for key, array in state.items():
        module = next((m for m in modules if key.startswith(f"{m}.")), None)
        renamed[key.replace(module, modules[module], 1) if module else key] = array
    for norm in [key.removesuffix(".running_mean") for key in renamed if key.endswith(".running_mean")]:
        conv, _, place = norm.rpartition(".")
        bias = renamed.pop(f"{conv}.{int(place) - 1}.bias", 0.0)
        renamed[f"{norm}.running_mean"] = renamed[f"{norm}.running_mean"] - bias
    trunk = "norm" if "conv2.1.running_mean" in renamed else "prelu"
    return renamed, _generator_options(renamed, file) | {"output": "tanh", "trunk": trunk}


def _count(state, pattern):
    return sum(bool(re.fullmatch(pattern, key)) for key in state)


def _width(state, key, file):
    array = state[key]
    if array.ndim != 4 or 0 in array.shape:
        raise UserError(f"weights don't fit: {file}: {key} (expected a convolution, received shape {array.shape})")
    return array.shape[0]


def _agree(state, key, expected, file):
    # A width must be that of other layers too, before a network of that width is built.
    received = state[key].shape if key in state else None
    if received != expected:
        raise UserError(f"weights don't fit: {file}: {key} (expected shape {expected}, received {received})")
