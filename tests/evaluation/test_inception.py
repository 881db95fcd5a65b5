"""The Inception network of 2015 against the programs that publish numbers with it, on weights drawn from a seed.

`inception_reference.npz` holds, for the weights of `random_state` and the pictures of `pictures`, every 16th feature
and every 8th logit (without the bias) of pytorch-fid 0.3.0 ("legacy_pytorch"), of torch-fidelity 0.4.0
("legacy_tensorflow"), and of pytorch-fid's network behind clean-fid 0.1.35's resize ("clean"), all on PyTorch 2.13; of
the resized pictures, every 23rd row and column of the first one.
"""

import dataclasses
import io
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfi2i.data.download import sha256_of
from tfi2i.errors import UserError
from tfi2i.evaluation import inception, weights
from tfi2i.evaluation.inception import RESIZES, Inception, build, network_of, read_graph, resized, rgb

REFERENCE = Path(__file__).with_name("inception_reference.npz")


def random_state(seed=0):
    """A state dict of the names and shapes of pt_inception-2015-12-05-6726825d.pth, that keeps activations near 1."""
    rng, state = np.random.default_rng(seed), {}
    convolutions = {layer.name: layer.kernel.shape for layer in build().layers if hasattr(layer, "kernel")}
    fc = convolutions.pop("fc")
    for name, (height, width, before, after) in sorted(convolutions.items()):
        name = name.replace("-", ".")
        kernel = rng.standard_normal((after, before, height, width), np.float32)
        state[f"{name}.conv.weight"] = kernel * np.float32(np.sqrt(2 / (height * width * before)))
        for part, low, high in (("weight", 0.5, 1.5), ("bias", -0.2, 0.2), ("running_mean", -0.2, 0.2)):
            state[f"{name}.bn.{part}"] = rng.uniform(low, high, after).astype(np.float32)
        state[f"{name}.bn.running_var"] = rng.uniform(0.5, 1.5, after).astype(np.float32)
    state["fc.weight"] = rng.standard_normal(fc[::-1], np.float32) / np.float32(np.sqrt(fc[0]))
    state["fc.bias"] = rng.standard_normal(fc[1], np.float32)
    return state


def pictures():
    """One larger than 299 x 299, one smaller, one grey."""
    rng = np.random.default_rng(1)
    shapes = [(320, 410, 3), (48, 64, 3), (64, 48, 1)]
    coarse = [rng.integers(0, 256, (7, 9, shape[-1]), dtype=np.uint8) for shape in shapes]
    enlarged = [np.kron(c, np.ones((50, 50, 1), np.uint8))[: s[0], : s[1]] for c, s in zip(coarse, shapes, strict=True)]
    return [np.where(rng.random(e.shape) < 0.2, rng.integers(0, 256, e.shape), e).astype(np.uint8) for e in enlarged]


@pytest.fixture(scope="module")
def state():
    return random_state()


@pytest.fixture(scope="module")
def network(state):
    return network_of(state)


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


@pytest.fixture(scope="module")
def graph(network):
    """A GraphDef with our weights and what anything depends on in the published one: its names, its fixed batch of one,
    and an op that TensorFlow has long given up."""
    block = [layer for layer in network.layers if isinstance(layer, keras.layers.Concatenate)][-1]
    fc = network.get_layer("fc").kernel.numpy()

    def whole(image):
        x = tf.expand_dims(tf.cast(image, tf.float32), 0, name="ExpandDims")
        x = tf.raw_ops.ResizeBilinear(images=x, size=[299, 299], name="ResizeBilinear")
        x = tf.multiply(tf.subtract(x, 128.0, name="Sub"), 1 / 128, name="Mul")
        x = keras.Model(network.input, block.output)(x, training=False)
        x = tf.nn.avg_pool2d(x, 8, 1, "VALID", name="pool_3")
        return tf.matmul(tf.reshape(x, [1, 2048], name="pool_3/_reshape"), fc, name="softmax/logits/MatMul")

    frozen = convert_variables_to_constants_v2(tf.function(whole).get_concrete_function(tf.TensorSpec((None, None, 3))))
    return as_published(frozen.graph.as_graph_def())


def as_published(graph):
    names = {
        "MaxPool": ["pool", "pool_1", "mixed_3/pool", "mixed_8/pool", "mixed_10/tower_2/pool"],
        "AvgPool": [f"mixed{n}/tower_2/pool" for n in ("", "_1", "_2", "_4", "_5", "_6", "_7", "_9")] + ["pool_3"],
    }
    new = {}
    for op, named in names.items():
        new |= zip([node.name for node in graph.node if node.op == op], named, strict=True)
    for node in graph.node:
        node.name = new.get(node.name, node.name)
        inputs = [{"Mul": "conv/batchnorm"}.get(name, new.get(name, name)) for name in node.input]
        node.input[:] = inputs
    parameters = {"mean": 0.0, "variance": 0.999, "beta": 0.0, "gamma": 1.0}  # with epsilon 0.001: no change
    batch_norm = graph.node.add(name="conv/batchnorm", op="BatchNormWithGlobalNormalization", input=["Mul"])
    for name, value in parameters.items():
        constant = graph.node.add(name=f"conv/batchnorm/{name}", op="Const")
        constant.attr["dtype"].type = tf.float32.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(3, value, np.float32)))
        batch_norm.input.append(constant.name)
    batch_norm.attr["T"].type = tf.float32.as_datatype_enum
    batch_norm.attr["variance_epsilon"].f = 0.001
    batch_norm.attr["scale_after_normalization"].b = False
    graph.versions.producer = 8
    return graph


@pytest.mark.parametrize("resize", RESIZES)
def test_resizes_equal_their_programs(reference, resize):
    ours = np.asarray(resized(pictures()[0], resize))
    assert ours.shape == (299, 299, 3)
    np.testing.assert_allclose(ours[::23, ::23], reference[f"{resize}_resized"], atol=1e-3)  # of 255


def test_clean_is_pillows_bicubic_of_each_channel():
    picture = pictures()[1]
    green = Image.fromarray(picture[..., 1].astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resized(picture, "clean")[..., 1], np.clip(green, 0, 255))


def test_features_equal_their_programs(monkeypatch, tmp_path, state, reference):
    file = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    file.write_bytes(b"stands for the file")
    known = dataclasses.replace(weights.FILES["inception_pt"], sha256=sha256_of(file))
    monkeypatch.setitem(weights.FILES, "inception_pt", known)
    monkeypatch.setattr(inception.pytorch_file, "load", {file: state}.get)
    judge = Inception("pt", "clean", tmp_path)
    assert judge.sha256 == known.sha256
    assert judge.identity == f"inception-2015-12-05 pt sha256:{known.sha256} resize:clean"
    for resize in RESIZES:
        judge.resize = resize
        features, logits = judge(pictures())
        assert features.shape == (3, 2048) and logits.shape == (3, 1008) and features.dtype == np.float32
        for ours, name in ((features[:, ::16], "features"), (logits[:, ::8], "logits")):
            theirs = reference[f"{resize}_{name}"]
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def test_the_graph_runs_as_it_is(tmp_path, graph, reference):
    (tmp_path / "classify_image_graph_def.pb").write_bytes(graph.SerializeToString())
    judge = Inception("tf", "legacy_tensorflow", tmp_path)
    features, logits = judge(pictures())
    for ours, name in ((features[:, ::16], "features"), (logits[:, ::8], "logits")):
        theirs = reference[f"legacy_tensorflow_{name}"]
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())

    with tf.Graph().as_default() as old:  # with its own resize and scaling
        picture = tf.constant(pictures()[1][None], tf.float32)
        returned = ["pool_3:0", "softmax/logits/MatMul:0"]
        found = tf.graph_util.import_graph_def(graph, input_map={"ExpandDims:0": picture}, return_elements=returned)
    with tf.compat.v1.Session(graph=old) as session:
        pooled, product = session.run(found)
    np.testing.assert_allclose(features[1], np.ravel(pooled), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits[1], np.ravel(product), rtol=1e-5, atol=1e-4)


def test_the_graph_in_its_archive_and_other_graphs(tmp_path, graph):
    content = graph.SerializeToString()
    archive = tmp_path / "inception-2015-12-05.tgz"
    with tarfile.open(archive, "w:gz", compresslevel=0) as tar:
        member = tarfile.TarInfo("classify_image_graph_def.pb")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    assert read_graph(archive) == graph

    other = tf.compat.v1.GraphDef.FromString(content)
    last = next(node for node in other.node if node.name == "mixed_10/tower_2/pool")
    last.op = "AvgPool"  # what the Inception network of 2016 has there
    file = tmp_path / "other.pb"
    file.write_bytes(other.SerializeToString())
    with pytest.raises(UserError, match="expected max pools where the published graph has them; average pools"):
        read_graph(file)
    file.write_bytes(b"\xff no graph")
    with pytest.raises(UserError, match=r"classify_image_graph_def.pb can be read from it"):
        read_graph(file)
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("LICENSE"))
    with pytest.raises(UserError, match=r"classify_image_graph_def.pb can be read from it"):
        read_graph(archive)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no pt_inception-2015-12-05-6726825d.pth in it"):
        Inception("pt", folder=tmp_path)
    file = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    file.write_bytes(b"another network")
    for place in (file, tmp_path):
        with pytest.raises(UserError, match="expected SHA-256 6726825d"):
            Inception("pt", folder=place)
    with pytest.raises(UserError, match="expected one of pt, tf, received keras"):
        Inception("keras", folder=tmp_path)
    with pytest.raises(UserError, match="expected one of clean, legacy_pytorch, legacy_tensorflow, received bicubic"):
        Inception("pt", "bicubic", folder=tmp_path)


def test_pictures():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    np.testing.assert_array_equal(rgb(grey), np.repeat(grey, 3, -1))
    np.testing.assert_array_equal(rgb(grey.astype(np.uint16) * 257), np.repeat(grey, 3, -1))
    for bad in (grey[..., 0], np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3), np.float32)):
        with pytest.raises(UserError, match="expected uint8 or uint16 of height x width x 1 or 3, received"):
            rgb(bad)
