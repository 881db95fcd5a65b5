"""What a server takes: pixels and files of any size, as `tfi2i translate` takes them; and what it refuses."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from exporting.networks import STRIDE, inputs_of, styled, unet
from keras import layers
from PIL import Image

from tfi2i.data import images
from tfi2i.exporting.signatures import bytes_signature, float_signature, signatures, uint8_signature
from tfi2i.translation import Network, translated


def pixels(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, format, **options)
    return file.getvalue()


def by_translate(network, content, tmp_path):
    """The pixels that `tfi2i translate` would write."""
    (tmp_path / "a").write_bytes(content)
    called = Network(lambda x: np.asarray(network(x, training=False)), STRIDE, network.inputs[0].shape[-1])
    return translated(called, images.read_picture(tmp_path / "a"))[0]


FILES = {
    "png": encoded(pixels(20, 33)),
    "jpeg": encoded(pixels(31, 18), "JPEG", quality=95, subsampling=0),
    "grey": encoded(pixels(9, 40)[..., 0]),
    "transparent": encoded(pixels(24, 17, 4)),
    "palette": encoded(Image.fromarray(pixels(16, 16)).quantize(32)),
    "one pixel high": encoded(pixels(1, 12)),
}


@pytest.fixture(scope="module")
def network():
    return unet()


@pytest.fixture(scope="module")
def serve_bytes(network):
    return bytes_signature(network, STRIDE, None)


@pytest.mark.parametrize("name", FILES)
def test_files_as_translate_takes_them(network, serve_bytes, name, tmp_path):
    (answer,) = serve_bytes(tf.constant([FILES[name]]))["image_bytes"].numpy()
    received = np.asarray(Image.open(io.BytesIO(answer)))
    wanted = by_translate(network, FILES[name], tmp_path)
    wanted = images.with_channels(wanted, 3) if wanted.shape[-1] == 1 and received.ndim == 3 else wanted
    if name == "grey":  # the command keeps grey files grey
        received = images.with_channels(received, 1)
        wanted = images.with_channels(wanted, 1)
    assert received.shape == wanted.shape
    assert np.abs(received.astype(int) - wanted).max() <= 1


def test_a_batch_of_files_of_different_sizes(serve_bytes):
    answers = serve_bytes(tf.constant([FILES["png"], FILES["jpeg"]]))["image_bytes"].numpy()
    assert [Image.open(io.BytesIO(answer)).size for answer in answers] == [(33, 20), (18, 31)]
    (alone,) = serve_bytes(tf.constant([FILES["jpeg"]]))["image_bytes"].numpy()
    assert alone == answers[1]


def test_grey_is_lumas(tmp_path):
    """A network of one channel sees what Pillow makes of a colour picture, to the bit."""
    image = layers.Input((None, None, 1), name="image")
    same = keras.Model(image, layers.Activation("linear")(image))
    content = encoded(pixels(16, 16))
    (answer,) = bytes_signature(same, 1, None)(tf.constant([content]))["image_bytes"].numpy()
    wanted = Image.open(io.BytesIO(content)).convert("L")
    np.testing.assert_array_equal(Image.open(io.BytesIO(answer)), wanted)


def header_of(width, height):
    return encoded(pixels(1, 1))[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a JPEG or PNG file"),
        (b"garbage" * 9, "expected a JPEG or PNG file"),
        (encoded(pixels(8, 8), "GIF"), "expected a JPEG or PNG file"),
        (encoded(pixels(8, 8), "WEBP"), "expected a JPEG or PNG file"),
        (b"\x89PNG\r\n\x1a\n", "expected a JPEG or PNG file"),
        (header_of(3000, 2000), "expected at most 4194304 pixels"),
        (header_of(2**31 - 1, 2**31 - 1), "expected at most 4194304 pixels"),
        (header_of(0, 5), "expected at most 4194304 pixels"),
        (FILES["png"][:200], "PNG"),
        (FILES["jpeg"][:300], "JPEG"),
    ],
    ids=[
        "empty",
        "garbage",
        "gif",
        "webp",
        "png's first bytes",
        "large",
        "huge",
        "no width",
        "half a png",
        "half a jpeg",
    ],
)
def test_what_a_stranger_may_send(serve_bytes, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serve_bytes(tf.constant([content]))


@pytest.mark.parametrize("size", [(32, 48), (21, 30), (3, 2), (1, 1)])
def test_pixels_of_any_size(network, size, tmp_path):
    batch = np.stack([pixels(*size, seed=seed) for seed in range(2)])
    received = uint8_signature(network, STRIDE, None)(tf.constant(batch))["image"].numpy()
    assert received.shape == batch.shape
    if min(size) > STRIDE:  # below, the command's padding is the edge's
        for one, answer in zip(batch, received, strict=True):
            assert np.abs(answer.astype(int) - by_translate(network, encoded(one), tmp_path)).max() <= 1


def test_a_network_of_one_size_has_pictures_resized():
    image = layers.Input((16, 16, 3), name="image")
    same = keras.Model(image, layers.Activation("linear")(image))
    given = np.full((1, 40, 30, 3), 77, np.uint8)
    np.testing.assert_array_equal(uint8_signature(same, 4, None)(tf.constant(given))["image"], given)


def test_super_resolution_is_asked_for_a_scale():
    image = layers.Input((None, None, 3), name="image")
    double = keras.Model(image, layers.UpSampling2D(2)(image))
    given = pixels(10, 12)[None]
    serve, serve_files = uint8_signature(double, 1, 2), bytes_signature(double, 1, 2)
    np.testing.assert_array_equal(
        serve(tf.constant(given), tf.constant([2.0]))["image"], np.kron(given, np.ones((1, 2, 2, 1)))
    )
    assert serve(tf.constant(given), tf.constant([1.5]))["image"].shape == (1, 15, 18, 3)
    files = tf.constant([encoded(given[0]), encoded(pixels(8, 8))])
    answers = serve_files(files, tf.constant([1.5, 2.0]))["image_bytes"].numpy()
    assert [Image.open(io.BytesIO(answer)).size for answer in answers] == [(18, 15), (16, 16)]
    for wrong in (0.0, 2.5, float("nan")):
        with pytest.raises(tf.errors.InvalidArgumentError, match="scale"):
            serve(tf.constant(given), tf.constant([wrong]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="the images of one batch have one scale"):
        serve(tf.constant(np.repeat(given, 2, 0)), tf.constant([2.0, 1.0]))


def test_attention_is_a_second_answer():
    image = layers.Input((None, None, 3), name="image")
    heat = layers.AveragePooling2D(4)(keras.ops.sum(image, -1, keepdims=True))
    attentive = keras.Model(image, {"image": layers.Activation("linear")(image), "attention": heat})
    given = pixels(18, 26)
    floats = float_signature(attentive)(tf.constant(given[None, :16, :24] / np.float32(127.5) - 1))
    assert floats["attention"].shape == (1, 4, 6, 1)
    assert uint8_signature(attentive, 4, None)(tf.constant(given[None]))["attention"].dtype == tf.float32
    files = bytes_signature(attentive, 4, None)(tf.constant([encoded(given)]))
    sizes = {name: Image.open(io.BytesIO(answer.numpy()[0])).size for name, answer in files.items()}
    assert sizes == {"image_bytes": (26, 18), "attention_bytes": (26, 18)}


def test_the_names_of_two_ways():
    found = signatures({"AtoB": styled(), "BtoA": styled(seed=1)}, STRIDE)
    first = ["serving_default", "serve_uint8", "serve_bytes"]
    both = [f"{way}{form}" for way in ("AtoB", "BtoA") for form in ("", "_uint8", "_bytes")]
    assert list(found) == first + both
    spec = found["serve_bytes"].input_signature
    assert [(each.name, each.dtype, each.shape.as_list()) for each in spec] == [
        ("image_bytes", tf.string, [None]),
        ("style", tf.float32, [None, 5]),
    ]


def test_a_style_for_each_image():
    network = styled()
    given = inputs_of(network, 2, (16, 16))
    files = tf.constant([encoded(np.uint8(np.round((image[..., 0] + 1) * 127.5))) for image in given["image"]])
    answers = bytes_signature(network, STRIDE, None)(files, tf.constant(given["style"]))["image_bytes"].numpy()
    wanted = np.asarray(network(list(given.values()), training=False))
    for answer, image in zip(answers, wanted, strict=True):
        decoded = np.asarray(Image.open(io.BytesIO(answer)), int)
        assert np.abs(decoded - np.round((image + 1) * 127.5)).max() <= 1
