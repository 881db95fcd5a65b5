"""DTN's step against the paper's equations, its ablations, and the f that lies in its run."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_run import go_on_without, state_of

import tfi2i
from tfi2i import loop, run
from tfi2i.data.prepared import prepared
from tfi2i.data.sources import open_source
from tfi2i.errors import UserError
from tfi2i.zoo import dtn

TINY = {"nef": 4, "ngf": 4, "ndf": 4, "crop_size": 16, "batch_size": 4, "f_iters": 2}


def batch(seed=0, size=16):
    random = np.random.default_rng(seed)
    return {name: random.uniform(-1, 1, (4, size, size, 3)).astype("float32") for name in ("x", "y")}


def job(**options):
    recipe = run.Recipe(steps=4, log_every=2, sample_every=4, checkpoint_every=2)
    return run.Job("dtn", dtn.Config(**(TINY | options)), recipe, "synthetic_digits")


def face_network(file, size=24):
    """A network of another size, with a layer that is noise in training."""
    x = image = keras.Input((size, size, 3))
    x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(3, 5, 4)(x))
    keras.Model(image, x).save(file)


def test_ternary_cross_entropy():
    logits = tf.math.log([[1.0, 2.0, 5.0], [2.0, 2.0, 4.0]])
    for of, shares in enumerate([(1 / 8, 2 / 8), (2 / 8, 2 / 8), (5 / 8, 4 / 8)]):
        assert float(dtn.cross_entropy(logits, of)) == pytest.approx(-np.log(shares).mean(), rel=1e-6)


def test_total_variation():
    """3 to the right and 4 below make 5; beside it 12 below an equal right makes 12."""
    z = tf.constant([[0.0, 3.0, 3.0], [4.0, 15.0, 0.0]])[None, ..., None]
    assert float(dtn.total_variation(z)) == pytest.approx((5 + 12) / 2, rel=1e-6)
    with tf.GradientTape() as tape:
        flat = tf.Variable(tf.ones((1, 4, 4, 1)))
        value = dtn.total_variation(flat)
    assert np.isfinite(tape.gradient(value, flat)).all()


@pytest.mark.parametrize("ternary", [True, False])
def test_every_term_is_the_equation(ternary):
    """The learning rate is 0, so that both turns see the same networks."""
    t = tfi2i.create("dtn", norm="none", lr=0.0, alpha=3.0, beta=5.0, gamma=0.5, ternary=ternary, **TINY)
    t.compile(run_eagerly=True)
    images = batch()
    x, y = images["x"], images["y"]
    f, g, D = (lambda of, net=net: np.asarray(net(of), np.float64) for net in (t.f, t.g, t.D))

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def variation(z):
        across, down = np.diff(z, axis=2)[:, :-1], np.diff(z, axis=1)[:, :, :-1]
        return np.sqrt(across**2 + down**2).mean()

    of_x, of_y, real = g(f(x)), g(f(y)), -1
    wanted = {
        "GANG": -log_softmax(D(of_x))[:, real].mean() - ternary * log_softmax(D(of_y))[:, real].mean(),
        "CONST": 3.0 * ((f(x) - f(of_x)) ** 2).mean(),
        "TID": 5.0 * ((y - of_y) ** 2).mean(),
        "TV": 0.5 * (variation(of_x) + variation(of_y)),
        "D_1": -log_softmax(D(of_x))[:, 0].mean(),
        "D_3": -log_softmax(D(y))[:, real].mean(),
    } | ({"D_2": -log_softmax(D(of_y))[:, 1].mean()} if ternary else {})
    logs = t.train_step(images)
    assert logs.keys() == wanted.keys() == set(t.loss_names)
    for name, value in wanted.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("use_f", [True, False])
def test_f_stays_as_it_is(use_f):
    t = tfi2i.create("dtn", use_f=use_f, lr=1e-2, **TINY)
    t.compile()
    fixed, learned = ([v.numpy() for v in of] for of in (t.f.weights, t.trainable_variables))
    step = tf.function(t.train_step)
    for seed in range(3):
        step(batch(seed))
    assert all(np.array_equal(a, b) for a, b in zip(fixed, t.f.weights, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(learned, t.trainable_variables, strict=True))
    assert ("E" in [network.name for network in t.players["G"]]) is not use_f
    # What is tested and kept is g(f(x)), or g(E(x)).
    kept = t.generators()["AtoB"](batch()["x"])
    np.testing.assert_allclose(kept, t.g(t.E(batch()["x"])), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, {"GANG", "CONST", "TID", "D_1", "D_2", "D_3"}),
        ({"alpha": 0.0}, {"GANG", "TID", "D_1", "D_2", "D_3"}),
        ({"beta": 0.0}, {"GANG", "CONST", "D_1", "D_2", "D_3"}),
        ({"ternary": False, "use_f": False, "beta": 0.0}, {"GANG", "CONST", "D_1", "D_3"}),
    ],
)
def test_an_ablation_leaves_its_term_out(options, left):
    t = tfi2i.create("dtn", **options, **TINY)
    t.compile()
    assert t.train_step(batch()).keys() == left


def test_killed_while_f_is_trained_and_later(tmp_path, monkeypatch):
    """Killed half way through f's file, then once f is there: the run ends with the bits of one that was not."""
    whole, parts, pretrained = tmp_path / "whole", tmp_path / "parts", dtn.pretrained
    loop.train(job(), whole, progress=False)

    class HalfWritten:
        def save(self, file):
            file.write_bytes(b"half")
            raise KeyboardInterrupt

    monkeypatch.setattr(dtn, "pretrained", lambda *_: HalfWritten())
    with pytest.raises(KeyboardInterrupt):
        loop.train(job(), parts, progress=False)
    assert (parts / "config.json").exists() and not (parts / "f.keras").exists()

    monkeypatch.setattr(dtn, "pretrained", pretrained)
    monkeypatch.setattr(loop, "compiled_step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        loop.train(run.Job.load(parts), parts, progress=False)
    assert (parts / "f.keras").exists() and not list(parts.glob(".f*"))

    monkeypatch.undo()
    monkeypatch.setattr(dtn, "pretrained", None)  # not again
    loop.train(run.Job.load(parts), parts, progress=False)
    assert state_of(parts) == state_of(whole)


def test_augmented_or_not_f_is_the_same_each_time():
    """A run killed while f is trained trains it again, to the same bits."""

    def weights(**options):
        config = dtn.Config(**(TINY | options))
        keras.utils.set_random_seed(0)
        return dtn.pretrained(config, prepared(open_source("synthetic_digits", "train", config), config, True), 0)

    plain, *shifted = ([w.numpy() for w in weights(f_augment=use).weights] for use in (False, True, True))
    assert all(np.array_equal(a, b) for a, b in zip(*shifted, strict=True))
    assert not np.array_equal(plain[0], shifted[0][0])


def test_an_f_of_the_users(tmp_path, monkeypatch):
    """Used as it is, at its own size and without its noise; copied, so that the run lives on without the file."""
    file, folder = tmp_path / "face.keras", tmp_path / "run"
    face_network(file)
    monkeypatch.setattr(dtn, "pretrained", None)
    loop.train(job(f=str(file)), folder, progress=False)
    x = batch()["x"]
    features = keras.models.load_model(file)(tf.image.resize(x, (24, 24)))
    features = np.reshape(features, (4, -1))
    features = features / np.sqrt((features**2).mean(-1, keepdims=True))
    before = state_of(folder)

    shutil.move(file, tmp_path / "gone.keras")
    model = run.load(folder)
    np.testing.assert_allclose(model.f(x), features, rtol=1e-4, atol=1e-5)
    go_on_without("ckpt-4", folder)
    assert state_of(folder) == before


def test_what_can_t_be_f(tmp_path):
    (tmp_path / "no.keras").write_text("no network")
    with pytest.raises(UserError, match=r"--f=.*no\.keras can't be read"):
        tfi2i.create("dtn", f=str(tmp_path / "no.keras"))
    with pytest.raises(UserError, match="can't be read"):
        tfi2i.create("dtn", f=str(tmp_path / "absent.keras"))
    face_network(tmp_path / "rgb.keras")
    with pytest.raises(UserError, match=r"expected a network of images \(B, H, W, 1\)"):
        tfi2i.create("dtn", f=str(tmp_path / "rgb.keras"), input_nc=1)
    unlabelled = run.Job("dtn", dtn.Config(**TINY), run.Recipe(steps=1), "synthetic_seasons")
    with pytest.raises(UserError, match="A has none"):
        loop.train(unlabelled, tmp_path / "run", progress=False)


def test_fit_tells_of_an_untrained_f(capsys):
    t = tfi2i.create("dtn", **TINY)
    t.compile()
    t.fit(tf.data.Dataset.from_tensors(batch()), verbose=0)
    assert "f is not trained by fit" in capsys.readouterr().err
