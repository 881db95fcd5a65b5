"""Every model at a size at which a test takes seconds."""

from tfi2i import zoo

# Sizes at which a step takes milliseconds. No batch norm and no dropout: what they draw or average depends on how a
# batch is shared among replicas, in the official programs too.
SIZES = {
    "pix2pix": {"netG": "resnet_1blocks", "norm": "instance", "no_dropout": True, "ngf": 4, "netD": "n_layers"}
    | {"n_layers_D": 1, "ndf": 4},
    "cyclegan": {"netG": "resnet_1blocks", "ngf": 4, "netD": "n_layers", "n_layers_D": 1, "ndf": 4, "pool_size": 3},
    "unit": {"dim": 4, "n_downsample": 1, "n_res": 1, "ndf": 4, "n_layer": 1, "num_scales": 2},
    "munit": {"dim": 4, "n_downsample": 1, "n_res": 1, "ndf": 4, "n_layer": 1, "num_scales": 2}
    | {"style_dim": 2, "mlp_dim": 4},
    "samunit": {"dim": 4, "n_downsample": 1, "n_res": 1, "ndf": 4, "n_layer": 1, "num_scales": 1}
    | {"style_dim": 2, "mlp_dim": 4},
    "drit": {"dim": 4, "n_res": 1, "ndf": 4, "dis_scale": 1, "dis_content_layers": 0, "d_iter": 1, "nz": 2},
    "dtn": {"nef": 4, "ngf": 4, "ndf": 4, "norm": "none", "f_iters": 2},
    "gan": {
        "optimizer": "adam",
        "lr": 1e-3,
        "g_units": 8,
        "d_units": 4,
        "pieces": 2,
        "dropout": 0.0,
        "nz": 6,
        "k": 2,
        "crop_size": 16,
        "batch_size": 4,
    },
    "stargan": {"g_conv_dim": 4, "d_conv_dim": 4, "g_repeat_num": 1, "d_repeat_num": 3, "n_critic": 2, "batch_size": 4}
    | {"attributes": "black_hair,blond_hair,brown_hair,smiling", "exclusive": "black_hair+blond_hair+brown_hair"},
    "srgan": {"n_blocks": 1, "ngf": 4, "ndf": 2, "norm": "none", "content": "vgg22", "vgg": "random"},
    "diat": {
        "attribute": "glasses",
        "ngf": 4,
        "n_blocks": 1,
        "ndf": 4,
        "d_layers": 3,
        "identity_layers": "conv2,conv3",
    },
    "cut": {"ngf": 4, "n_blocks": 1, "ndf": 4, "n_layers_D": 1, "netF_nc": 8, "num_patches": 16}
    | {"nce_layers": "0,4,8,12"},
    "ugatit": {"light": True, "ch": 4, "n_res": 1, "n_dis_global": 4, "n_dis_local": 3},
}
SIZE = {"load_size": 36, "crop_size": 32, "batch_size": 2}


def options(name):
    """Fields of the model's Config."""
    fields = zoo.model_class(name).Config.__dataclass_fields__
    return {key: value for key, value in (SIZE | SIZES[name]).items() if key in fields}
