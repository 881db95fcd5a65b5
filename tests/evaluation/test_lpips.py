"""LPIPS against the authors' package, on features and linear layers of seeded random weights.

lpips.npz was made by lpips 0.1.4 with torchvision 0.29.2 and PyTorch 2.13.0 on a CPU: `lpips.LPIPS(net=net,
pnet_rand=True, lpips=True)`, whose `net` was given `random_features(net)` (its slices hold torchvision's layers by
their numbers) and whose `lins` were given `random_linear(net)`, on `pictures()`: its keys are the networks' names. The
keys NAME_real are of the same, but with the package's own linear layers, v0.1.
"""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tfi2i.errors import UserError
from tfi2i.evaluation import lpips, weights
from tfi2i.interop import pytorch_file

REFERENCE = Path(__file__).with_name("lpips.npz")
CHANNELS = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}
VGG_LAYERS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512, 24: 512, 26: 512}
FIRES = {3: (64, 16), 4: (128, 16), 6: (128, 32), 7: (256, 32), 9: (256, 48), 10: (384, 48), 11: (384, 64)}


def shapes(net):
    """{torchvision's name of a layer: shape of its filters}."""
    if net == "alex":
        return {"0": (64, 3, 11, 11), "3": (192, 64, 5, 5), "6": (384, 192, 3, 3), "8": (256, 384, 3, 3)} | {
            "10": (256, 256, 3, 3)
        }
    if net == "vgg":
        layers = VGG_LAYERS | {28: 512}
        inputs = [3, *layers.values()]
        return {str(layer): (n, inputs[k], 3, 3) for k, (layer, n) in enumerate(layers.items())}
    found = {"0": (64, 3, 3, 3)}
    for layer, (inputs, squeezed) in (FIRES | {12: (512, 64)}).items():
        found[f"{layer}.squeeze"] = (squeezed, inputs, 1, 1)
        found[f"{layer}.expand1x1"] = (4 * squeezed, squeezed, 1, 1)
        found[f"{layer}.expand3x3"] = (4 * squeezed, squeezed, 3, 3)
    return found


@cache
def random_features(net):
    rng, found = np.random.default_rng(len(net)), {}
    for name, shape in shapes(net).items():
        spread = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        found[f"features.{name}.weight"] = rng.standard_normal(shape, np.float32) * spread
        found[f"features.{name}.bias"] = rng.standard_normal(shape[0], np.float32) * np.float32(0.1)
    return found


def random_linear(net):
    rng = np.random.default_rng(0)
    return {
        f"lin{k}.model.1.weight": rng.random((1, n, 1, 1), np.float32) * np.float32(k + 1)
        for k, n in enumerate(CHANNELS[net])
    }


def pictures(height=51, width=46):
    """Two pairs of odd sides, where SqueezeNet's pools meet the border in both ways."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (2, height, width, 3)).astype("float32")
    y = np.clip(x + rng.normal(0, [[[[0.1]]], [[[0.6]]]], x.shape), -1, 1).astype("float32")
    return x, y


@pytest.fixture(scope="module")
def alex():
    """`Lpips` of random weights, as of files: `weight_file` has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        trees = {"alexnet": random_features("alex"), "lpips_alex": random_linear("alex")}
        patch.setattr(lpips, "weight_file", lambda name, folder: SimpleNamespace(name=f"{name}.pth", of=name))
        patch.setattr(lpips, "sha256_of", lambda path: f"hash of {path.name}")
        patch.setattr(pytorch_file, "load", lambda path: trees[path.of])
        return lpips.Lpips("alex")


@pytest.mark.parametrize("net", CHANNELS)
def test_equal_to_the_authors_package(net):
    x, y = pictures()
    between = lpips.distance(net, random_features(net), random_linear(net))
    with np.load(REFERENCE) as reference:
        np.testing.assert_allclose(between(x, y), reference[net], rtol=1e-5)
    np.testing.assert_array_equal(between(x, x), 0)


@pytest.mark.parametrize("net", CHANNELS)
def test_equal_with_the_authors_own_linear_layers(net, shared_data):
    path = shared_data / "weights" / "lpips_v0.1" / f"{net}.pth"
    weights.FILES[f"lpips_{net}"].verify(path)
    with np.load(REFERENCE) as reference:
        wanted = reference[f"{net}_real"]
    between = lpips.distance(net, random_features(net), pytorch_file.load(path))
    np.testing.assert_allclose(between(*pictures()), wanted, rtol=1e-5)


def test_batches_of_any_kind(alex):
    x, y = pictures()
    with np.load(REFERENCE) as reference:
        np.testing.assert_allclose(alex(x, y), reference["alex"], rtol=1e-5)
    many = alex(np.repeat(x, 5, 0), np.repeat(y, 5, 0))  # more than go through at a time
    np.testing.assert_allclose(many, np.repeat(alex(x, y), 5), rtol=1e-5)
    pixels = [np.round(127.5 * (image + 1)).astype(np.uint8) for image in (x, y)]
    as_floats = alex(*(image / 127.5 - 1 for image in pixels))
    np.testing.assert_array_equal(alex(*pixels), as_floats)
    grey_x, grey_y = x[..., :1], y[..., :1]
    np.testing.assert_array_equal(alex(grey_x, grey_y), alex(np.repeat(grey_x, 3, -1), np.repeat(grey_y, 3, -1)))
    assert alex.metric(x[0], y[0]) == pytest.approx(alex(x[:1], y[:1])[0])
    assert alex.metric(x[0], y[0], crop=5) == pytest.approx(alex(x[:1, 5:-5, 5:-5], y[:1, 5:-5, 5:-5])[0])
    assert alex.identity == "LPIPS v0.1 alex: alexnet.pth hash of alexnet.pth, lpips_alex.pth hash of lpips_alex.pth"


def test_pictures_of_the_least_size():
    """One pixel less and the deepest features would be of nothing."""
    for net, (*_, least) in lpips.NETWORKS.items():
        if net == "vgg":  # its rule is that of AlexNet, its weights are many
            continue
        x, y = pictures(least, least)
        assert (lpips.distance(net, random_features(net), random_linear(net))(x, y) > 0).all()


def test_what_cannot_be_compared(alex):
    x, y = pictures()
    with pytest.raises(UserError, match="alex, vgg, squeeze, received resnet"):
        lpips.Lpips("resnet")
    with pytest.raises(UserError, match=r"same height.*received 2 x 51 x 46 x 3 and 2 x 50 x 46 x 3"):
        alex(x, y[:, :50])
    with pytest.raises(UserError, match="at least 31 x 31 pixels, received 2 x 30 x 46 x 3"):
        alex(x[:, :30], y[:, :30])
    with pytest.raises(UserError, match="1 or 3 channels"):
        alex(x[..., :2], y[..., :2])
    with pytest.raises(UserError, match="NaN"):
        alex(x, np.where(x > 0.99, np.nan, x))


def difference(x, y):
    """Stands for LPIPS: distances that are known."""
    return np.abs(x.astype(float) - y).mean((1, 2, 3))


def answers_of(*levels):
    return np.array(levels, np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)


def test_diversity_of_answers_to_an_input():
    measured = lpips.diversity(difference, [answers_of(0, 1, 0, 3), answers_of(5, 5, 1, 1), answers_of(0, 1, 0, 0)])
    assert measured["value"] == pytest.approx((2 + 0 + 0.5) / 3) and measured["n"] == 3
    assert measured["std"] == pytest.approx(np.std([2, 0, 0.5]))
    assert 0 <= measured["low"] < measured["value"] < measured["high"] <= 2
    with pytest.raises(UserError, match="expected pairs of them, received 3"):
        lpips.diversity(difference, [answers_of(0, 1, 2)])
    with pytest.raises(UserError, match="at least one input"):
        lpips.diversity(difference, [])


def test_diversity_of_a_set():
    images = answers_of(0, 1, 3)
    measured = lpips.diversity_of_set(difference, images)
    assert measured["value"] == pytest.approx((1 + 3 + 2) / 3) and measured["n"] == 3
    few = [lpips.diversity_of_set(difference, images, pairs=1, seed=seed)["value"] for seed in range(20)]
    assert set(few) == {1, 2, 3}
    many = answers_of(*range(30))
    measured = lpips.diversity_of_set(difference, many, pairs=200, seed=1)
    assert measured == lpips.diversity_of_set(difference, many, pairs=200, seed=1)
    assert measured["low"] < measured["value"] < measured["high"]
    with pytest.raises(UserError, match="at least 2 pictures, received 1"):
        lpips.diversity_of_set(difference, images[:1])
