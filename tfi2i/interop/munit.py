"""The checkpoints of NVlabs/MUNIT: `gen_01000000.pt` and `dis_01000000.pt`, each of both domains, {"a": ..., "b": ...}.

MUNIT, UNIT, and self-attention MUNIT (itsss/img2img_sa), whose program is NVlabs' with attention put in between. A
module's path in a state dict is its place in the program's `nn.Sequential`s; the tables below say which place each of
our layers has there. Of AdaIN and of instance norms the files may hold running statistics, depending on the versions of
the program and of PyTorch; the program never uses AdaIN's, its test script drops the others, and so they stay unread.
"""

import re

import keras

from tfi2i.errors import UserError
from tfi2i.interop.layout import StateDicts, parameters_of
from tfi2i.interop.pytorch_file import find_state_dicts, load

MODELS = ("munit", "unit", "samunit")


def from_pytorch(model, *files, **config):
    """The model from the program's gen_*.pt and perhaps dis_*.pt, in any order."""
    from tfi2i.zoo import create

    state_dicts, inferred = StateDicts(), {}
    for file in files:
        domains = _domains(file)
        player, models = _kind(domains["a"], file)
        if model not in models:
            received = " or ".join(models)
            raise UserError(f"{file} is of another model (expected weights of {model}, received {received})")
        for domain, state_dict in domains.items():
            state_dicts.add(f"{player}_{domain}", state_dict, f"{file}: {domain}")
        inferred |= _infer(player, domains, file)
    translator = create(model, **(inferred | config))
    state_dicts.load_into(parameters(translator))
    return translator


def _domains(file):
    """{"a": state dict, "b": state dict}, without running statistics."""
    domains = find_state_dicts(load(file))
    if domains.keys() != {"a", "b"}:
        received = ", ".join(map(repr, domains)) or "none"
        raise UserError(f"no gen_*.pt or dis_*.pt: {file} (expected the state dicts 'a' and 'b', received {received})")
    running = ("running_mean", "running_var")
    return {d: {key: value for key, value in domains[d].items() if not key.endswith(running)} for d in "ab"}


def official_networks(translator):
    """gen_a, gen_b: an image of the domain -> its reconstruction; dis_a, dis_b: -> the logits of every scale."""
    gens = {}
    for domain in "ab":
        *encoders, G = [network for network, _ in _generator(translator, domain)]
        image = keras.Input(encoders[0].input_shape[1:], name="image")
        codes = [E(image) for E in reversed(encoders)]  # G's order: content, style
        gens[f"gen_{domain}"] = keras.Model(image, G(codes if len(codes) > 1 else codes[0]))
    return gens | {"dis_a": translator.D_A, "dis_b": translator.D_B}


def parameters(translator):
    """Raises `UserError` for attention where the published code of self-attention MUNIT has none, and so no name."""
    for field, unnamed in (("attention_E", "before_down"), ("attention_D", "before_down")):
        if getattr(translator.config, field, "none") == unnamed:
            raise UserError(f"no official names for --{field}={unnamed}: the published program has no attention there")
    D = discriminator_modules(translator.config)
    networks = {f"gen_{domain}": _generator(translator, domain) for domain in "ab"}
    networks |= {"dis_a": [(translator.D_A, D)], "dis_b": [(translator.D_B, D)]}
    return {
        name: [_named_as_here(p) for network, modules in parts for p in parameters_of(network, modules)]
        for name, parts in networks.items()
    }


def _generator(translator, domain):
    """The parts of the program's gen_a or gen_b, [(our network, {our layer: official module})], in its order."""
    t, c, domain = translator, translator.config, domain.upper()
    G = getattr(t, f"G_{domain}")
    if hasattr(t, f"E_s_{domain}"):
        E_s, E_c = getattr(t, f"E_s_{domain}"), getattr(t, f"E_c_{domain}")
        return [(E_s, STYLE_ENCODER), (E_c, content_encoder_modules("enc_content", c)), (G, decoder_modules(c) | MLP)]
    return [(getattr(t, f"E_{domain}"), content_encoder_modules("enc", c)), (G, decoder_modules(c))]


def _named_as_here(parameter):
    """The program's own layers call their weights gamma and beta, where PyTorch's say weight and bias."""
    if parameter.variable.name in ("gamma", "beta"):
        return parameter._replace(key=f"{parameter.key.rpartition('.')[0]}.{parameter.variable.name}")
    return parameter


STYLE_ENCODER = {"stem": "enc_style.model.0.conv"}
STYLE_ENCODER |= {f"down{k}": f"enc_style.model.{k}.conv" for k in range(1, 5)}
STYLE_ENCODER |= {"head": "enc_style.model.6"}

MLP = {f"mlp{k + 1}": f"mlp.model.{k}.fc" for k in range(3)}


def content_encoder_modules(encoder, config):
    """{our layer: official module}: stem, halvings, and the residual blocks as one module."""
    n = config.n_downsample
    modules = {"stem": f"{encoder}.model.0.conv"} | {f"down{k}": f"{encoder}.model.{k}.conv" for k in range(1, n + 1)}
    return modules | _residual_blocks(f"{encoder}.model.{n + 1}", config.n_res)


def decoder_modules(config):
    """{our layer: official module}: residual blocks, attention or not, (up-sampling, convolution) pairs, the head."""
    modules, place = _residual_blocks("dec.model.0", config.n_res), 1
    if getattr(config, "attention_G", "none") == "before_up":
        modules, place = modules | _attention("attention", "dec.model.1"), 2
    for k in range(1, config.n_downsample + 1):
        modules |= {f"up{k}_norm": f"dec.model.{place + 1}.norm", f"up{k}": f"dec.model.{place + 1}.conv"}
        place += 2
    return modules | {"head": f"dec.model.{place}.conv"}


def discriminator_modules(config):
    """{our layer: official module}: scale by scale, the last convolution a bare one."""
    modules, n = {}, config.n_layer
    for s in range(config.num_scales):
        ours, official = f"scale{s + 1}", f"cnns.{s}"
        modules |= {f"{ours}_conv{k + 1}": f"{official}.{k}.conv" for k in range(n)}
        attended = getattr(config, "attention_D", "none") == "before_head"
        if attended:
            modules |= _attention(f"{ours}_attention", f"{official}.{n}")
        modules[f"{ours}_conv{n + 1}"] = f"{official}.{n + 1 if attended else n}"
    return modules


def _residual_blocks(path, n_res):
    return {f"block{k + 1}_conv{i + 1}": f"{path}.model.{k}.model.{i}.conv" for k in range(n_res) for i in range(2)}


def _attention(name, path):
    return {name: path} | {f"{name}_{part}": f"{path}.{part}_conv" for part in ("query", "key", "value")}


def _kind(keys, file):
    """Whether these are generators, "gen", or discriminators, "dis", and of which models they may be."""
    attended = any(".query_conv." in key for key in keys)
    if "cnns.0.0.conv.weight" in keys:
        return "dis", ["samunit"] if attended else ["munit", "unit"]
    if "enc_style.model.0.conv.weight" in keys:
        return "gen", ["samunit"] if attended else ["munit"]
    if "enc.model.0.conv.weight" in keys:
        return "gen", ["unit"]
    some = ", ".join(list(keys)[:3])
    raise UserError(f"no generators or discriminators of MUNIT's kind: {file} (expected keys such as "
                    f"dec.model.0.model.0.model.0.conv.weight or cnns.0.0.conv.weight, received {some})")  # fmt: skip


def _infer(player, domains, file):
    """What the shapes of both domains say of the Config."""
    a, b = (_Shapes(domains[domain], f"{file} (domain {domain})") for domain in "ab")
    return _infer_discriminator(a, b) if player == "dis" else _infer_generator(a, b)


class _Shapes(dict):
    """{key: shape} of a state dict whose look-ups fail with a sentence."""

    def __init__(self, state_dict, source):
        super().__init__({key: value.shape for key, value in state_dict.items()})
        self.source = source

    def axis(self, key, axis):
        if len(self.get(key, ())) <= axis:
            raise UserError(f"weights don't fit: {self.source} lacks {key}, or it has too few axes")
        return self[key][axis]

    def count(self, pattern):
        """How many different things the pattern's one group matches."""
        return len({match[1] for match in map(re.compile(pattern).fullmatch, self) if match})


def _infer_generator(a, b):
    encoder = "enc_content" if "enc_content.model.0.conv.weight" in a else "enc"
    convs = a.count(rf"{encoder}\.model\.(\d+)\.conv\.weight")
    options = {
        "input_nc": a.axis(f"{encoder}.model.0.conv.weight", 1),
        "output_nc": b.axis(f"{encoder}.model.0.conv.weight", 1),
        "dim": a.axis(f"{encoder}.model.0.conv.weight", 0),
        "n_downsample": convs - 1,
        "n_res": a.count(rf"{encoder}\.model\.{convs}\.model\.(\d+)\.model\.0\.conv\.weight"),
    }
    if encoder == "enc":
        return options
    sizes = {"style_dim": a.axis("enc_style.model.6.weight", 0), "mlp_dim": a.axis("mlp.model.0.fc.weight", 0)}
    return options | sizes


def _infer_discriminator(a, b):
    return {
        "input_nc": a.axis("cnns.0.0.conv.weight", 1),
        "output_nc": b.axis("cnns.0.0.conv.weight", 1),
        "ndf": a.axis("cnns.0.0.conv.weight", 0),
        "n_layer": a.count(r"cnns\.0\.(\d+)\.conv\.weight"),
        "num_scales": a.count(r"cnns\.(\d+)\.0\.conv\.weight"),
    }
