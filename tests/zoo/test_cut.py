"""CUT's step against the paper's equations, written a second time in NumPy on the outputs of the networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfi2i
from tfi2i.errors import UserError
from tfi2i.training.optimizers import Adam

TINY = {"ngf": 4, "n_blocks": 1, "ndf": 4, "n_layers_D": 1, "load_size": 36, "crop_size": 32}
TINY |= {"netF_nc": 6, "num_patches": 12, "nce_layers": "0,4,8,12"}
LAYERS = (0, 4, 8, 12)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    return {name: random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32") for name in ("x", "y")}


def model(**options):
    """One whose learning rate is 0, so that all turns see the same networks, and what its step draws.

    Kernels are large enough for answers and features to differ.
    """
    translator = tfi2i.create("cut", lr=0.0, init_type="kaiming", **TINY | options)
    translator.compile(run_eagerly=True)
    random, drawn = np.random.default_rng(0), {}

    def uniform(name, shape):
        drawn[name] = random.uniform(size=[int(n) for n in shape]).astype("float32")
        return tf.constant(drawn[name])

    translator.uniform = uniform
    return translator, drawn


def patch_nce(t, drawn, name, x, y_hat, flips, tau):
    """Eq. 3, a mean over layers, images and places, with loops where the equation has sums."""
    network = {weight.path: weight.numpy() for weight in t.H.weights}
    losses = []
    for number, of_x, of_y_hat in zip(LAYERS, t.G_enc(x), t.G_enc(y_hat), strict=True):

        def z(v, number=number):
            kernel1, bias1, kernel2, bias2 = (
                network[f"layer{number}_dense{k}/{kind}"].astype("float64")
                for k in (1, 2)
                for kind in ("kernel", "bias")
            )
            v = np.maximum(v.astype("float64") @ kernel1 + bias1, 0) @ kernel2 + bias2
            return v / (np.sqrt((v**2).sum(-1, keepdims=True)) + 1e-7)

        for b, numbers in enumerate(drawn[f"{name}/{number}"]):
            hat = of_y_hat[b].numpy()
            hat = hat[:, ::-1] if flips[b] else hat
            places = np.argsort(-numbers)[:12]
            v, keys = (z(of.reshape(-1, of.shape[-1])[places]) for of in (hat, of_x[b].numpy()))
            for s in range(12):
                positive = np.exp(v[s] @ keys[s] / tau)
                negatives = sum(np.exp(v[s] @ keys[n] / tau) for n in range(12) if n != s)
                losses.append(-np.log(positive / (positive + negatives)))
    return np.mean(losses)


@pytest.mark.parametrize("flip_equivariance", [False, True])
@pytest.mark.parametrize("nce_idt", [False, True])
def test_every_term_is_the_equation(batch, nce_idt, flip_equivariance):
    t, drawn = model(lambda_GAN=3.0, lambda_NCE=5.0, nce_T=0.2, nce_idt=nce_idt, flip_equivariance=flip_equivariance)
    logs = t.train_step(batch)
    x, y = batch["x"], batch["y"]
    flips = drawn["flips"][:, 0, 0, 0] < 0.5 if flip_equivariance else [False, False]
    if flip_equivariance:
        assert set(flips) == {False, True}

    def translated(images):
        return t.G(np.stack([image[:, ::-1] if flip else image for image, flip in zip(images, flips, strict=True)]))

    y_hat = translated(x)
    half = 0.5 if nce_idt else 1.0
    wanted = {
        "D_real": 0.5 * ((t.D(y).numpy() - 1) ** 2).mean(),
        "D_fake": 0.5 * (t.D(y_hat).numpy() ** 2).mean(),
        "G_GAN": 3.0 * ((t.D(y_hat).numpy() - 1) ** 2).mean(),
        "NCE": half * 5.0 * patch_nce(t, drawn, "x", x, y_hat, flips, 0.2),
        "NCE_Y": half * 5.0 * patch_nce(t, drawn, "y", y, translated(y), flips, 0.2) if nce_idt else 0.0,
    }
    assert logs.keys() == wanted.keys() == set(t.loss_names)
    for name, value in wanted.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-4), name


def test_keys_are_constant(batch):
    """G and H learn by what they see in G(x); what they saw in x is given."""
    t, _ = model()
    x, y_hat = tf.constant(batch["x"]), tf.constant(batch["y"])
    with tf.GradientTape() as tape:
        tape.watch([x, y_hat])
        loss = t.patch_nce("x", x, y_hat)
    of_x, of_y_hat = tape.gradient(loss, [x, y_hat])
    assert of_x is None and np.abs(of_y_hat).max() > 0


def test_d_steps_first(batch):
    """G is judged by the D that has just learned from its fake."""
    t, _ = model()
    t.make_optimizers = lambda *_: {name: Adam(1e-2 if name == "D" else 0.0) for name in t.players}
    t.compile(run_eagerly=True)
    before = t.D(t.G(batch["x"])).numpy()
    logs = t.train_step(batch)
    after = t.D(t.G(batch["x"])).numpy()
    assert float(logs["D_fake"]) == pytest.approx(0.5 * (before**2).mean(), rel=1e-4)
    assert float(logs["G_GAN"]) == pytest.approx(((after - 1) ** 2).mean(), rel=1e-4)
    assert np.abs(before - after).max() > 1e-2


def test_places_are_drawn_without_replacement():
    t = tfi2i.create("cut", **TINY)
    features = tf.zeros((3, 5, 6, 2))
    places = t.places("x/0", features).numpy()
    assert places.shape == (3, 12) and places.min() >= 0 and places.max() < 30
    assert all(len(set(of_image)) == 12 for of_image in places)
    assert len({tuple(sorted(of_image)) for of_image in places}) == 3
    assert t.places("x/0", tf.zeros((1, 2, 3, 2))).shape == (1, 6)  # all that there are
    many = np.concatenate([t.places("x/0", features).numpy().ravel() for _ in range(40)])
    assert np.bincount(many, minlength=30).min() > 20  # of 48 in the mean


def test_features_are_those_of_the_paper(batch):
    """The pixels, two convolutions before norm and halving, the first and the fifth residual block."""
    t = tfi2i.create("cut", ngf=4, ndf=4)
    pixels, down1, down2, block1, block5 = t.G_enc(batch["x"])
    np.testing.assert_array_equal(pixels, np.pad(batch["x"], [(0, 0), (3, 3), (3, 3), (0, 0)], "reflect"))
    assert [tuple(of.shape[1:]) for of in (down1, down2, block1, block5)] == [
        (32, 32, 8),
        (16, 16, 16),
        (8, 8, 16),
        (8, 8, 16),
    ]
    inner = {name: t.G.get_layer(name).output for name in ("down1", "down2", "block1", "block5")}
    again = keras.Model(t.G.input, list(inner.values()))(batch["x"])
    for ours, theirs in zip((down1, down2, block1, block5), again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert {id(w) for w in t.G_enc.weights} < {id(w) for w in t.G.weights}


def test_the_papers_networks_have_the_official_sizes():
    t = tfi2i.create("cut")
    assert [net.count_params() for net in (t.G, t.D, t.H)] == [11_378_179, 2_764_737, 560_384]
    assert t.D(np.zeros((1, 64, 64, 3), "float32")).shape == (1, 6, 6, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nce_layers": "0,13"}, "--nce_layers=0,13 (expected numbers from 0 to 12"),
        ({"nce_layers": "0;4"}, "--nce_layers=0;4"),
        ({"nce_layers": ""}, "--nce_layers= "),
        ({"output_nc": 1}, "--input_nc=3 and --output_nc=1 (expected equal ones"),
    ],
)
def test_what_does_not_fit_is_said(options, message):
    with pytest.raises(UserError) as error:
        tfi2i.create("cut", **TINY | options)
    assert message in str(error.value)
