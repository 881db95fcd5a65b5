"""The checkpoint of HsinYingLee/DRIT: one file, {"enc_c", "enc_a", "gen", "disA", ...}, optimizers beside them.

A module's path in a state dict is its place in the program's nested `nn.Sequential`s; the tables below say which place
each of our layers has there. Domains X and Y here are its A and B.
"""

import re

import keras

from tfi2i.errors import UserError
from tfi2i.interop.layout import Parameter, StateDicts, parameters_of
from tfi2i.interop.pytorch_file import find_state_dicts, load
from tfi2i.zoo.drit import DIS_LAYERS

DOMAINS = (("X", "A"), ("Y", "B"))
GENERATORS = ("enc_c", "enc_a", "gen")
DISCRIMINATORS = ("disA", "disA2", "disB", "disB2", "disContent")


def from_pytorch(model, *files, **config):
    """DRIT from the program's one file; the discriminators may be absent."""
    from tfi2i.zoo import create

    if len(files) != 1:
        raise UserError(f"weights of drit: {', '.join(map(str, files))} (expected one file, received {len(files)})")
    (file,) = files
    found = find_state_dicts(load(file))
    if missing := [name for name in GENERATORS if name not in found]:
        raise UserError(
            f"not a DRIT checkpoint: {file} (expected state dicts enc_c, enc_a and gen; lacks {', '.join(missing)})"
        )
    state_dicts = StateDicts()
    for name in filter(found.__contains__, GENERATORS + DISCRIMINATORS):
        state_dicts.add(name, found[name], f"{file}: {name}")
    translator = create(model, **(_infer(found, file) | config))
    state_dicts.load_into(parameters(translator))
    return translator


def official_networks(translator):
    """By official name, the networks and what they map.

    enc_c: [x_a, x_b] -> [content_a, content_b]
    enc_a: [x_a, x_b] -> [mu_a, logvar_a, mu_b, logvar_b], without concat [z_a, z_b]
    gen: [content_a, content_b, z] -> [forward_a(content_b, z), forward_b(content_a, z)]
    disA, disA2, disB, disB2: an image -> the logits of every scale
    disContent: a content -> logits
    """
    t = translator
    content_a, content_b = (keras.Input(shape[1:]) for shape in (t.G.input_shape[2], t.G.input_shape[0]))
    z = keras.Input(t.G.input_shape[1][1:])
    gen = keras.Model([content_a, content_b, z], t.G([content_b, z, content_a, z]))
    return {"enc_c": t.E_c, "enc_a": t.E_a, "gen": gen} | _discriminators(t)


def parameters(translator):
    t, concat = translator, translator.config.concat
    known = {
        "enc_c": parameters_of(t.E_c, content_encoder_modules()),
        "enc_a": parameters_of(t.E_a, attribute_encoder_modules(concat)),
        "gen": parameters_of(t.G, generator_modules(concat)),
    }
    for name, network in _discriminators(t).items():
        modules = content_discriminator_modules if name == "disContent" else discriminator_modules
        known[name] = parameters_of(network, modules(t.config))
    return {name: [_of_layer_norm(p) for p in parameters] for name, parameters in known.items()}


def _discriminators(t):
    return {"disA": t.D_X, "disA2": t.D_X2, "disB": t.D_Y, "disB2": t.D_Y2, "disContent": t.D_c}


class _ChannelParameter(Parameter):
    """A scale or a shift of the program's LayerNorm: (C, 1, 1) there, (C,) here."""

    def to_official(self, array):
        return array.reshape(-1, 1, 1)

    def load(self, array):
        self.variable.assign(array.reshape(-1))


def _of_layer_norm(parameter):
    return _ChannelParameter(*parameter) if parameter.variable.name in ("gamma", "beta") else parameter


def _residual(name, path):
    return {f"{name}_conv1": f"{path}.model.1", f"{name}_conv2": f"{path}.model.5"}


def _up(name, path):
    return {name: f"{path}.model.0", f"{name}_norm": f"{path}.model.1"}


def content_encoder_modules():
    """{our layer: official module}: the shared block, then of each domain stem, two halvings and three blocks."""
    modules = _residual("share_block", "conv_share.0")
    for ours, official in DOMAINS:
        conv = f"conv{official}"
        modules |= {f"{ours}_stem": f"{conv}.0.model.1"} | {f"{ours}_down{k}": f"{conv}.{k}.model.1" for k in (1, 2)}
        for k in (1, 2, 3):
            modules |= _residual(f"{ours}_block{k}", f"{conv}.{k + 2}")
    return modules


def attribute_encoder_modules(concat):
    """{our layer: official module}, domain by domain."""
    modules = {}
    for ours, official in DOMAINS:
        if not concat:
            model = f"model_{official.lower()}"
            modules |= {f"{ours}_stem": f"{model}.1"}
            modules |= {f"{ours}_down{k}": f"{model}.{3 * k + 1}" for k in (1, 2, 3, 4)}
            modules |= {f"{ours}_head": f"{model}.16"}
            continue
        modules |= {f"{ours}_mean": f"fc_{official}.0", f"{ours}_logvar": f"fcVar_{official}.0"}
        modules |= {f"{ours}_stem": f"conv_{official}.1"}
        for k in (1, 2, 3):
            block, place = f"{ours}_block{k}", f"conv_{official}.{k + 1}"
            modules |= {f"{block}_conv1": f"{place}.conv.2", f"{block}_conv2": f"{place}.conv.4.1"}
            modules |= {f"{block}_shortcut": f"{place}.shortcut.1"}
    return modules


def generator_modules(concat):
    """{our layer: official module}: what both domains share, each domain's decoder, each domain's MLP."""
    modules = _residual("share_block", "dec_share.0") if concat else {}
    for ours, official in DOMAINS:
        dec = f"dec{official}"
        if concat:
            for k in (1, 2, 3):
                modules |= _residual(f"{ours}_block{k}", f"{dec}1.{k - 1}")
            ups, head = (f"{dec}2.0", f"{dec}3.0"), f"{dec}4.0"
        else:
            for k in (1, 2, 3, 4):
                modules |= _feature_wise(f"{ours}_block{k}", f"{dec}{k}")
            ups, head = (f"{dec}5.0", f"{dec}5.1"), f"{dec}5.2"
        for up, place in zip((f"{ours}_up2", f"{ours}_up1"), ups, strict=True):
            modules |= {up: f"{place}.model.0", f"{up}_norm": f"{place}.model.1"}
        modules[f"{ours}_head"] = head
    if not concat:
        modules |= {f"{ours}_mlp{k}": f"mlp{official}.{2 * k - 2}" for ours, official in DOMAINS for k in (1, 2, 3)}
    return modules


def discriminator_modules(config):
    """{our layer: official module}: scale by scale, the last convolution a bare one."""
    modules = {}
    for s in range(config.dis_scale):
        ours, official = f"scale{s + 1}", f"Diss.{s}"
        modules |= {f"{ours}_conv{k + 1}": f"{official}.{k}.model.1" for k in range(DIS_LAYERS)}
        modules[f"{ours}_conv{DIS_LAYERS + 1}"] = f"{official}.{DIS_LAYERS}"
    return modules


def content_discriminator_modules(config):
    """{our layer: official module}: strided convolutions, the last 4x4, a bare 1x1."""
    n = config.dis_content_layers
    strided = {f"conv{k + 1}": f"model.{k}.model.1" for k in range(n)}
    return strided | {"last": f"model.{n}.model.1", "head": f"model.{n + 1}"}


def _residual(name, path):
    return {f"{name}_conv1": f"{path}.model.1", f"{name}_conv2": f"{path}.model.5"}


def _feature_wise(name, path):
    modules = {f"{name}_conv{i}": f"{path}.conv{i}.0.1" for i in (1, 2)}
    return modules | {f"{name}_mix{i}_{j}": f"{path}.blk{i}.{2 * j - 2}" for i in (1, 2) for j in (1, 2)}


def _infer(state_dicts, file):
    """What keys and shapes say of the Config."""

    def axis(network, key, number):
        shape = getattr(state_dicts[network].get(key), "shape", ())
        if len(shape) <= number:
            raise UserError(f"weights don't fit: {file}: {network} lacks {key}, or it has too few axes")
        return shape[number]

    def count(network, pattern):
        return sum(re.fullmatch(pattern, key) is not None for key in state_dicts[network])

    concat = any(key.startswith("fc_A.") for key in state_dicts["enc_a"])
    options = {
        "concat": concat,
        "dim": axis("enc_c", "convA.0.model.1.weight", 0),
        "input_nc": axis("enc_c", "convA.0.model.1.weight", 1),
        "output_nc": axis("enc_c", "convB.0.model.1.weight", 1),
        "nz": axis("enc_a", "fc_A.0.weight" if concat else "model_a.16.weight", 0),
    }
    if judge := next((name for name in DISCRIMINATORS[:4] if name in state_dicts), None):
        options["ndf"] = axis(judge, "Diss.0.0.model.1.weight", 0)
        options["dis_scale"] = count(judge, r"Diss\.\d+\.0\.model\.1\.weight")
    if "disContent" in state_dicts:
        options["dis_content_layers"] = max(0, count("disContent", r"model\.\d+\.model\.1\.weight") - 1)
    return options
