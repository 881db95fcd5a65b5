"""The checkpoints of znxlwm/UGATIT-pytorch: `<dataset>_params_<iteration>.pt`, one dict of six state dicts.

PyTorch's spectral norm keeps, of a module's `weight`, `weight_orig` and the vectors `weight_u` and `weight_v`.
"""

import math
import re

from tfi2i.errors import UserError
from tfi2i.interop.layout import StateDicts, ViewedParameter
from tfi2i.interop.pytorch_file import find_state_dicts, load

GENERATORS = {"genA2B": "G_AB", "genB2A": "G_BA"}
DISCRIMINATORS = {"disGA": "D_GA", "disGB": "D_GB", "disLA": "D_LA", "disLB": "D_LB"}
NETWORKS = GENERATORS | DISCRIMINATORS

# In the order of the state dict.
PLAIN = {"rho": "rho", "gamma": "gamma", "beta": "beta", "kernel": "weight", "bias": "bias"}
SPECTRAL = {"bias": "bias", "kernel": "weight_orig", "u": "weight_u", "v": "weight_v"}


def official_networks(translator):
    return {official: getattr(translator, name) for official, name in NETWORKS.items()}


def parameters(translator):
    config = translator.config
    tables = [generator_modules(config.n_res)] * 2
    tables += [discriminator_modules(n) for n in (config.n_dis_global, config.n_dis_local) for _ in "AB"]
    networks = official_networks(translator).items()
    return {name: list(_parameters_of(net, table)) for (name, net), table in zip(networks, tables, strict=True)}


def generator_modules(n_res):
    """{our layer: official module} of G, in the order of the state dict; places count pads and activations too."""
    modules = {name: name for name in ("gap_fc", "gmp_fc", "conv1x1", "gamma", "beta")}
    for k in range(1, n_res + 1):
        for n in (1, 2):
            modules |= {f"decoder{k}_conv{n}": f"UpBlock1_{k}.conv{n}", f"decoder{k}_norm{n}": f"UpBlock1_{k}.norm{n}"}
    modules |= {"stem": "DownBlock.1", "down1": "DownBlock.5", "down2": "DownBlock.9"}
    for k in range(1, n_res + 1):
        block = f"DownBlock.{11 + k}.conv_block"
        modules |= {f"encoder{k}_conv1": f"{block}.1", f"encoder{k}_conv2": f"{block}.5"}
    modules |= {"fc1": "FC.0", "fc2": "FC.2", "up2": "UpBlock2.2", "up2_norm": "UpBlock2.3"}
    return modules | {"up1": "UpBlock2.7", "up1_norm": "UpBlock2.8", "head": "UpBlock2.11"}


def discriminator_modules(n_layers):
    """{our layer: official module} of D, in the order of the state dict."""
    modules = {"gap_fc": "gap_fc", "gmp_fc": "gmp_fc", "conv1x1": "conv1x1", "last": "conv"}
    return modules | {f"conv{k + 1}": f"model.{3 * k + 1}" for k in range(n_layers - 1)}


def from_pytorch(model, *files, **config):
    """U-GAT-IT from the program's files, which may hold all six networks or some; generators alone are enough."""
    from tfi2i.zoo import create

    state_dicts, inferred = StateDicts(), {}
    for file in files:
        found = {name: state for name, state in find_state_dicts(load(file)).items() if name in NETWORKS}
        if not found:
            raise UserError(f"not a U-GAT-IT checkpoint: {file} (expected a dict with some of {', '.join(NETWORKS)})")
        for name, state_dict in found.items():
            state_dicts.add(name, state_dict, f"{file}: {name}")
            inferred |= _infer(name, *state_dicts[name])
    if "crop_size" in inferred:  # discriminators that come without a file are as deep as the images bear
        deepest = 1 + (inferred["crop_size"] // 3).bit_length()
        inferred = {"n_dis_global": min(7, deepest), "n_dis_local": min(5, deepest)} | inferred
    translator = create(model, **(inferred | config))
    state_dicts.load_into(parameters(translator))
    translator.trained = tuple(ours for name, ours in NETWORKS.items() if name in state_dicts)
    return translator


def _infer(name, state_dict, source):
    """What a network's keys and shapes say of the Config."""

    def shape(key, axes):
        if key not in state_dict:
            raise UserError(f"weights don't fit: {source} lacks {key}")
        if state_dict[key].ndim != axes or 0 in state_dict[key].shape:
            raise UserError(
                f"weights don't fit: {source}: {key} (expected {axes} axes, received shape {state_dict[key].shape})"
            )
        return state_dict[key].shape

    def number_of(pattern):
        return sum(bool(re.fullmatch(pattern, key)) for key in state_dict)

    def agree(key, received, expected):
        # The first layer's width must be that of a later, larger one, before a network of that width is built.
        if received != expected:
            raise UserError(f"weights don't fit: {source}: {key} (expected width {expected}, received {received})")

    if name in DISCRIMINATORS:
        ch, channels, *_ = shape("model.1.weight_orig", 4)
        n_layers = number_of(r"model\.\d+\.weight_orig") + 1
        deepest = f"model.{3 * n_layers - 5}.weight_orig"
        agree(deepest, shape(deepest, 4)[0], 2 ** (n_layers - 2) * ch)
        depth = "n_dis_global" if name.startswith("disG") else "n_dis_local"
        return {"ch": ch, "input_nc": channels, "output_nc": channels, depth: n_layers}

    ch, channels, *_ = shape("DownBlock.1.weight", 4)
    agree("gamma.weight", shape("gamma.weight", 2)[0], 4 * ch)
    inferred = {
        "ch": ch,
        "input_nc": channels,
        "output_nc": channels,
        "n_res": number_of(r"DownBlock\.\d+\.conv_block\.1\.weight"),
    }
    features = shape("FC.0.weight", 2)[1]
    if features == 4 * ch:
        return inferred | {"light": True}
    # The full model's fully connected layer sees every position of a map a quarter as high and as wide as the image.
    side = math.isqrt(features // (4 * ch))
    agree("FC.0.weight", features, side * side * 4 * ch)
    return inferred | {"light": False, "crop_size": 4 * side, "load_size": 4 * side + 30}


def _parameters_of(network, modules):
    names = {layer.name for layer in network.layers}
    for name, path in modules.items():
        if name not in names:
            continue  # left out by the options: attention, or a norm that needs no style
        layer = network.get_layer(name)
        variables = {v.name: v for v in layer.weights}
        for ours, theirs in (SPECTRAL if "u" in variables else PLAIN).items():
            if ours in variables:
                yield ViewedParameter(f"{path}.{theirs}", variables[ours], *_layout(layer, variables[ours]))


def _layout(layer, variable):
    """(view, axes, official shape) of a `ViewedParameter`."""
    shape = tuple(variable.shape)
    if variable.name in ("rho", "gamma", "beta"):
        return (1, 1, 1, *shape), (0, 3, 1, 2), (1, *shape, 1, 1)
    if len(shape) == 4:
        return shape, (3, 2, 0, 1), tuple(shape[axis] for axis in (3, 2, 0, 1))
    if variable.name == "v" and len(layer.kernel.shape) == 4:
        return tuple(layer.kernel.shape[:3]), (2, 0, 1), shape  # flattened in the order of the kernel
    if layer.name == "fc1":
        side, width = math.isqrt(shape[0] // shape[1]), shape[1]
        return (side, side, width, width), (3, 2, 0, 1), shape[::-1]  # of a map that PyTorch flattens channels first
    if len(shape) == 2:
        return shape, (1, 0), shape[::-1]
    return shape, (0,), shape
