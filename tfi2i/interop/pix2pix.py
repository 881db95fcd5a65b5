"""pix2pix' official checkpoints, `latest_net_G.pth` and `latest_net_D.pth`."""

from tfi2i.errors import UserError
from tfi2i.interop.junyanz import discriminator_parameters, generator_parameters, load_all, read


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

    state_dicts, inferred = {}, {}
    for file in files:
        state_dict, network, options = read(file)
        if network in state_dicts:
            raise UserError(f"two files of network {network}: {state_dicts[network][1]} and {file}; give one of each")
        state_dicts[network] = (state_dict, file)
        inferred |= options
    translator = create(model, **(inferred | config))
    load_all(parameters(translator), state_dicts)
    return translator
