"""LiteRT files: their weights, operators, kinds of numbers, sizes and description."""

import json
import os
import shutil
import subprocess

import keras
import numpy as np
import pytest
from exporting.networks import SIZE, exported, inputs_of, styled, unet
from keras import layers

from tfi2i.errors import UserError
from tfi2i.exporting import QUANTIZATIONS, ExportMismatch, convert, metadata_of, open_artefact
from tfi2i.exporting.litert import benchmark, fully_delegated, operators, with_metadata


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{quantisation: file} of one network."""
    folder = tmp_path_factory.mktemp("exports")
    path = exported(unet(), folder, formats=("litert",), quantizations=tuple(QUANTIZATIONS), min_psnr=15).path
    return {name: path / f"a.{name}.tflite" for name in QUANTIZATIONS}


def test_the_file_holds_the_weights(files):
    """Given a Keras model and not its variables, the converter writes a file without weights that answers NaN."""
    network = unet()
    assert files["float32"].stat().st_size > 4 * network.count_params()
    used = operators(files["float32"])
    assert used["CONV_2D"] == 4 and "TRANSPOSE_CONV" not in used  # see exporting.device_form
    assert not [name for name in used if "VAR" in name or name.startswith("Flex")]
    given = inputs_of(network)
    received = open_artefact(files["float32"])(**given)["image"]
    np.testing.assert_allclose(received, network(given["image"], training=False), atol=1e-5)


def test_quantised_files_are_smaller(files):
    size = {name: len(path.read_bytes()) for name, path in files.items()}
    assert size["float16"] < 0.7 * size["float32"] and size["dynamic"] < 0.6 * size["float32"]
    assert size["mixed_int8"] < 0.6 * size["float32"]  # of so small a network much is no weight


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "mixed_int8"])
def test_whole_on_the_delegate(files, name):
    assert fully_delegated(files[name])


def test_convolutions_in_8_bits_and_norms_in_floats():
    image = layers.Input((None, None, 3), name="image")
    network = keras.Model(image, layers.Conv2D(3, 3, padding="same")(layers.GroupNormalization(-1)(image)))
    examples = [inputs_of(network, 1)]
    content = convert(network, *SIZE, "mixed_int8", examples)
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors = graph.subgraphs[0].tensors
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    types = {
        names[graph.operatorCodes[each.opcodeIndex].builtinCode]: tensors[each.outputs[0]].type
        for each in graph.subgraphs[0].operators
    }
    assert types["CONV_2D"] == schema.TensorType.INT8 and types["RSQRT"] == schema.TensorType.FLOAT32


def test_an_operator_that_litert_lacks_is_named_and_nothing_is_left(tmp_path):
    image = layers.Input((None, None, 3), name="image")
    bicubic = keras.Model(image, layers.Resizing(16, 16, interpolation="bicubic")(image), name="bicubic")
    with pytest.raises(UserError, match=r"LiteRT cannot run ResizeBicubic in model 'bicubic'"):
        exported(bicubic, tmp_path)
    assert os.listdir(tmp_path / "a") == []


def test_too_great_a_loss_is_refused(tmp_path):
    with pytest.raises(ExportMismatch, match=r"a\.dynamic\.tflite is not the model: image has .*expected .* 90"):
        exported(unet(), tmp_path, formats=("litert",), quantizations=("float32", "dynamic"), min_psnr=90)
    assert os.listdir(tmp_path / "a") == []


def test_any_size(tmp_path):
    for network in (styled(), unet()):
        path = exported(network, tmp_path, formats=("litert",), size=None).path / "a.float32.tflite"
        opened, channels = open_artefact(path), network.inputs[0].shape[-1]
        assert opened.inputs["image"] == [1, None, None, channels] and opened.size is None
        assert metadata_of(path)["inputs"][0]["shape"] == [1, None, None, channels]
        for size in (SIZE, (20, 24), (64, 8)):
            given = inputs_of(network, 2, size)
            wanted = network(list(given.values()) if len(given) > 1 else given["image"], training=False)
            np.testing.assert_allclose(opened(**given)["image"], wanted, atol=1e-5)


def test_any_size_is_refused_where_the_delegate_would_leave_something_out(tmp_path):
    image = layers.Input((None, None, 3), name="image")
    wide = keras.Model(image, layers.Conv2DTranspose(3, 5, 2, "same")(image))
    with pytest.raises(UserError, match=r"--dynamic: of unknown size a is not one partition.*--size"):
        exported(wide, tmp_path, formats=("litert",), size=None)
    assert os.listdir(tmp_path / "a") == []


def test_the_description_is_read_without_this_package(files):
    if not shutil.which("unzip") and not os.environ.get("TFI2I_CI"):
        pytest.skip("needs unzip")
    command = ["unzip", "-p", files["float16"], "metadata.json"]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(read.stdout) == metadata_of(files["float16"]) and not read.stderr


def test_the_description_changes_no_answer(tmp_path):
    network = unet()
    content = convert(network, *SIZE)
    (tmp_path / "bare.tflite").write_bytes(content)
    (tmp_path / "described.tflite").write_bytes(with_metadata(content, {"name": "é"}))
    assert metadata_of(tmp_path / "bare.tflite") == {} and metadata_of(tmp_path / "described.tflite") == {"name": "é"}
    one, other = (open_artefact(tmp_path / f"{name}.tflite")(**inputs_of(network)) for name in ("bare", "described"))
    np.testing.assert_array_equal(one["image"], other["image"])
    assert fully_delegated(tmp_path / "described.tflite")


def test_the_benchmark_demands_full_delegation(tmp_path):
    image = layers.Input((None, None, 3), name="image")
    left_out = keras.Model(image, keras.ops.pad(image, [[0, 0], [3, 3], [3, 3], [0, 0]], "reflect"))
    (tmp_path / "pad.tflite").write_bytes(convert(left_out, *SIZE))
    assert not fully_delegated(tmp_path / "pad.tflite")
    with pytest.raises(RuntimeError, match=r"litert-benchmark failed on .*pad\.tflite"):
        benchmark(tmp_path / "pad.tflite", threads=1, runs=2)
    assert benchmark(tmp_path / "pad.tflite", 1, 2, require_full_delegation=False)["fully_accelerated"] is False
