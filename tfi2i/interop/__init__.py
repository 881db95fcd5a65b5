"""Official PyTorch checkpoints, read without PyTorch: into our networks, and our weights under the official names.

from_pytorch("pix2pix", "latest_net_G.pth", "latest_net_D.pth") -> Translator
official_networks(translator) -> {"G": keras.Model, "D": keras.Model}
parameters(translator) -> {"G": [Parameter, ...], ...}
"""

from importlib import import_module

from tfi2i.errors import UserError

# Which module knows a model's official checkpoints.
KNOWN = {
    "pix2pix": "tfi2i.interop.pix2pix",
    "cyclegan": "tfi2i.interop.cyclegan",
    "unit": "tfi2i.interop.munit",
    "munit": "tfi2i.interop.munit",
    "samunit": "tfi2i.interop.munit",
    "drit": "tfi2i.interop.drit",
    "ugatit": "tfi2i.interop.ugatit",
    "stargan": "tfi2i.interop.stargan",
    "srgan": "tfi2i.interop.srgan",
}


def _module_of(model):
    if model not in KNOWN:
        raise UserError(f"no import of official checkpoints for {model!r} (expected one of {', '.join(sorted(KNOWN))})")
    return import_module(KNOWN[model])


def from_pytorch(model, *files, **config):
    """Builds `model` at the sizes that the checkpoint files show and loads their weights.

    Args:
        model: the model's name, such as "pix2pix".
        files: paths of the official program's files; a network without a file keeps its initial weights.
        config: options of the model's Config that no weight can show, such as `no_dropout=True`.

    Returns: the `Translator`. Raises `UserError` naming the file and the key where something does not fit.
    """
    if not files:
        raise UserError(f"no files to import {model} from; name the official program's checkpoints")
    return _module_of(model).from_pytorch(model, *files, **config)


def official_networks(translator):
    """{official name: keras.Model}: the translator's own networks; `training=False` is the official `module.eval()`."""
    return _module_of(_name_of(translator)).official_networks(translator)


def parameters(translator):
    """{official network name: [Parameter, ...]}: every weight under the key of the official checkpoint."""
    return _module_of(_name_of(translator)).parameters(translator)


def _name_of(translator):
    from tfi2i.zoo import name_of

    return name_of(translator)
