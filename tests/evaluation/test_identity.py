"""The identity distance against the features of small networks, worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from tfi2i.errors import UserError
from tfi2i.evaluation.identity import FaceNetwork, identity_distance


@pytest.fixture
def saved(tmp_path):
    """A function: a network of images (B, `size`, `size`, channels), as a file."""

    def saved(answer, channels=3, size=8):
        image = layers.Input((size, size, channels))
        keras.Model(image, answer(image)).save(tmp_path / "face.keras")
        return str(tmp_path / "face.keras")

    return saved


def means(image):
    """The mean of each channel."""
    return layers.GlobalAveragePooling2D(name="mean")(layers.AveragePooling2D(2, name="halved")(image))


def plain(*colours):
    """An image of one colour for each."""
    return np.array(colours, np.float32)[:, None, None] * np.ones((1, 20, 20, 1), np.float32)


def test_by_hand(saved):
    network = FaceNetwork(saved(means), face_input="-1..1")
    x, y = plain((1, 0, 0), (0.5, 0, 0), (0.5, 0.5, 0)), plain((0, 1, 0), (1, 0, 0), (-0.5, -0.5, 0))
    np.testing.assert_allclose(identity_distance(network, x, y), [1.0, 0.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(identity_distance(network, x, y, "l2"), np.sqrt([2.0, 0.25, 2.0]), rtol=1e-6)
    np.testing.assert_array_equal(identity_distance(network, x, x, "l2"), 0.0)
    np.testing.assert_allclose(network(plain((0.5,)))[0], [[0.5, 0.5, 0.5]], rtol=1e-6)  # grey
    assert "face.keras, SHA-256 " in network.identity and "its answer" in network.identity


def test_as_the_training_of_diat_gives_pictures_to_it(saved):
    """BGR in 0..255 less a mean; on a layer of its choice, features flattened."""
    file = saved(means)
    x, y = plain((1, 0, 0)), plain((0, 0, 0))
    blue_green_red = FaceNetwork(file, "vgg_face", "halved")(x)[0].reshape(4, 4, 3)
    np.testing.assert_allclose(blue_green_red[1, 2], [127.5 - 93.594, 127.5 - 104.7624, 255 - 129.1863], rtol=1e-5)
    network = FaceNetwork(file, "0..255", "halved")
    np.testing.assert_allclose(identity_distance(network, x, y, "l2"), 127.5 * 4, rtol=1e-5)


def test_of_several_layers_the_mean(saved):
    def two(image):
        x = layers.AveragePooling2D(2, name="one")(image)
        return layers.AveragePooling2D(4, name="other")(x)

    network = FaceNetwork(saved(two), "-1..1", "one,other")
    assert [of.shape for of in network(plain((1, 0, 0)))] == [(1, 48), (1, 3)]
    np.testing.assert_allclose(identity_distance(network, plain((1, 0, 0)), plain((0, 0, 0)), "l2"), [2.5], rtol=1e-5)


def test_files_that_hold_no_face_network(saved, tmp_path):
    (tmp_path / "no.keras").write_text("no network")
    for name in ("no.keras", "none.keras"):
        with pytest.raises(UserError, match=rf"--face_network=.*{name} can't be read"):
            FaceNetwork(str(tmp_path / name))
    with pytest.raises(UserError, match=r"expected a network of images \(B, H, W, 3\), received one of .*, 1\)"):
        FaceNetwork(saved(means, channels=1))
    with pytest.raises(UserError, match=r"no layer pool5 in .*expected some of .*halved"):
        FaceNetwork(saved(means), layers="pool5")


def test_features_that_say_nothing(saved):
    with pytest.raises(UserError, match="its answer is the same for all images"):
        FaceNetwork(saved(lambda image: 0.0 * layers.Flatten()(image)))
    with pytest.raises(UserError, match="answers numbers that are not finite"):
        FaceNetwork(saved(lambda image: keras.ops.log(keras.ops.minimum(layers.Flatten()(image), 0.0))), "0..255")
    network = FaceNetwork(saved(means), "-1..1")
    black, wrong = plain((0, 0, 0)), plain((np.nan, 0, 0))
    with pytest.raises(UserError, match=r"answers nought .*the distance l2"):
        identity_distance(network, black, plain((1, 0, 0)))
    with pytest.raises(UserError, match="numbers that are not finite"):
        identity_distance(network, wrong, black)
    with pytest.raises(UserError, match=r"received \(1, 20, 20, 3\) and \(2, 20, 20, 3\)"):
        identity_distance(network, black, plain((1, 0, 0), (0, 1, 0)))
    with pytest.raises(UserError, match=r"expected finite images .* received \(1, 20, 20, 2\)"):
        identity_distance(network, black[..., :2], black[..., :2])
    with pytest.raises(UserError, match="expected one of cosine, l2, received l1"):
        identity_distance(network, black, black, "l1")
