"""Two small generators, exported, read back from disk and compared with themselves."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfi2i.errors import UserError
from tfi2i.exporting import (
    ExportMismatch,
    export_litert,
    export_saved_model,
    open_artefact,
    verify,
    write_report,
)
from tfi2i.exporting import saved_model as saved_model_file

SIZE = (32, 48)
STRIDE = 4


def unet(seed=0):
    """3 to 3 channels; batch norm, skip connection, transposed convolutions."""
    image = layers.Input((None, None, 3))
    down1 = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(8, 4, 2, "same")(image))  # (B, H/2, W/2, 8)
    down2 = layers.Conv2D(16, 4, 2, "same")(down1)  # (B, H/4, W/4, 16)
    down2 = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(down2))
    up1 = layers.Conv2DTranspose(8, 4, strides=2, padding="same")(down2)  # (B, H/2, W/2, 8)
    up1 = layers.Concatenate()([layers.ReLU()(layers.BatchNormalization()(up1)), down1])
    up2 = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(up1)  # (B, H, W, 3)
    return randomised(keras.Model(image, up2, name="unet"), seed)


def resnet(seed=0):
    """1 to 3 channels; instance norm and residual blocks."""
    image = layers.Input((None, None, 1))
    x = layers.Conv2D(8, 7, padding="same")(image)
    x = layers.ReLU()(layers.GroupNormalization(-1)(layers.Conv2D(16, 3, 2, "same")(x)))  # (B, H/2, W/2, 16)
    for _ in range(2):
        block = layers.ReLU()(layers.GroupNormalization(-1)(layers.Conv2D(16, 3, padding="same")(x)))
        x = layers.Add()([x, layers.GroupNormalization(-1)(layers.Conv2D(16, 3, padding="same")(block))])
    x = layers.ReLU()(layers.Conv2DTranspose(8, 4, strides=2, padding="same")(x))  # (B, H, W, 8)
    return randomised(
        keras.Model(image, layers.Conv2D(3, 7, padding="same", activation="tanh")(x), name="resnet"), seed
    )


def randomised(model, seed):
    """No weight at its default, so that none can be lost unseen."""
    random = np.random.default_rng(seed)
    model.set_weights(
        [
            random.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else random.normal(0, 0.1, w.shape)
            for w in model.get_weights()
        ]
    )
    return model


def pictures(generator, batch=2, size=SIZE):
    shape = (batch, *size, generator.inputs[0].shape[-1])
    return np.random.default_rng(7).uniform(-1, 1, shape).astype("float32")


@pytest.fixture(scope="module", params=[unet, resnet])
def generator(request):
    return request.param()


@pytest.fixture(scope="module")
def saved_model(generator, tmp_path_factory):
    return export_saved_model(generator, tmp_path_factory.mktemp("export") / "serving")


@pytest.fixture(scope="module")
def litert(generator, tmp_path_factory):
    return export_litert(generator, tmp_path_factory.mktemp("export") / "new" / "G.tflite", *SIZE)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", [SIZE, (64, 40)])
def test_saved_model_equals_the_model_at_any_batch_and_size(generator, saved_model, batch, size):
    report = verify(generator, saved_model, pictures(generator, batch, size))
    assert report.images == batch and report.max_error <= 1e-5 and report.psnr > 90


def test_saved_model_has_one_signature_with_the_given_name(generator, tmp_path):
    loaded = tf.saved_model.load(export_saved_model(generator, tmp_path, name="photo"))
    assert list(loaded.signatures) == ["serving_default"]
    signature, channels = loaded.signatures["serving_default"], generator.inputs[0].shape[-1]
    (image,) = signature.structured_input_signature[1].values()
    assert (image.name, image.dtype, image.shape.as_list()) == ("photo", tf.float32, [None, None, None, channels])
    assert list(signature.structured_outputs) == ["photo"]


def test_litert_equals_the_model(generator, litert):
    report = verify(generator, litert, pictures(generator, batch=3))
    assert report.images == 3 and report.psnr > 90


def test_litert_holds_its_weights(generator, litert):
    assert litert.stat().st_size > 4 * generator.count_params()
    operators = built_in_operators(litert)
    assert "CONV_2D" in operators and "TRANSPOSE_CONV" in operators
    assert not [name for name in operators if "VAR" in name or name.startswith("Flex")]
    assert np.isfinite(open_artefact(litert)(pictures(generator))).all()


def built_in_operators(path):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is a test dependency")
    return [detail["op_name"] for detail in interpreter.Interpreter(str(path))._get_ops_details()]


def test_litert_runs_whole_on_the_delegate(litert):
    compiled_model = pytest.importorskip("ai_edge_litert.compiled_model", reason="ai-edge-litert is a test dependency")
    assert compiled_model.CompiledModel.from_file(str(litert)).is_fully_accelerated()


def test_open_artefact_tells_what_it_takes(generator, saved_model, litert):
    channels = generator.inputs[0].shape[-1]
    served, mobile = open_artefact(saved_model), open_artefact(litert)
    assert (served.format, served.size, served.channels, served.stride) == ("SavedModel", None, channels, 1)
    assert (mobile.format, mobile.size, mobile.channels, mobile.stride) == ("LiteRT", SIZE, channels, 1)
    with pytest.raises(ValueError, match=r"Received: \(1, 8, 8, 5\)"):
        served(np.zeros((1, 8, 8, 5), "float32"))
    with pytest.raises(ValueError, match=r"\[32, 48, .\].* Received: \(1, 32, 32"):
        mobile(pictures(generator, 1, (32, 32)))


def test_report_describes_the_artefact(generator, tmp_path):
    channels = generator.inputs[0].shape[-1]
    for path, size in [
        (export_saved_model(generator, tmp_path), [None] * 3),
        (export_litert(generator, tmp_path / "G.tflite", *SIZE), [1, *SIZE]),
    ]:
        report = verify(generator, path, pictures(generator))
        record = json.loads(write_report(report, stride=STRIDE).read_text())
        inputs, outputs = {"image": [*size, channels]}, {"image": [*size, 3]}
        if path.is_dir():
            outputs = {"image": [None, None, None, 3]}
        assert record["signature"] == {"name": "serving_default", "inputs": inputs, "outputs": outputs}
        assert (record["stride"], record["value_range"], record["dtype"]) == (STRIDE, [-1, 1], "float32")
        assert record["difference_from_model"]["max"] == report.max_error
        assert record["versions"]["keras"] == keras.__version__
        folder = path if path.is_dir() else path.parent
        for name, described in record["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == described["sha256"]
        assert open_artefact(path).stride == STRIDE
    assert sorted(os.listdir(tmp_path)) == ["1", "G.export.json", "G.tflite"]
    assert {"saved_model.pb", "variables/variables.index"} <= json.loads((tmp_path / "1/export.json").read_text())[
        "files"
    ].keys()


def changed_weight(path, generator):
    """Adds 1 to the first number of the first kernel, where the file holds it."""
    content = path.read_bytes()
    kernel = generator.get_weights()[0].transpose(3, 0, 1, 2).astype("<f4").tobytes()  # LiteRT's order: O, kH, kW, I
    assert content.count(kernel) == 1
    first = np.frombuffer(kernel[:4], "<f4") + np.float32(1)
    path.write_bytes(content.replace(kernel, first.tobytes() + kernel[4:]))


def test_one_changed_weight_is_detected(generator, tmp_path):
    path = export_litert(generator, tmp_path / "G.tflite", *SIZE)
    record = write_report(verify(generator, path, pictures(generator)), stride=STRIDE)
    changed_weight(path, generator)
    with pytest.raises(UserError, match=r"damaged export: .*G\.tflite"):
        open_artefact(path)
    record.unlink()
    with pytest.raises(ExportMismatch, match=r"G\.tflite differs from the model"):
        verify(generator, path, pictures(generator))


def test_a_damaged_saved_model_is_detected(generator, tmp_path):
    path = export_saved_model(generator, tmp_path)
    write_report(verify(generator, path, pictures(generator)), stride=STRIDE)
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"added by its user")
    open_artefact(path)
    (variables,) = path.glob("variables/*.data*")
    variables.write_bytes(variables.read_bytes()[::-1])
    with pytest.raises(UserError, match="damaged export"):
        open_artefact(path)
    (path / "export.json").write_text("{")
    with pytest.raises(UserError, match=r"damaged file: .*export\.json"):
        open_artefact(path)


def test_the_artefact_of_another_generator_is_detected(generator, saved_model, litert):
    other = {"unet": unet, "resnet": resnet}[generator.name](seed=1)
    for artefact in (saved_model, litert):
        with pytest.raises(ExportMismatch, match="differs from the model"):
            verify(other, artefact, pictures(generator))


def test_nan_is_a_mismatch(tmp_path):
    generator = unet()
    artefact = export_saved_model(generator, tmp_path)
    generator.set_weights([np.full(w.shape, np.nan) for w in generator.get_weights()])
    with pytest.raises(ExportMismatch, match="nan"):
        verify(generator, artefact, pictures(generator))


def test_versions_count_up_and_the_highest_is_opened(tmp_path):
    first, second = unet(), unet(seed=1)
    assert export_saved_model(first, tmp_path) == tmp_path / "1"
    (tmp_path / "7").mkdir()
    assert export_saved_model(second, tmp_path) == tmp_path / "8"
    assert sorted(os.listdir(tmp_path)) == ["1", "7", "8"]
    verify(second, tmp_path, pictures(second))
    verify(first, tmp_path / "1", pictures(first))
    assert (tmp_path / "8").stat().st_mode == (tmp_path / "7").stat().st_mode


def test_a_new_litert_file_replaces_the_old_one_and_its_record(tmp_path):
    first, second = unet(), unet(seed=1)
    path = export_litert(first, tmp_path / "G.tflite", *SIZE)
    write_report(verify(first, path, pictures(first)), stride=STRIDE)
    verify(second, export_litert(second, path, *SIZE), pictures(second))
    assert os.listdir(tmp_path) == ["G.tflite"]


def test_an_operator_that_litert_lacks_is_named_and_nothing_is_left(tmp_path):
    image = layers.Input((None, None, 3))
    bicubic = keras.Model(image, layers.Resizing(16, 16, interpolation="bicubic")(image), name="bicubic")
    with pytest.raises(UserError, match=r"LiteRT cannot run ResizeBicubic in model 'bicubic'"):
        export_litert(bicubic, tmp_path / "G.tflite", *SIZE)
    with pytest.raises(UserError, match=r"G\.onnx \(expected a name that ends in \.tflite\)"):
        export_litert(unet(), tmp_path / "G.onnx", *SIZE)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    generator = unet()
    artefacts = export_saved_model(generator, tmp_path), export_litert(generator, tmp_path / "G.tflite", *SIZE)

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "rename", full_disk)
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        export_saved_model(generator, tmp_path)
    with pytest.raises(OSError, match="no space"):
        export_litert(generator, tmp_path / "G.tflite", *SIZE)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["1", "G.tflite"]
    for artefact in artefacts:
        verify(generator, artefact, pictures(generator))


def test_no_machine_path_is_written(saved_model, litert, tmp_path):
    content = (saved_model / "saved_model.pb").read_bytes() + litert.read_bytes()
    for path in (
        saved_model.parents[1],
        Path.cwd(),
        Path.home(),
        Path(sys.prefix),
        Path(saved_model_file.__file__).parent,
    ):
        assert os.fsencode(path) not in content
    assert b"site-packages" not in content and b".py" not in content


@pytest.mark.parametrize("content", [b"", b"x" * 100], ids=["empty", "no flatbuffer"])
def test_refuses_a_file_that_is_no_litert(tmp_path, content):
    (tmp_path / "G.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"unreadable LiteRT file: .*G\.tflite") as error:
        open_artefact(tmp_path / "G.tflite")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"garbage" * 9], ids=["empty", "no protocol buffer"])
def test_refuses_a_folder_that_is_no_saved_model(tmp_path, content):
    with pytest.raises(UserError, match="no export"):
        open_artefact(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UserError, match="unreadable SavedModel") as error:
        open_artefact(tmp_path)
    assert "\n" not in str(error.value)


def test_refuses_a_model_that_translates_no_images(tmp_path):
    vector = layers.Input((4,))
    dense = keras.Model(vector, layers.Dense(2)(vector))
    dense.export(tmp_path / "dense", verbose=False)
    with pytest.raises(UserError, match="not an image model"):
        open_artefact(tmp_path / "dense")


def test_importing_the_package_imports_no_tensorflow():
    program = "import sys, tfi2i.exporting; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
