"""Small SavedModels with the signatures of an export, for what calls them: the C program, servers and their client."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

STYLE = 3


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """A folder of exports: plain/1 and plain/2 of images, styled/1 of images and styles, noisy/1 of noise."""
    folder = tmp_path_factory.mktemp("exports")
    for place, inputs in {
        "plain/1": ["image"],
        "plain/2": ["image"],
        "styled/1": ["image", "style"],
        "noisy/1": ["noise"],
    }.items():
        module, found = network(inputs, seed=len(place) + int(place[-1]))
        tf.saved_model.save(module, str(folder / place), signatures=found)
    (folder / "plain" / "models.config").write_text("")  # a server passes by what is no version
    (folder / "plain" / "3.partial").mkdir()
    return folder


@pytest.fixture(scope="session")
def png():
    """A picture (20, 28, 3), and it as a PNG file."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return pixels, file.getvalue()


def network(inputs, seed):
    """Convolution, instance norm, style and convolution; its signatures in floats, 8-bit pixels and files.

    AtoB_bytes has a second output.
    """
    module, random = tf.Module(), np.random.default_rng(seed)
    module.kernels = [
        tf.Variable(random.normal(0, 0.2, shape).astype("float32"))
        for shape in ((5, 5, 3, 16), (STYLE, 16), (3, 3, 16, 3))
    ]
    down, mix, up = module.kernels

    def translate(given):
        x = given["image"] if "image" in given else tf.reshape(given["noise"], [-1, 4, 4, 3])
        x = tf.nn.conv2d(x, down, 1, "SAME")
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        x = tf.nn.relu((x - mean) * tf.math.rsqrt(variance + 1e-5))
        if "style" in given:
            x *= 1 + tf.matmul(given["style"], mix)[:, None, None]
        return tf.tanh(tf.nn.conv2d(x, up, 1, "SAME"))

    def pixels(image):
        return tf.cast(tf.round((image + 1) * 127.5), tf.uint8)

    def floats(image):
        return tf.cast(image, tf.float32) / 127.5 - 1

    def one_file(given):
        if "image_bytes" in given:
            given["image"] = floats(tf.io.decode_png(given.pop("image_bytes"), 3))
        return tf.io.encode_png(pixels(translate({name: x[None] for name, x in given.items()}))[0])

    vectors = {"style": [None, STYLE], "noise": [None, 48]}

    def signature(form, dtype, suffix=""):
        specs = [
            tf.TensorSpec([None] if suffix else [None, None, None, 3], dtype, name + suffix)
            if name == "image"
            else tf.TensorSpec(vectors[name], tf.float32, name)
            for name in inputs
        ]
        names = [spec.name for spec in specs]
        return tf.function(lambda *given: form(dict(zip(names, given, strict=True))), input_signature=specs)

    def as_pixels(given):
        return {"image": pixels(translate({n: floats(x) if x.dtype == tf.uint8 else x for n, x in given.items()}))}

    def as_files(given):
        return {"image_bytes": tf.map_fn(one_file, given, fn_output_signature=tf.string)}

    found = {
        "serving_default": signature(lambda given: {"image": translate(given)}, tf.float32),
        "serve_uint8": signature(as_pixels, tf.uint8),
        "serve_bytes": signature(as_files, tf.string, "_bytes"),
    }
    if "image" in inputs:
        found["AtoB_bytes"] = signature(
            lambda given: {"attention_bytes": given["image_bytes"], **as_files(given)}, tf.string, "_bytes"
        )
    return module, found
