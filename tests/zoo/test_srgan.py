"""SRGAN: the loss terms of eq. 2 to 6, where G starts, and what the batch norms of its answers take."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfi2i
from tfi2i import run
from tfi2i.errors import UserError
from tfi2i.zoo.srgan import Config, vgg_features

TINY = {"n_blocks": 1, "ngf": 4, "ndf": 2, "crop_size": 32, "batch_size": 2, "vgg": "random"}


def images(side, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (2, side, side, 3)).astype("float32")


def created(**options):
    model = tfi2i.create("srgan", **(TINY | options))
    model.compile(steps_per_epoch=1)
    return model


@pytest.mark.parametrize("content", ["mse", "vgg22"])
def test_losses_are_those_of_the_paper(content):
    model = created(content=content, norm="none", lambda_content=3.0)
    x, y = images(8), images(32, 1)
    fake, D = model.G(x), model.D
    before = [-np.log(1 / (1 + np.exp(-sign * D(image).numpy()))).mean() for sign, image in ((1, y), (-1, fake))]
    logs = model.train_step({"x": x, "y": y})
    assert [float(logs[name]) for name in ("D_real", "D_fake")] == pytest.approx(before, rel=1e-5)
    # D has stepped when G is judged.
    judged = -np.log(1 / (1 + np.exp(-D(fake).numpy()))).mean()
    assert float(logs["adversarial"]) == pytest.approx(1e-3 * judged, rel=1e-4)
    phi = (lambda image: image) if content == "mse" else vgg_features(model.config)
    assert float(logs["content"]) == pytest.approx(3 * np.mean((phi(y) - phi(fake)) ** 2), rel=1e-4)


def test_features_are_keras_own(tmp_path, capsys):
    """Of a file of weights, with Keras' preprocessing and pooling; odd sides too."""
    vgg, image, file = keras.applications.VGG19(include_top=False, weights=None), images(53), tmp_path / "f.weights.h5"
    vgg.save_weights(file)
    seen = keras.applications.vgg19.preprocess_input(127.5 * (image + 1))
    for content, layer in (("vgg22", "block2_conv2"), ("vgg54", "block5_conv4")):
        wanted = keras.Model(vgg.input, vgg.get_layer(layer).output)(seen) / 12.75
        features = vgg_features(Config(content=content, vgg=str(file)))(image)
        np.testing.assert_allclose(features, wanted, atol=1e-4 * np.abs(wanted).max())
    assert "not the weights that Keras publishes" in capsys.readouterr().err


def test_the_rate_is_a_tenth_in_the_second_half_of_stage_two():
    schedule = created(content="mse", num_iters=10).optimizers["G"].inner_optimizer._learning_rate
    np.testing.assert_allclose([float(schedule(step)) for step in range(10)], [1e-4] * 5 + [1e-5] * 5)
    first = created(stage="srresnet", num_iters=10).optimizers["G"].inner_optimizer
    assert float(first.learning_rate) == pytest.approx(1e-4) and "D" not in created(stage="srresnet").players


def test_stage_two_starts_from_stage_one(tmp_path):
    """From a run and from its file; another size is told in one line."""
    one = created(stage="srresnet")
    one.train_step({"x": images(8), "y": images(32, 1)})  # moves the running statistics
    run.write_networks(one, tmp_path / "networks")
    for init in (tmp_path, tmp_path / "networks" / "G.keras"):
        two = created(content="mse", init=str(init))
        for mine, theirs in zip(two.G.get_weights(), one.G.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    for wrong in ({"ngf": 8}, {"n_blocks": 2}, {"init": str(tmp_path / "nowhere")}):
        with pytest.raises(UserError, match="no G to start from"):
            created(content="mse", **({"init": str(tmp_path)} | wrong))


def test_answers_take_the_running_statistics(tmp_path):
    """So does what a run keeps: the answer to a part is the part of the answer, away from its border."""
    model = created(stage="srresnet")
    for seed in range(3):
        model.train_step({"x": images(8, seed), "y": images(32, seed)})
    image = images(40)
    run.write_networks(model, tmp_path)
    for network in (model.generators()["AtoB"], keras.models.load_model(tmp_path / "G.keras")):
        whole, part = network(image), network(image[:, :32, :32])
        np.testing.assert_array_equal(whole, model.G(image, training=False))
        np.testing.assert_allclose(whole[:, :64, :64], part[:, :64, :64], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop_size": 30}, "--crop_size=30 .expected a multiple of --scale=4"),
        ({"vgg": "nowhere.h5"}, "--vgg=nowhere.h5 .expected imagenet, random, or a file"),
        ({"vgg": __file__, "content": "vgg22"}, "no weights of VGG19"),
    ],
)
def test_what_does_not_fit_is_told(options, message):
    with pytest.raises(UserError, match=message):
        created(**options)


def test_weights_that_cannot_be_downloaded_are_told(monkeypatch):
    def fails(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.applications.VGG19", fails)
    with pytest.raises(UserError, match=r"URL fetch failure\); give the file .*notop\.h5, with --vgg=FILE"):
        created(vgg="imagenet")


def test_pixel_shuffle_is_the_inverse_of_taking_blocks_apart():
    from tfi2i.nn.upsampling import PixelShuffle

    layer = PixelShuffle(2)
    image = tf.random.stateless_normal([1, 6, 4, 3], [0, 0])
    np.testing.assert_array_equal(layer(tf.nn.space_to_depth(image, 2)), image)
    again = PixelShuffle.from_config(layer.get_config())
    assert again.compute_output_shape((None, 5, None, 12)) == (None, 10, None, 3)
