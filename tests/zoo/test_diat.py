"""DIAT's two stages against the equations, written a second time in NumPy on the outputs of the networks."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_run import go_on_without

import tfi2i
from tfi2i import evaluation, loop, run, zoo
from tfi2i.data.attributes import WithAndWithout
from tfi2i.data.synthetic.faces import SyntheticFaces
from tfi2i.errors import UserError
from tfi2i.evaluation.similarity import around_the_edit
from tfi2i.zoo import diat

TINY = {"ngf": 2, "n_blocks": 1, "ndf": 2, "d_layers": 3, "crop_size": 16, "batch_size": 2, "attribute": "glasses"}
TINY |= {"identity_layers": "conv2,conv3", "lambda_id": 1.0}


def model_of(**options):
    model = tfi2i.create("diat", **(TINY | options))
    model.compile(run_eagerly=True)
    return model


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    return {name: tf.constant(random.uniform(-1, 1, (2, 16, 16, 3)).astype("float32")) for name in ("x", "y")}


@pytest.fixture
def face_file(tmp_path):
    """A face network of fixed size that sees BGR in 0..255."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv4_2")(image)
    x = keras.layers.MaxPooling2D(name="pool4")(x)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv5_2")(x)
    x = keras.layers.Dense(5, name="fc")(keras.layers.Flatten(name="flat")(x))
    keras.Model(image, x).save(tmp_path / "face.keras")
    return str(tmp_path / "face.keras")


def halved(x, y):
    return 0.5 * np.square(np.asarray(x) - np.asarray(y)).mean()


def l2(x, y):
    return 2 * halved(x, y)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x))).mean()


@pytest.mark.parametrize("gamma", [0.0, 3.0])
def test_every_term_of_the_transfer_is_the_equation(batch, gamma):
    """The learning rate is 0, so that all turns see the same networks."""
    t = model_of(lr=0.0, lambda_id=2.0, gamma=gamma)
    x, y, fake = batch["x"], batch["y"], t.T(batch["x"], training=True)
    D = {name: t.D(image) for name, image in (("x", x), ("y", y), ("fake", fake))}  # [logit, conv1, conv2, conv3]
    wanted = {
        "D_real": softplus(-D["y"][0]),
        "D_fake": softplus(D["fake"][0]),
        "T_attribute": softplus(-D["fake"][0]),
        "T_identity": 2.0 * sum(halved(D["fake"][k], D["x"][k]) for k in (2, 3)),
    }
    if gamma:
        rebuilt = t.g(x)
        wanted |= {
            "T_smooth": 3.0 * l2(t.f(fake), fake),
            "g": sum(halved(t.D(rebuilt)[k], D["x"][k]) for k in (2, 3)),
            "f": l2(t.f(rebuilt), x) + l2(t.f(x), x),
        }
    logs = t.train_step(batch)
    assert logs.keys() == wanted.keys() == set(t.loss_names)
    for name, value in wanted.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name


def test_identity_never_moves_what_it_is_measured_by(batch):
    """T's losses, the features of DIAT-A among them, leave D as D's own turn alone would have left it, and g and f."""
    indifferent, strict = (model_of(lambda_id=weight, gamma=1.0) for weight in (0.0, 100.0))
    strict.set_weights(indifferent.get_weights())
    before = [v.numpy() for v in strict.T.trainable_variables]
    for model in (indifferent, strict):
        model.train_step(batch)
    for name in ("D", "f", "g"):
        for one, other in zip(getattr(indifferent, name).weights, getattr(strict, name).weights, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert any(not np.array_equal(a, b) for a, b in zip(before, strict.T.trainable_variables, strict=True))
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(indifferent.T.trainable_variables, strict.T.trainable_variables, strict=True)
    )


def test_identity_on_the_layers_of_a_file(batch, face_file):
    t = model_of(lr=0.0, identity="face", face_network=face_file, identity_layers="conv5_2,conv4_2")
    face = keras.models.load_model(face_file)
    by_name = keras.Model(face.inputs[0], [face.get_layer(name).output for name in ("conv4_2", "conv5_2")])

    def phi(image):
        small = np.asarray(tf.image.resize(image, (8, 8)))
        return by_name((small[..., ::-1] + 1) * 127.5 - np.array([93.594, 104.7624, 129.1863], "float32"))

    fake = t.T(batch["x"], training=True)
    wanted = sum(halved(a, b) for a, b in zip(phi(fake), phi(batch["x"]), strict=True))
    assert float(t.train_step(batch)["T_identity"]) == pytest.approx(wanted, rel=1e-4)
    assert not {v.path for v in t.variables} & {v.path for v in face.variables}  # no part of a checkpoint


@pytest.mark.parametrize("region", ["global", "0.25,0.25,0.75,0.5"])
def test_every_term_of_the_enhancement_is_the_equation(batch, region):
    t = model_of(lr=0.0, stage="enhance", region=region, beta=2.0, enhance_layers="conv1,conv2", blur=1.0)
    x = np.asarray(batch["x"])
    if region == "global":
        wanted = {"E_pixel": l2(t.E(diat.blurred(batch["x"], 1.0)), x)}
    else:
        m, fake = diat.ellipse((0.25, 0.25, 0.75, 0.5), 16), np.asarray(t.T(x))
        y = np.asarray(t.E(fake))
        inside, outside = m[0, ..., 0] == 1, m[0, ..., 0] == 0
        assert m.shape == (1, 16, 16, 1) and (inside | outside).all()
        features, of_fake = t.D(m * y), t.D(m * fake)
        wanted = {
            "E_pixel": np.square((y - x)[:, outside]).sum() / x.size,
            "E_content": 2.0 * (halved(m * y, m * fake) + sum(halved(features[k], of_fake[k]) for k in (1, 2))),
        }
    logs = t.train_step(batch)
    assert logs.keys() == wanted.keys() == set(t.loss_names)
    for name, value in wanted.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name
    np.testing.assert_allclose(t.generators()["AtoB"](x), t.E(t.T(x)), atol=1e-6)


def test_the_region_and_the_blur():
    rows = ["".join("#" if on else "." for on in row) for row in diat.ellipse((0.25, 0.25, 1.0, 0.75), 8)[0, ..., 0]]
    assert rows == ["........", "........", "...####.", "..######", "..######", "...####.", "........", "........"]
    flat = np.full((1, 9, 9, 3), 0.25, "float32")
    np.testing.assert_allclose(diat.blurred(flat, 1.5), flat, atol=1e-6)
    dot = np.zeros((1, 9, 9, 3), "float32")
    dot[0, 4, 4, 1] = 1.0
    spread = np.asarray(diat.blurred(dot, 1.0))
    assert spread[..., 1].sum() == pytest.approx(1.0, abs=1e-5) and not spread[..., [0, 2]].any()
    assert spread[0, 4, 5, 1] / spread[0, 4, 4, 1] == pytest.approx(np.exp(-0.5), rel=1e-5)
    np.testing.assert_allclose(spread[0, ..., 1], spread[0, ..., 1].T, atol=1e-7)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"identity_layers": "conv3,conv4"}, "no layer conv4 in D .expected some of conv1, conv2, conv3"),
        ({"identity": "face"}, "needs --face_network=FILE"),
        ({"face_network": "vgg.keras"}, "is for --identity=face"),
        ({"region": "nose"}, "--region=nose .expected global, eyes, mouth, or LEFT,TOP,RIGHT,BOTTOM"),
        ({"region": "0.5,0.2,0.4,0.8"}, "--region=0.5,0.2,0.4,0.8"),
        ({"crop_size": 20}, "--crop_size=20 doesn't fit D .expected a multiple of 8"),
    ],
)
def test_options_that_do_not_fit(options, words):
    with pytest.raises(UserError, match=words):
        model_of(**options)


def test_face_networks_that_do_not_fit(face_file, tmp_path):
    with pytest.raises(
        UserError, match=r"no layer conv3_1 in .*face.keras .expected some of .*conv4_2, pool4, conv5_2"
    ):
        model_of(identity="face", face_network=face_file, identity_layers="conv3_1")
    with pytest.raises(UserError, match="can't be read"):
        model_of(identity="face", face_network=str(tmp_path / "none.keras"), identity_layers="conv4_2")


@pytest.fixture(scope="module")
def transferred(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diat") / "transfer"
    loop.train(job_of(), folder, progress=False)
    return folder


def job_of(**options):
    recipe = run.Recipe(steps=2, log_every=1, sample_every=2, checkpoint_every=1)
    return run.Job("diat", zoo.model_class("diat").Config(**(TINY | options)), recipe, "synthetic_faces")


def test_the_second_stage_keeps_the_first_ones_networks_and_goes_on_without_its_run(transferred, tmp_path):
    first = run.load(transferred)
    job = job_of(stage="enhance", region="eyes", enhance_layers="conv1", init=str(transferred))
    loop.train(job, tmp_path / "run", progress=False)
    second = run.load(tmp_path / "run")
    for name in ("T", "D"):
        for ours, theirs in zip(getattr(second, name).weights, getattr(first, name).weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    before = [v.numpy() for v in second.E.weights]
    gone = dataclasses.replace(job, config=dataclasses.replace(job.config, init=str(tmp_path / "gone")))
    go_on_without("ckpt-2", tmp_path / "run", gone)
    for ours, theirs in zip(run.load(tmp_path / "run").E.weights, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"init": None}, "needs --init=RUN"),
        ({"init": "nowhere"}, "--init=nowhere: no nowhere/networks/T.keras"),
        ({"ngf": 4}, "--ngf=4 .expected 2, as in --init="),
        ({"attribute": "smiling"}, "--attribute=smiling .expected glasses, as in --init="),
    ],
)
def test_the_second_stage_says_what_it_needs(transferred, tmp_path, options, words):
    options = {"init": str(transferred), "stage": "enhance"} | options
    with pytest.raises(UserError, match=words):
        loop.train(job_of(**options), tmp_path / "run", progress=False)


def test_with_and_without_swapped():
    source = SyntheticFaces("test", 16, 20)
    glasses = list(source.attributes).index("glasses")
    having = np.flatnonzero(source.labels()[:, glasses])
    swapped = WithAndWithout(source, "glasses", present=False)
    assert swapped.aligned and len(swapped) == len(having)
    label = source.label(int(having[0]))
    label[glasses] = 0.0
    np.testing.assert_array_equal(swapped[0]["A"], source[int(having[0])]["image"])
    np.testing.assert_array_equal(swapped[0]["B"], source.edited(int(having[0]), label))
    # Hair must have some colour, so that there is no truth to one taken away.
    assert not WithAndWithout(source, "black_hair", present=False).aligned
    training = WithAndWithout(SyntheticFaces("train", 16, 20), "glasses", present=False)
    assert not training.aligned and training.len_a + training.len_b == 20


def test_distances_around_an_edit():
    image, truth, fake = (np.zeros((2, 2, 3)) for _ in range(3))
    truth[0, 0] = 1.0
    fake[0, 0], fake[1] = 0.75, 0.5
    assert around_the_edit(image, fake, truth) == pytest.approx({"l1_edit": 0.25, "l1_copy": 1.0, "l1_rest": 1 / 3})
    assert around_the_edit(image, fake, image).keys() == {"l1_rest"}


def test_a_run_is_measured_by_the_attribute(transferred, monkeypatch):
    """The judge, asked of a translation, of A and of B, sees the attribute in the first two."""
    asked = []

    class Fancied:
        unseen = range(1000)

        def __init__(self, training, testing, preprocess, folder, dataset):
            self.real = {"glasses": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 20}}
            assert training.attributes == testing.attributes == ("glasses",)
            assert set(np.unique(training.labels())) == {0, 1} and dataset == "synthetic_faces"

        def __call__(self, image):
            asked.append(image)
            return np.array([float(len(asked) % 3 > 0)])

    monkeypatch.setattr("tfi2i.evaluation.two_domains.independent", Fancied)
    result = evaluation.evaluate(transferred, progress=False)
    found = result.values["AtoB"]
    assert (found["accuracy"]["value"], found["classification_error"]["value"]) == (1.0, 0.0)
    assert (found["accuracy_A"]["value"], found["accuracy_B"]["value"]) == (0.0, 0.0)
    assert {"L1", "l1_edit", "l1_rest", "l1_copy"} <= found.keys()
    assert "glasses 90.0 % (80.0 to 100.0, n = 20)" in result.protocol
