"""CycleGAN's official checkpoints: `latest_net_G_A.pth` (A -> B), `..._G_B`, `..._D_A` (judges B), `..._D_B`.

All generators are alike, and all discriminators, so a file's name says which it holds: one that ends in G_A, G_B,
D_A or D_B; of other names the first generator given is G_A and the second G_B, and the discriminators likewise.
"""

import re
from pathlib import Path

from tfi2i.errors import UserError
from tfi2i.interop.junyanz import discriminator_parameters, generator_parameters, read
from tfi2i.interop.layout import StateDicts


def official_networks(translator):
    t = translator
    return {"G_A": t.G, "G_B": t.F, "D_A": t.D_Y, "D_B": t.D_X}


def parameters(translator):
    networks, config = official_networks(translator), translator.config
    found = {"G": generator_parameters, "D": discriminator_parameters}
    return {name: found[name[0]](network, config) for name, network in networks.items()}


def from_pytorch(model, *files, **config):
    """CycleGAN from the program's files, any of the four; one generator alone translates its own direction."""
    from tfi2i.zoo import create

    state_dicts, inferred = StateDicts(), {}
    for file in files:
        state_dict, kind, options = read(file)
        network = _name_of(file, kind, state_dicts)
        state_dicts.add(network, state_dict, file)
        if network.endswith("_B") and kind == "G":  # F's input is the other domain
            options |= {"input_nc": options["output_nc"], "output_nc": options["input_nc"]}
        inferred |= options
    if inferred.get("input_nc") != inferred.get("output_nc"):
        inferred["lambda_identity"] = 0.0  # it compares both domains
    translator = create(model, **(inferred | config))
    state_dicts.load_into(parameters(translator))
    translator.trained = tuple(name for name, official in (("G", "G_A"), ("F", "G_B")) if official in state_dicts)
    return translator


def _name_of(file, kind, taken):
    if match := re.search(r"([GD]_[AB])$", Path(file).stem):
        if match[1][0] != kind:
            raise UserError(f"not a network {match[1]}: {file} (its layers are those of a {kind}); was it renamed?")
        return match[1]
    return next((name for name in (f"{kind}_A", f"{kind}_B") if name not in taken), f"{kind}_B")
