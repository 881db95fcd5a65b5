"""Every model at a size at which a test takes seconds."""

# Sizes at which a step takes milliseconds. No batch norm and no dropout: what they draw or average depends on how a
# batch is shared among replicas, in the official programs too.
SIZES = {
    "pix2pix": {"netG": "resnet_1blocks", "norm": "instance", "no_dropout": True, "ngf": 4, "netD": "n_layers"}
    | {"n_layers_D": 1, "ndf": 4},
    "cyclegan": {"netG": "resnet_1blocks", "ngf": 4, "netD": "n_layers", "n_layers_D": 1, "ndf": 4, "pool_size": 3},
    "unit": {"dim": 4, "n_res": 1, "ndf": 4, "n_layer": 2, "num_scales": 2},
    "munit": {"dim": 4, "n_res": 1, "ndf": 4, "n_layer": 2, "num_scales": 2, "style_dim": 2, "mlp_dim": 4},
    "samunit": {"dim": 4, "n_res": 1, "ndf": 4, "n_layer": 2, "num_scales": 2, "style_dim": 2, "mlp_dim": 4},
    "drit": {"dim": 4, "ndf": 4, "dis_scale": 1, "dis_content_layers": 0, "d_iter": 1, "nz": 2},
    "ugatit": {"light": True, "ch": 4, "n_res": 1, "n_dis_global": 4, "n_dis_local": 3},
}
SIZE = {"load_size": 36, "crop_size": 32, "batch_size": 2}


def options(name):
    """Fields of the model's Config."""
    return SIZE | SIZES[name]
