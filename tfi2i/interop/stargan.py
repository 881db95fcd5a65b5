"""The checkpoints of yunjey/stargan: `<iteration>-G.ckpt` and `<iteration>-D.ckpt`, a plain state dict each.

The program's instance norms keep running statistics that it never uses, since it never calls `eval()`; they are left.
"""

import re

from tfi2i.errors import UserError
from tfi2i.interop.layout import StateDicts, parameters_of
from tfi2i.interop.pytorch_file import find_state_dicts, load


def generator_modules(repeat_num):
    """{our layer: official module} of G, one flat sequence of (conv, norm, activation) and residual blocks."""
    convs = {"stem": 0, "down1": 3, "down2": 6, "up1": 9 + repeat_num, "up2": 12 + repeat_num}
    modules = {}
    for name in ("stem", "down1", "down2"):
        modules |= {name: f"main.{convs[name]}", f"{name}_norm": f"main.{convs[name] + 1}"}
    for k in range(repeat_num):
        for n, place in ((1, 0), (2, 3)):
            block = f"main.{9 + k}.main"
            modules |= {f"block{k + 1}_conv{n}": f"{block}.{place}", f"block{k + 1}_norm{n}": f"{block}.{place + 1}"}
    for name in ("up1", "up2"):
        modules |= {name: f"main.{convs[name]}", f"{name}_norm": f"main.{convs[name] + 1}"}
    return modules | {"head": f"main.{15 + repeat_num}"}


def discriminator_modules(repeat_num):
    """{our layer: official module} of D."""
    return {f"down{k + 1}": f"main.{2 * k}" for k in range(repeat_num)} | {"src": "conv1", "cls": "conv2"}


def official_networks(translator):
    return {"G": translator.G, "D": translator.D}


def parameters(translator):
    c = translator.config
    return {
        "G": parameters_of(translator.G, generator_modules(c.g_repeat_num)),
        "D": parameters_of(translator.D, discriminator_modules(c.d_repeat_num)),
    }


def from_pytorch(model, *files, **config):
    """StarGAN from the program's G and, to read labels off pictures, its D.

    The names of the labels are in no file: those of the paper's CelebA set stand for five, others are to be given as
    `attributes`.
    """
    from tfi2i.zoo import create

    state_dicts, inferred, labels = StateDicts(), {}, None
    for file in files:
        network, state_dict, found, count = _read(file)
        state_dicts.add(network, state_dict, file)
        inferred |= found
        labels = count if network == "G" else labels
    if "G" not in state_dicts:
        raise UserError(f"no generator among {', '.join(map(str, files))}; give the program's ...-G.ckpt too")
    translator = create(model, **(inferred | config))
    if translator.config.label_dim != labels:
        raise UserError(
            f"{state_dicts['G'][1]}: G takes labels of length {labels} (expected {translator.config.label_dim}, of "
            f"--attributes={translator.config.attributes}); name its own with --attributes and --exclusive"
        )
    state_dicts.load_into(parameters(translator))
    translator.trained = tuple(name for name in ("G", "D") if name in state_dicts)
    return translator


def _read(file):
    """(network, state dict, what it says of the Config, the length of G's label or D's classes) of a file."""
    state = find_state_dicts(load(file)).get("", {})
    state = {key: array for key, array in state.items() if not re.search(r"running_(mean|var)$", key)}
    stem, cls = state.get("main.0.weight"), state.get("conv2.weight")
    if stem is None or stem.ndim != 4 or 0 in stem.shape or (cls is not None and (cls.ndim != 4 or 0 in cls.shape)):
        raise UserError(f"not a StarGAN checkpoint: {file} (expected the state dict of a G or a D, with main.0.weight)")
    width, channels, *_ = stem.shape
    if cls is not None:
        layers = sum(bool(re.fullmatch(r"main\.\d+\.weight", key)) for key in state)
        _agree(file, "conv2.weight", cls.shape[1], 2 ** (layers - 1) * width)
        found = {"d_conv_dim": width, "d_repeat_num": layers, "crop_size": cls.shape[2] * 2**layers}
        return "D", state, found, cls.shape[0]
    blocks = sum(bool(re.fullmatch(r"main\.\d+\.main\.0\.weight", key)) for key in state)
    head = state.get(f"main.{15 + blocks}.weight")
    _agree(file, f"main.{15 + blocks}.weight", head.shape[1] if head is not None and head.ndim == 4 else None, width)
    return "G", state, {"g_conv_dim": width, "g_repeat_num": blocks}, channels - 3


def _agree(file, key, received, expected):
    # The first layer's width must be that of a later, larger one, before a network of that width is built.
    if received != expected:
        raise UserError(f"weights don't fit: {file}: {key} (expected width {expected}, received {received})")
