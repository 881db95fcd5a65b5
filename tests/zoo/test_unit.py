"""UNIT's step against the paper's equations, written a second time in NumPy on the outputs of the networks."""

import numpy as np
import pytest

import tfi2i

WEIGHTS = {"gan_w": 2.0, "recon_x_w": 7.0, "recon_kl_w": 0.3, "recon_x_cyc_w": 5.0, "recon_kl_cyc_w": 0.2}
TINY = {"dim": 4, "n_res": 1, "ndf": 4, "n_layer": 2, "num_scales": 2, "load_size": 36, "crop_size": 32}


@pytest.fixture
def step():
    """A UNIT, a batch, and the noise that its step is given."""
    translator = tfi2i.create("unit", lr=0.0, **WEIGHTS, **TINY)
    translator.compile(run_eagerly=True)
    generator = np.random.default_rng(0)
    batch = {name: generator.uniform(-1, 1, (2, 32, 32, 3)).astype("float32") for name in ("x", "y")}
    names = ("dis/n_a", "dis/n_b", "gen/n_a", "gen/n_b", "gen/n_a_recon", "gen/n_b_recon")
    noise = {name: generator.normal(size=(2, 8, 8, 16)).astype("float32") for name in names}
    translator.normal = lambda name, shape: noise[name]
    return translator, batch, noise


def test_every_term_is_the_equation(step):
    """The learning rate is 0, so both turns see the same networks."""
    t, batch, noise = step
    E_A, E_B, G_A, G_B, D_A, D_B = (
        lambda x, net=net: [np.asarray(y) for y in net(x)] if net.name.startswith("D") else np.asarray(net(x))
        for net in (t.E_A, t.E_B, t.G_A, t.G_B, t.D_A, t.D_B)
    )
    x_a, x_b = batch["x"], batch["y"]

    def l1(x, y):
        return np.abs(x - y).mean()

    def to(target, logits):
        return sum(((at_scale - target) ** 2).mean() for at_scale in logits)

    x_ba, x_ab = G_A(E_B(x_b) + noise["dis/n_b"]), G_B(E_A(x_a) + noise["dis/n_a"])
    wanted = {
        "dis_a": 2.0 * (to(1, D_A(x_a)) + to(0, D_A(x_ba))),
        "dis_b": 2.0 * (to(1, D_B(x_b)) + to(0, D_B(x_ab))),
    }
    z_a, z_b = E_A(x_a) + noise["gen/n_a"], E_B(x_b) + noise["gen/n_b"]
    x_ba, x_ab = G_A(z_b), G_B(z_a)
    z_aba, z_bab = E_B(x_ab) + noise["gen/n_a_recon"], E_A(x_ba) + noise["gen/n_b_recon"]
    wanted |= {
        "gen_adv_a": 2.0 * to(1, D_A(x_ba)),
        "gen_adv_b": 2.0 * to(1, D_B(x_ab)),
        "gen_recon_x_a": 7.0 * l1(G_A(z_a), x_a),
        "gen_recon_x_b": 7.0 * l1(G_B(z_b), x_b),
        "gen_recon_kl_a": 0.3 * (E_A(x_a) ** 2).mean(),
        "gen_recon_kl_b": 0.3 * (E_B(x_b) ** 2).mean(),
        "gen_cyc_x_a": 5.0 * l1(G_A(z_aba), x_a),
        "gen_cyc_x_b": 5.0 * l1(G_B(z_bab), x_b),
        "gen_recon_kl_cyc_aba": 0.2 * (E_B(x_ab) ** 2).mean(),
        "gen_recon_kl_cyc_bab": 0.2 * (E_A(x_ba) ** 2).mean(),
    }
    logs = t.train_step(batch)
    assert logs.keys() == wanted.keys() == set(t.loss_names)
    for name, value in wanted.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name


def test_translation_is_without_noise(step):
    t, batch, _ = step
    np.testing.assert_allclose(t.generators()["AtoB"](batch["x"]), t.G_B(t.E_A(batch["x"])), atol=1e-6)
    np.testing.assert_allclose(t.generators()["BtoA"](batch["y"]), t.G_A(t.E_B(batch["y"])), atol=1e-6)
