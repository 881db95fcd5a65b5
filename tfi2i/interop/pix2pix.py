"""pix2pix' official checkpoints, `latest_net_G.pth` and `latest_net_D.pth`."""

from tfi2i.interop.junyanz import discriminator_parameters, generator_parameters, read
from tfi2i.interop.layout import StateDicts


def official_networks(translator):
    return {"G": translator.G, "D": translator.D}


def parameters(translator):
    config = translator.config
    return {
        "G": generator_parameters(translator.G, config),
        "D": discriminator_parameters(translator.D, config),
    }


def from_pytorch(model, *files, **config):
    """pix2pix from the program's files, generator and discriminator in any order, either one alone."""
    from tfi2i.zoo import create

    state_dicts, inferred = StateDicts(), {}
    for file in files:
        state_dict, network, options = read(file)
        state_dicts.add(network, state_dict, file)
        inferred |= options
    translator = create(model, **(inferred | config))
    state_dicts.load_into(parameters(translator))
    return translator
