"""What a server calls: each way of a model as a function of floats, of 8-bit pixels and of encoded files.

Inputs and outputs have names: `image`, or `image_bytes` where it is a JPEG or PNG file (REST sends what ends in _bytes
as base64), and what the network takes beside: `style`, `label`, `noise`, `scale`. Of U-GAT-IT, on request, `attention`.
"""

import tensorflow as tf

from tfi2i.data.images import LUMA
from tfi2i.exporting.network import SIGNATURE, answers, is_image, output_names

MAX_PIXELS = 2**22  # of an encoded image; the first layer of a ResNet generator makes 1 GiB of so many
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def signatures(ways, stride=1, scale=None):
    """{key: tf.function} for `tf.saved_model.save`, all over the networks' one copy of their weights.

    The first way has the keys `serving_default` (floats), `serve_uint8` and `serve_bytes`; of several, each also has
    NAME, NAME_uint8 and NAME_bytes.

    Args:
        ways: {name: functional keras.Model}.
        stride: height and width that the networks take are multiples of it; the 8-bit and the encoded form take any.
        scale: of super-resolution, the network's factor; these two forms then have an input `scale`, the factor asked
            for: float32 (B,), above 0 and at most the network's.
    """
    found = {}
    for name, network in ways.items():
        forms = {
            "": float_signature(network),
            "_uint8": uint8_signature(network, stride, scale),
            "_bytes": bytes_signature(network, stride, scale),
        }
        if not found:
            found = {SIGNATURE: forms[""], "serve_uint8": forms["_uint8"], "serve_bytes": forms["_bytes"]}
        if len(ways) > 1:
            found |= {name + suffix: form for suffix, form in forms.items()}
    return found


def float_signature(network, batch=None, size=None):
    """The network as it is: float32 images (B, H, W, C) in [-1, 1], vectors (B, S).

    Args:
        batch, size: B and (H, W), where these are fixed.
    """
    specs = [
        tf.TensorSpec([batch, *(size or x.shape[1:3]), x.shape[3]] if is_image(x) else [batch, x.shape[1]], name=x.name)
        for x in network.inputs
    ]
    return tf.function(lambda *inputs: answers(network, inputs), input_signature=specs)


def uint8_signature(network, stride, scale):
    """uint8 images (B, H, W, C) of any one size to uint8 images of that size; vectors as they are."""
    specs = [
        tf.TensorSpec([None, None, None, x.shape[3]], tf.uint8, x.name)
        if is_image(x)
        else tf.TensorSpec([None, x.shape[1]], tf.float32, x.name)
        for x in network.inputs
    ]

    def serve(*inputs):
        inputs, factor = _split(inputs, scale)
        if factor is not None:
            same = tf.debugging.assert_equal(factor, factor[0], "the images of one batch have one scale")
            with tf.control_dependencies([same]):
                factor = factor[0]
        floats = [_to_float(x) if x.dtype == tf.uint8 else x for x in inputs]
        given = _at_any_size(network, floats, stride, scale, factor)
        return given | {"image": _to_pixels(given["image"])}

    return tf.function(serve, input_signature=specs + _scale_spec(scale))


def bytes_signature(network, stride, scale):
    """JPEG or PNG files (B,), each of its own size, to PNG files (B,)."""
    specs = [
        tf.TensorSpec([None], tf.string, f"{x.name}_bytes")
        if is_image(x)
        else tf.TensorSpec([None, x.shape[1]], tf.float32, x.name)
        for x in network.inputs
    ]
    names = [f"{name}_bytes" for name in output_names(network)]

    def one(inputs):
        inputs, factor = _split(inputs, scale)
        floats = [
            decoded(x, tensor.shape[3]) if is_image(tensor) else x
            for x, tensor in zip(inputs, network.inputs, strict=True)
        ]
        given = _at_any_size(network, [x[None] for x in floats], stride, scale, factor)
        if "attention" in given:
            given["attention"] = _as_image(given["attention"], tf.shape(given["image"])[1:3])
        return {name: tf.io.encode_png(_to_pixels(x[0])) for name, x in zip(names, given.values(), strict=True)}

    def serve(*inputs):
        # One after the other: side by side TensorFlow 2.21 gave one picture in some hundreds a wholly wrong answer.
        return tf.map_fn(one, inputs, parallel_iterations=1, fn_output_signature=dict.fromkeys(names, tf.string))

    return tf.function(serve, input_signature=specs + _scale_spec(scale))


def decoded(content, channels):
    """A JPEG or PNG file, a scalar string, as float32 (H, W, channels) in [-1, 1]; transparency lies on white.

    Other formats are refused, since TensorFlow's decoders of these can't be trusted with a stranger's bytes; so is what
    its header declares larger than `MAX_PIXELS`, before it is decoded. A camera's note on which side is up is not read.
    """
    is_png = (tf.strings.substr(content, 0, 8) == _PNG) & (tf.strings.length(content) >= 24)
    is_jpeg = tf.strings.substr(content, 0, 3) == _JPEG
    known = tf.debugging.Assert(is_png | is_jpeg, ["expected a JPEG or PNG file"])
    with tf.control_dependencies([known]):
        pixels = tf.cond(is_png, lambda: _decoded_png(content), lambda: _decoded_jpeg(content))
    return _to_float(_with_channels(pixels, channels))


def _decoded_png(content):
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.uint8), tf.int64)
    width, height = (tf.tensordot(header[k : k + 4], tf.constant([2**24, 2**16, 2**8, 1], tf.int64), 1) for k in (0, 4))
    with tf.control_dependencies([_few_enough(height, width)]):
        pixels = tf.cast(tf.io.decode_png(content, channels=4), tf.int32)
    alpha = pixels[..., 3:]
    return (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255  # as data.images.on_white


def _decoded_jpeg(content):
    height, width, _ = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(content), tf.int64), num=3)
    with tf.control_dependencies([_few_enough(height, width)]):
        pixels = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.cast(pixels, tf.int32)


def _few_enough(height, width):
    few = (height > 0) & (width > 0) & (height * width <= MAX_PIXELS)
    return tf.debugging.Assert(few, [f"expected at most {MAX_PIXELS} pixels, received", height, "x", width])


def _with_channels(pixels, channels):
    """int32 (H, W, 3) -> (H, W, channels), grey as data.images.with_channels makes it, to the bit."""
    if channels == 3:
        return pixels
    return tf.bitwise.right_shift(tf.reduce_sum(pixels * tf.constant(LUMA), -1, keepdims=True) + 2**15, 16)


def _at_any_size(network, inputs, stride, scale, factor):
    """Answers to images of any size, of that size or, in super-resolution, `factor` times it.

    The images are mirrored at the right and at the bottom up to a multiple of `stride`, and the answers cut. A network
    of one size has them resized to it, and its answers back.
    """
    (place,) = [k for k, tensor in enumerate(network.inputs) if is_image(tensor)] or [None]
    if place is None:
        return answers(network, inputs)
    x, fixed = inputs[place], _fixed_size(network)
    size = tf.shape(x)[1:3]
    if fixed:
        brought = tf.image.resize(x, fixed, "bicubic", antialias=True)
    else:
        brought = _mirrored(_mirrored(x, 1, stride), 2, stride)
    given = answers(network, [*inputs[:place], brought, *inputs[place + 1 :]])
    y = given["image"]
    if fixed:
        y = tf.image.resize(y, size, "bicubic", antialias=True)
    else:
        y = y[:, : size[0] * (scale or 1), : size[1] * (scale or 1)]
    if factor is not None:
        possible = tf.debugging.Assert(
            (factor > 0.0) & (factor <= scale), [f"expected a scale up to {scale}, got", factor]
        )
        with tf.control_dependencies([possible]):
            wanted = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * factor), tf.int32), 1)
        y = tf.cond(factor == scale, lambda: y, lambda: tf.image.resize(y, wanted, "bicubic", antialias=True))
    return given | {"image": y}


def _mirrored(x, axis, multiple):
    """Continues x as in a mirror to the next multiple, the edge itself not repeated; several times where x is short."""
    length = tf.shape(x)[axis]
    period = tf.maximum(2 * (length - 1), 1)
    at = tf.range(-(-length // multiple) * multiple) % period
    return tf.gather(x, tf.minimum(at, period - at), axis=axis)


def _fixed_size(network):
    """The one (H, W) that a network takes or that its answers have; None where the picture's will do."""
    for tensor in (*network.inputs, network.outputs[0]):
        if is_image(tensor) and tensor.shape[1]:
            return tensor.shape[1:3]
    return None


def _scale_spec(scale):
    return [tf.TensorSpec([None], tf.float32, "scale")] if scale else []


def _split(inputs, scale):
    """The network's inputs, and the factor that super-resolution is asked for."""
    return (inputs[:-1], inputs[-1]) if scale else (inputs, None)


def _as_image(attention, size):
    """A heat map (1, h, w, 1) from its coldest to its hottest as grey in [-1, 1], (1, H, W, 1)."""
    low, high = tf.reduce_min(attention), tf.reduce_max(attention)
    return tf.image.resize(2.0 * tf.math.divide_no_nan(attention - low, high - low) - 1.0, size)


def _to_float(pixels):
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def _to_pixels(image):
    return tf.cast(tf.round((tf.clip_by_value(image, -1.0, 1.0) + 1.0) * 127.5), tf.uint8)
