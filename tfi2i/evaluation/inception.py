"""The Inception network of December 2015 (Szegedy et al. 2015), by which all published FID, KID and IS are measured.

It is another network than that of the paper and of `keras.applications`: 1008 outputs, average pools that don't count
what lies beyond the border, and a max pool in its last block. Its makers published a TensorFlow graph; mseitzer's
pytorch-fid a PyTorch file of the same weights. Both are read here: the graph runs as it is, the file fills our own
Keras network.

Before it pictures are brought to 299 x 299, which moves FID by several points, so each way has a name (Parmar et al.
2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation"):

    clean              clean-fid: Pillow's antialiased bicubic in float, not rounded, in [0, 255]; (x - 128) / 128
    legacy_pytorch     pytorch-fid: bilinear without antialiasing, pixels' centres at halves; 2 x / 255 - 1
    legacy_tensorflow  TTUR, OpenAI's IS, torch-fidelity: TensorFlow 1's bilinear, pixels' centres at corners;
                       (x - 128) / 128

Each may be had with either file of weights; their features differ by rounding alone.
"""

import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from keras import Input, Model, layers

from tfi2i.data import images
from tfi2i.data.download import sha256_of
from tfi2i.errors import UserError
from tfi2i.evaluation.weights import FILES, weight_file
from tfi2i.interop import pytorch_file

SIDE, FEATURES, CLASSES = 299, 2048, 1008
RESIZES = ("clean", "legacy_pytorch", "legacy_tensorflow")
_WEIGHTS = {"pt": "inception_pt", "tf": "inception_tf"}
_GRAPH = "classify_image_graph_def.pb"
_BN_EPSILON = 1e-3


class Inception:
    """Pictures -> what the network sees in them: float32 features (B, 2048) and logits (B, 1008).

    The logits lack the last layer's bias, as in OpenAI's program for IS and all that follow it.

    Args:
        weights: "pt", pytorch-fid's file, or "tf", the graph.
        resize: one of `RESIZES`.
        folder: where the file of weights lies, or the file itself; None: the cache, into which it is downloaded. For
            "tf" the archive or the classify_image_graph_def.pb of it.

    Attributes:
        sha256: of the file of weights.
        identity: what features depend on but the pictures, in one short line.

    Raises: `UserError` where the file is missing or holds another network.
    """

    def __init__(self, weights="pt", resize="clean", folder=None):
        if weights not in _WEIGHTS:
            raise UserError(f"weights of Inception (expected one of {', '.join(_WEIGHTS)}, received {weights})")
        if resize not in RESIZES:
            raise UserError(f"resize for Inception (expected one of {', '.join(RESIZES)}, received {resize})")
        self.resize, path = resize, _weights_at(_WEIGHTS[weights], folder)
        self.sha256 = sha256_of(path)
        self.identity = f"inception-2015-12-05 {weights} sha256:{self.sha256} resize:{resize}"
        self._network = (
            run_graph(read_graph(path)) if weights == "tf" else _compiled(network_of(pytorch_file.load(path)))
        )

    def __call__(self, pictures):
        """Of uint8 or uint16 pictures (H, W, 1 or 3), which may differ in size; grey ones are seen as RGB."""
        x = tf.stack([scaled(resized(rgb(picture), self.resize), self.resize) for picture in pictures])
        return tuple(np.asarray(found) for found in self._network(x))


def rgb(picture):
    """A picture as uint8 (H, W, 3). Raises `UserError` for what is none."""
    picture = np.asarray(picture)
    if picture.dtype not in (np.uint8, np.uint16) or picture.ndim != 3 or picture.shape[-1] not in (1, 3):
        raise UserError(
            "a picture for Inception (expected uint8 or uint16 of height x width x 1 or 3, "
            f"received {picture.dtype} of {' x '.join(map(str, picture.shape))}); see tfi2i.data.prepared.to_pixels"
        )
    return images.with_channels(images.to_uint8(picture), 3)


def resized(picture, resize):
    """uint8 (H, W, 3) -> float32 (299, 299, 3) in [0, 255]."""
    if resize == "clean":
        return np.clip(images.resize(picture.astype(np.float32), SIDE, SIDE, "bicubic"), 0.0, 255.0)
    halves = resize == "legacy_pytorch"
    return tf.raw_ops.ResizeBilinear(images=picture[None], size=[SIDE, SIDE], half_pixel_centers=halves)[0]


def scaled(image, resize):
    """[0, 255] -> what the network takes, about [-1, 1]."""
    return image / 127.5 - 1.0 if resize == "legacy_pytorch" else (image - 128.0) / 128.0


def _weights_at(name, place):
    if place is None:
        return weight_file(name)
    place = Path(place)
    if name == "inception_tf":  # known by its structure
        graphs = [place] if place.is_file() else sorted(place.rglob(_GRAPH))
        return graphs[0] if graphs else weight_file(name, place)
    if place.is_file():
        FILES[name].verify(place)
        return place
    return weight_file(name, place)


# The network in Keras -------------------------------------------------------------------------------------------------


def network_of(state):
    """Our network with the weights of a PyTorch state dict: (B, 299, 299, 3) -> features, logits without the bias."""
    network = build()
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights(_folded(state, layer.name.replace("-", ".")))
    network.get_layer("fc").set_weights([state["fc.weight"].T])
    return network


def _folded(state, name):
    """Kernel and bias of a convolution with the batch norm that follows it."""
    bn = {part: state[f"{name}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
    scale = bn["weight"] / np.sqrt(bn["running_var"] + np.float32(_BN_EPSILON))
    return [state[f"{name}.conv.weight"].transpose(2, 3, 1, 0) * scale, bn["bias"] - bn["running_mean"] * scale]


def build():
    """The network without weights. Convolutions have the PyTorch names, with - for the dots that Keras doesn't take."""
    x = image = Input((SIDE, SIDE, 3))
    x = _conv(x, "Conv2d_1a_3x3", 32, 3, strides=2, padding="valid")
    x = _conv(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _conv(x, "Conv2d_2b_3x3", 64, 3)  # (B, 147, 147, 64)
    x = layers.MaxPooling2D(3, 2)(x)
    x = _conv(x, "Conv2d_3b_1x1", 80, 1)
    x = _conv(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, 2)(x)  # (B, 35, 35, 192)
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _mixed_35(x, name, pooled)
    x = _to_17(x, "Mixed_6a")  # (B, 17, 17, 768)
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _mixed_17(x, name, width)
    x = _to_8(x, "Mixed_7a")  # (B, 8, 8, 1280)
    x = _mixed_8(x, "Mixed_7b", layers.AveragePooling2D)
    x = _mixed_8(x, "Mixed_7c", layers.MaxPooling2D)  # (B, 8, 8, 2048)
    features = layers.GlobalAveragePooling2D()(x)
    return Model(image, [features, layers.Dense(CLASSES, use_bias=False, name="fc")(features)])


def _conv(x, name, filters, kernel, strides=1, padding="same"):
    name = name.replace(".", "-")
    return layers.Conv2D(filters, kernel, strides, padding, activation="relu", name=name)(x)


def _mixed_35(x, name, pooled):
    one = _conv(x, f"{name}.branch1x1", 64, 1)
    five = _conv(_conv(x, f"{name}.branch5x5_1", 48, 1), f"{name}.branch5x5_2", 64, 5)
    three = _conv(_conv(x, f"{name}.branch3x3dbl_1", 64, 1), f"{name}.branch3x3dbl_2", 96, 3)
    three = _conv(three, f"{name}.branch3x3dbl_3", 96, 3)
    pool = _conv(layers.AveragePooling2D(3, 1, "same")(x), f"{name}.branch_pool", pooled, 1)
    return layers.Concatenate()([one, five, three, pool])


def _to_17(x, name):
    once = _conv(x, f"{name}.branch3x3", 384, 3, strides=2, padding="valid")
    twice = _conv(_conv(x, f"{name}.branch3x3dbl_1", 64, 1), f"{name}.branch3x3dbl_2", 96, 3)
    twice = _conv(twice, f"{name}.branch3x3dbl_3", 96, 3, strides=2, padding="valid")
    return layers.Concatenate()([once, twice, layers.MaxPooling2D(3, 2)(x)])


def _mixed_17(x, name, width):
    one = _conv(x, f"{name}.branch1x1", 192, 1)
    seven = _conv(x, f"{name}.branch7x7_1", width, 1)
    seven = _conv(seven, f"{name}.branch7x7_2", width, (1, 7))
    seven = _conv(seven, f"{name}.branch7x7_3", 192, (7, 1))
    twice = _conv(x, f"{name}.branch7x7dbl_1", width, 1)
    twice = _conv(twice, f"{name}.branch7x7dbl_2", width, (7, 1))
    twice = _conv(twice, f"{name}.branch7x7dbl_3", width, (1, 7))
    twice = _conv(twice, f"{name}.branch7x7dbl_4", width, (7, 1))
    twice = _conv(twice, f"{name}.branch7x7dbl_5", 192, (1, 7))
    pool = _conv(layers.AveragePooling2D(3, 1, "same")(x), f"{name}.branch_pool", 192, 1)
    return layers.Concatenate()([one, seven, twice, pool])


def _to_8(x, name):
    three = _conv(_conv(x, f"{name}.branch3x3_1", 192, 1), f"{name}.branch3x3_2", 320, 3, strides=2, padding="valid")
    seven = _conv(x, f"{name}.branch7x7x3_1", 192, 1)
    seven = _conv(seven, f"{name}.branch7x7x3_2", 192, (1, 7))
    seven = _conv(seven, f"{name}.branch7x7x3_3", 192, (7, 1))
    seven = _conv(seven, f"{name}.branch7x7x3_4", 192, 3, strides=2, padding="valid")
    return layers.Concatenate()([three, seven, layers.MaxPooling2D(3, 2)(x)])


def _mixed_8(x, name, pooling):
    one = _conv(x, f"{name}.branch1x1", 320, 1)
    three = _conv(x, f"{name}.branch3x3_1", 384, 1)
    twice = _conv(_conv(x, f"{name}.branch3x3dbl_1", 448, 1), f"{name}.branch3x3dbl_2", 384, 3)
    wide = [_conv(three, f"{name}.branch3x3_2{side}", 384, size) for side, size in (("a", (1, 3)), ("b", (3, 1)))]
    wide += [_conv(twice, f"{name}.branch3x3dbl_3{side}", 384, size) for side, size in (("a", (1, 3)), ("b", (3, 1)))]
    pool = _conv(pooling(3, 1, "same")(x), f"{name}.branch_pool", 192, 1)
    return layers.Concatenate()([one, *wide, pool])


def _compiled(network):
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)]
    return tf.function(lambda x: network(x, training=False), input_signature=signature)


# The graph of TensorFlow ----------------------------------------------------------------------------------------------

# What tells this graph from any other: its pools, and how it resizes and scales.
_MAX_POOLS = {"pool", "pool_1", "mixed_3/pool", "mixed_8/pool", "mixed_10/tower_2/pool"}
_MEAN_POOLS = {f"mixed{n}/tower_2/pool" for n in ("", "_1", "_2", "_4", "_5", "_6", "_7", "_9")} | {"pool_3"}
_CONVOLUTIONS = 94


def read_graph(path):
    """The GraphDef in a .pb or in the published archive. Raises `UserError` for another graph."""
    path = Path(path)
    try:
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                content = archive.extractfile(_GRAPH).read()
        else:
            content = path.read_bytes()
        graph = tf.compat.v1.GraphDef.FromString(content)
    except (DecodeError, KeyError, tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path}: no {_GRAPH} can be read from it ({error}); {_get_it()}") from error
    _check(graph, path)
    return graph


def run_graph(graph):
    """A function of scaled images (B, 299, 299, 3) -> features, logits without the bias.

    It runs in a session, for a function of TensorFlow 2 refuses its batch norms: their op is there for graphs of 2015
    only, and a function is always of today.
    """
    with tf.Graph().as_default() as old:
        x = tf.compat.v1.placeholder(tf.float32, (None, SIDE, SIDE, 3))
        returned = ["pool_3:0", "softmax/logits/MatMul"]
        pooled, product = tf.graph_util.import_graph_def(graph, input_map={"Mul:0": x}, return_elements=returned)
        features = tf.reshape(pooled, [-1, FEATURES])
        logits = tf.matmul(features, product.inputs[1])
    session = tf.compat.v1.Session(graph=old)
    return lambda images: session.run((features, logits), {x: np.asarray(images)})


def _check(graph, path):
    nodes = {node.name: node for node in graph.node}
    pools = {op: {name for name, node in nodes.items() if node.op == op} for op in ("MaxPool", "AvgPool")}
    convolutions = Counter(node.op for node in graph.node)["Conv2D"]
    found = [
        (f"{_CONVOLUTIONS} convolutions", convolutions == _CONVOLUTIONS),
        ("max pools where the published graph has them", pools["MaxPool"] == _MAX_POOLS),
        ("average pools where it has them", pools["AvgPool"] == _MEAN_POOLS),
        ("x - 128 named Sub", _constant(nodes, "Sub/y") == 128),
        ("x / 128 named Mul", _constant(nodes, "Mul/y") == 1 / 128),
        ("a product named softmax/logits/MatMul", "softmax/logits/MatMul" in nodes),
        ("ResizeBilinear with pixels' centres at corners", _resizes_as_published(nodes.get("ResizeBilinear"))),
    ]
    missing = [what for what, there in found if not there]
    if missing:
        raise UserError(
            f"{path}: not the Inception network of December 2015 (expected {'; '.join(missing)}; received a graph of "
            f"{len(nodes)} nodes, {convolutions} of them convolutions); {_get_it()}"
        )


def _constant(nodes, name):
    return tf.make_ndarray(nodes[name].attr["value"].tensor) if name in nodes else None


def _resizes_as_published(node):
    return node is not None and not node.attr["align_corners"].b and not node.attr["half_pixel_centers"].b


def _get_it():
    return f"get it from {FILES['inception_tf'].url}"
