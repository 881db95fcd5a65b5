"""Our networks as the official programs' checkpoints see them: how large they are, and sizes read off the weights."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import tfi2i
from tfi2i import interop, zoo
from tfi2i.data import images
from tfi2i.data.prepared import to_float
from tfi2i.errors import UserError
from tfi2i.interop import drit, junyanz, munit, srgan, stargan, ugatit
from tfi2i.zoo.stargan import CELEBA, RAFD

PARITY = Path(__file__).parent.parent / "parity"
RESNET = {"norm": "instance", "no_dropout": True}


def count(parameters):
    """How many numbers are trained: neither running statistics nor the vectors of spectral norm."""
    return sum(p.variable.numpy().size for p in parameters if p.variable.trainable)


@pytest.mark.parametrize(
    ("model", "options", "counts"),
    [
        ("pix2pix", {}, {"G": 54_413_955, "D": 2_768_705}),
        ("pix2pix", RESNET | {"netG": "resnet_6blocks"}, {"G": 7_837_699, "D": 2_764_737 + 3 * 64 * 16}),
        ("pix2pix", {"netG": "unet_16", "netD": "pixel"}, {"D": 9_024}),  # 6*64+64 + 64*128 + 2*128 + 128
        ("cyclegan", {}, {"G_A": 11_378_179, "D_A": 2_764_737}),
        ("munit", {}, {"gen_a": 15_026_187, "dis_a": 8_271_171}),
        ("unit", {}, {"gen_a": 11_140_483, "dis_a": 8_271_171}),
        (
            "drit",
            {},
            {"enc_c": 9_018_112, "enc_a": 2_688_160, "gen": 9_564_710, "disA": 8_271_171, "disContent": 10_683_649},
        ),
        ("drit", {"concat": False}, {"enc_a": 5_529_872, "gen": 17_146_374}),
        ("srgan", {}, {"G": 1_547_350, "D": 23_563_649}),
        ("ugatit", {"light": True}, {"genA2B": 10_589_888, "disGA": 53_130_176, "disLA": 3_290_560}),
        ("stargan", {}, {"G": 8_430_528, "D": 44_762_048}),
        ("stargan", {"attributes": f"{CELEBA}/{RAFD}"}, {"G": 8_461_888, "D": 44_827_584}),
    ],
    ids=str,
)
def test_parameter_counts_of_the_official_programs(model, options, counts):
    parameters = interop.parameters(tfi2i.create(model, **options))
    assert {name: count(parameters[name]) for name in counts} == counts


def test_parameter_count_of_the_full_generator_of_ugatit():
    """On its own: two of them take more than 2 GB."""
    from tfi2i.zoo.ugatit import Config, generator

    assert sum(np.prod(v.shape) for v in generator(Config(), "G_AB").trainable_variables) == 278_959_808


STARGAN = {"attributes": "a,b,c", "exclusive": "a+b", "g_conv_dim": 3, "g_repeat_num": 2, "d_conv_dim": 5}


def files_of(model, networks):
    """{file name: what the official program would have saved there}."""
    if model in ("pix2pix", "cyclegan"):
        return {f"latest_net_{name}.pth": state for name, state in networks.items()}
    if model in munit.MODELS:
        return {
            f"{player}_00000001.pt": {domain: networks[f"{player}_{domain}"] for domain in "ab"}
            for player in ("gen", "dis")
        }
    if model == "srgan":
        return {f"{name.lower()}_last.pth.tar": {"epoch": 1, "state_dict": state} for name, state in networks.items()}
    if model == "stargan":
        return {f"200000-{name}.ckpt": state for name, state in networks.items()}
    return {"weights.pth": networks}


@pytest.fixture
def imported(monkeypatch):
    """Imports a model from files as the official program would have written them from another's weights."""

    def from_another(model, another, **config):
        networks = {
            name: {p.key: p.to_official(p.variable.numpy()) for p in parameters}
            for name, parameters in interop.parameters(another).items()
        }
        files = files_of(model, networks)
        for module in (junyanz, munit, drit, srgan, stargan, ugatit):
            monkeypatch.setattr(module, "load", files.__getitem__)
        return interop.from_pytorch(model, *files, **config)

    return from_another


GREY_TO_COLOUR = {"input_nc": 1, "output_nc": 3}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("pix2pix", {"netG": "resnet_2blocks", "norm": "instance", "no_dropout": True}),
        ("pix2pix", {"netG": "resnet_3blocks", "norm": "batch"}),
        ("pix2pix", {"netG": "unet_256", "norm": "none", "netD": "pixel"}),
        ("pix2pix", {"netG": "unet_32", "norm": "instance", "netD": "n_layers", "n_layers_D": 2, "input_nc": 1}),
        ("cyclegan", {"netG": "resnet_2blocks"}),
        ("cyclegan", {"netG": "resnet_1blocks", "norm": "batch", "lambda_identity": 0.0} | GREY_TO_COLOUR),
        ("cyclegan", {"netG": "unet_32", "norm": "instance", "netD": "pixel"}),
        ("cyclegan", {"netG": "unet_64", "norm": "none", "netD": "n_layers", "n_layers_D": 1}),
        ("unit", {"dim": 3, "n_res": 2, "ndf": 5, "n_layer": 3, "num_scales": 1}),
        ("unit", {"dim": 2, "n_downsample": 1, "n_res": 1, "ndf": 2, "n_layer": 1, "num_scales": 4} | GREY_TO_COLOUR),
        ("munit", {"dim": 3, "n_res": 2, "ndf": 5, "n_layer": 3, "num_scales": 1, "style_dim": 5, "mlp_dim": 7}),
        ("munit", {"dim": 2, "n_downsample": 3, "n_res": 1, "ndf": 2, "n_layer": 1, "num_scales": 2} | GREY_TO_COLOUR),
        ("samunit", {"dim": 8, "n_res": 2, "ndf": 8, "n_layer": 2, "num_scales": 2, "style_dim": 3}),
        ("drit", {"dim": 3, "ndf": 5, "dis_scale": 2, "dis_content_layers": 2, "nz": 3}),
        ("drit", {"dim": 2, "ndf": 3, "dis_scale": 1, "dis_content_layers": 1, "nz": 5, "concat": False}),
        ("drit", {"dim": 2, "ndf": 3, "dis_scale": 3, "nz": 2} | GREY_TO_COLOUR),
        ("srgan", {"n_blocks": 2, "ngf": 3, "ndf": 2, "scale": 2, "crop_size": 32}),
        ("srgan", {"n_blocks": 1, "ngf": 5, "scale": 4, "prelu": "channel", "stage": "srresnet"}),
        ("stargan", STARGAN | {"d_repeat_num": 3, "crop_size": 32}),
        ("stargan", STARGAN | {"attributes": "a,b,c/d,e", "d_repeat_num": 4, "crop_size": 16}),
        ("ugatit", {"light": True, "ch": 2, "n_res": 3, "n_dis_global": 4, "n_dis_local": 3}),
        ("ugatit", {"light": False, "ch": 2, "n_res": 1, "crop_size": 32, "n_dis_global": 5, "n_dis_local": 4}),
        ("ugatit", {"light": False, "ch": 3, "n_res": 2, "crop_size": 64, "n_dis_global": 6, "n_dis_local": 3}),
    ],
    ids=str,
)
def test_sizes_are_inferred_from_shapes(model, options, imported):
    """Every network written under the official names comes back with the same config and the same weights."""
    narrow = {"ngf": 4, "ndf": 4} if model in ("pix2pix", "cyclegan") else {}
    one = tfi2i.create(model, **(narrow | options))
    another = imported(
        model, one, **{k: v for k, v in options.items() if k in ("no_dropout", "attributes", "exclusive")}
    )
    written = narrow | options
    inferred = {k: v for k, v in dataclasses.asdict(another.config).items() if k in written}
    assert inferred == written
    assert another.trained == one.trained
    for name, parameters in interop.parameters(one).items():
        for p, q in zip(parameters, interop.parameters(another)[name], strict=True):
            np.testing.assert_array_equal(p.variable.numpy(), q.variable.numpy(), err_msg=f"{name} {p.key}")


def test_a_key_that_does_not_fit_is_named(monkeypatch):
    model = tfi2i.create("pix2pix", ngf=4, ndf=4, netG="unet_32")
    state = {p.key: p.to_official(p.variable.numpy()) for p in interop.parameters(model)["G"]}
    monkeypatch.setattr(junyanz, "load", lambda file: state)
    key = "model.model.1.model.1.weight"
    right = state.pop(key)
    with pytest.raises(UserError, match=f"G.pth lacks {key}"):
        interop.from_pytorch("pix2pix", "G.pth")
    state[key] = right[:, :-1]
    with pytest.raises(UserError, match=rf"G.pth: {key} \(expected shape"):
        interop.from_pytorch("pix2pix", "G.pth")
    state[key] = right
    state["extra.weight"] = right
    with pytest.raises(UserError, match=r"has besides extra\.weight"):
        interop.from_pytorch("pix2pix", "G.pth")


@pytest.mark.parametrize(
    ("model", "file", "message"),
    [
        ("pix2pix", "pix2pix_unet/latest_net_G.pth", r"network G: .*net_G\.pth and "),
        ("cyclegan", "cyclegan_resnet9/latest_net_G_A.pth", r"network G_A: .*G_A\.pth and "),
        ("munit", "munit/gen_00000001.pt", r"network gen_a: .*01\.pt: a and "),
        ("srgan", "srgan/g_last.pth.tar", r"network G: .*g_last\.pth\.tar and "),
        ("stargan", "stargan/200000-G.ckpt", r"network G: .*200000-G\.ckpt and "),
        ("ugatit", "ugatit_light/weights.pth", r"network genA2B: .*weights\.pth: genA2B and "),
    ],
)
def test_two_files_of_one_network_are_an_error(model, file, message):
    file = PARITY / file
    with pytest.raises(UserError, match=f"two files of {message}.*; give one of each"):
        interop.from_pytorch(model, file, file)


@pytest.mark.parametrize(("scale", "psnr"), [(2, 30.1), (4, 26.5)])
def test_trained_generators_of_another_srgan_program(scale, psnr, shared_data):
    """Biases before its norms, a tanh at the end: equal outputs, and the quality that comes with the files."""
    folder = shared_data / "checkpoints" / "srgan_pytorch"
    model = interop.from_pytorch("srgan", folder / f"netG_epoch_{scale}_100.pth")
    with np.load(folder / f"reference_x{scale}.npz") as reference:
        answer = model.generators()["AtoB"](2 * reference["input"] - 1, training=False).numpy()
        np.testing.assert_allclose((answer + 1) / 2, reference["output"], atol=5e-5)
    butterfly = to_float(images.read(shared_data / "sr" / "Set5" / "butterfly.png"))[96:192, 96:192]
    assert 20 * np.log10(2) - 10 * np.log10(np.mean((answer[0] - butterfly) ** 2)) == pytest.approx(psnr, abs=0.05)


def test_every_model_with_official_checkpoints_is_tested_here():
    marks = test_sizes_are_inferred_from_shapes.pytestmark
    assert {model for mark in marks for model, _ in mark.args[1]} == set(interop.KNOWN) <= set(zoo.MODELS)
