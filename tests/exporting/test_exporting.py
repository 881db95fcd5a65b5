"""Exports as folders: what is in them, that they appear whole or not at all, and that damage is found."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from exporting.networks import SIZE, STRIDE, exported, inputs_of, styled, unet
from keras import layers

from tfi2i.data import images
from tfi2i.errors import UserError
from tfi2i.exporting import ExportMismatch, metadata_of, open_artefact, verify
from tfi2i.exporting.artefact import newest
from tfi2i.exporting.serving import WARM_UP
from tfi2i.translation import open_network, translated

export_file = sys.modules["tfi2i.exporting.export"]  # the package has a function of this name


@pytest.fixture(scope="module", params=[unet, styled])
def network(request):
    return request.param()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """The version's folder of an export in all formats."""
    formats = ("saved_model", "litert", "onnx")
    return exported(network, tmp_path_factory.mktemp("exports"), formats=formats).path


def answer(network, given):
    return np.asarray(network(list(given.values()) if len(given) > 1 else given["image"], training=False))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [SIZE, (64, 40)])
@pytest.mark.parametrize("file", ["", "a.onnx"])
def test_equals_the_model_at_any_batch_and_size(network, folder, file, count, size):
    given = inputs_of(network, count, size)
    received = open_artefact(folder / file)(**given)["image"]
    np.testing.assert_allclose(received, answer(network, given), atol=1e-5)


def test_what_lies_in_a_version(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    lite = {"a.float32.tflite", "a.float32.json", "a.onnx"}
    assert names >= {"saved_model.pb", "export.json", "export.md", "export.png", "proof.npz", "SHA256SUMS"} | lite
    sums = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert sums == names - {"SHA256SUMS", WARM_UP}  # which is its user's to write anew
    beside = {path.name for path in folder.parent.iterdir()}
    assert beside == {"1", "models.config", "batching.config", "monitoring.config"}


def test_the_report(network, folder):
    record = json.loads((folder / "export.json").read_text())
    assert (record["name"], record["version"], record["stride"], record["ways"]) == ("a", "1", STRIDE, ["AtoB"])
    assert record["compared_on"] == {"inputs": 2, "from": "random numbers"}
    assert record["versions"]["keras"] == keras.__version__
    served, lite, onnx = record["artefacts"]
    assert [each["format"] for each in (served, lite, onnx)] == ["SavedModel", "LiteRT", "ONNX"]
    assert (
        lite["operators"]["CONV_2D"] >= 2
        and lite["fully_delegated"]
        and lite["difference"]["AtoB"]["image"]["psnr"] > 90
    )
    assert record["signatures"].keys() == {"serving_default", "serve_uint8", "serve_bytes"}
    assert record["signatures"]["serving_default"]["inputs"].keys() == inputs_of(network).keys()
    page = (folder / "export.md").read_text()
    assert "# a, version 1" in page and lite["sha256"] in page and "CONV_2D" in page and "| LiteRT float32 |" in page


def test_the_metadata_lies_in_the_file_and_beside_it(network, folder):
    inside = metadata_of(folder / "a.float32.tflite")
    assert inside == json.loads((folder / "a.float32.json").read_text())
    assert (inside["name"], inside["licence"], inside["quantization"]) == ("a", "unknown", "float32")
    channels = network.inputs[0].shape[-1]
    image = {"name": "image", "kind": "image", "shape": [1, *SIZE, channels], "dtype": "float32", "range": [-1, 1]}
    assert inside["inputs"][0] == image | {"colours": "RGB" if channels == 3 else "grey"}
    assert inside["outputs"][0]["shape"] == [1, *SIZE, 3]
    if len(network.inputs) > 1:
        assert inside["inputs"][1]["kind"] == "style" and inside["inputs"][1]["shape"] == [1, 5]
    assert metadata_of(folder / "export.json") == {}


@pytest.mark.parametrize("others", [(), ("saved_model", "onnx")])
def test_timed(tmp_path, others):
    path = exported(unet(), tmp_path, formats=("litert", *others), benchmark=True).path
    record = json.loads((path / "export.json").read_text())["latency"]["AtoB"]
    assert record["one_image"].keys() == {"Keras", "LiteRT float32", *(("SavedModel", "ONNX") if others else ())}
    assert record["litert_benchmark"]["float32"]["median_ms"] > 0
    assert "litert-benchmark, float32, 2 threads" in (path / "export.md").read_text()


def test_open_artefact_tells_what_it_takes(network, folder):
    served, mobile = open_artefact(folder.parent), open_artefact(folder / "a.float32.tflite")
    channels = network.inputs[0].shape[-1]
    assert (served.format, served.size, served.channels, served.stride) == ("SavedModel", None, channels, STRIDE)
    assert (mobile.format, mobile.size, mobile.channels, mobile.stride) == ("LiteRT", SIZE, channels, STRIDE)
    given = inputs_of(network, 1)
    with pytest.raises(ValueError, match=r"Received: \(1, 8, 8, 5\)"):
        served(**given | {"image": np.zeros((1, 8, 8, 5), "float32")})
    with pytest.raises(ValueError, match=r"\[32, 48, .\].* Received: \(1, 32, 32"):
        mobile(**given | {"image": given["image"][:, :, :32]})
    with pytest.raises(ValueError, match=r"takes image.* Received: picture"):
        served(picture=given["image"])
    with pytest.raises(UserError, match=r"--direction=BtoA: .* translates AtoB"):
        open_artefact(folder / "a.float32.tflite", "BtoA")


def test_both_directions_share_one_saved_model(tmp_path):
    one, other = unet(), unet(seed=1)
    path = exported({"AtoB": one, "BtoA": other}, tmp_path).path
    given = inputs_of(one)
    for way, network in (("AtoB", one), ("BtoA", other), (None, one)):
        np.testing.assert_allclose(open_artefact(path, way)(**given)["image"], answer(network, given), atol=1e-6)
    assert sorted(file.name for file in path.glob("*.tflite")) == ["a_AtoB.float32.tflite", "a_BtoA.float32.tflite"]
    weights = (path / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert weights < 1.1 * 4 * (one.count_params() + other.count_params())
    with pytest.raises(UserError, match=r"--direction=CtoD: .* translates AtoB and BtoA"):
        open_artefact(path, "CtoD")


def test_verify_says_the_same_again(folder):
    then = json.loads((folder / "export.json").read_text())["artefacts"]
    for path in (folder, folder.parent):
        now = verify(path)
        assert [each["difference"] for each in now] == [each["difference"] for each in then]


@pytest.mark.parametrize(
    "name",
    ["saved_model.pb", "variables/variables.data-00000-of-00001", "a.float32.tflite", "proof.npz", "export.json"],
)
def test_a_flipped_bit_is_found(tmp_path, name):
    path = exported(unet(), tmp_path).path
    assert len(verify(path)) == 2
    content = bytearray((path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"damaged export: .*{re.escape(name)} is not the file of SHA256SUMS"):
        verify(path)
    if name.endswith(".tflite"):
        with pytest.raises(UserError, match="damaged export"):
            open_artefact(path / name)


def test_a_missing_file_is_found(tmp_path):
    path = exported(unet(), tmp_path, formats=("litert",)).path
    (path / "a.float32.json").unlink()
    with pytest.raises(UserError, match=r"damaged export: .*a\.float32\.json is missing"):
        verify(path)


def test_a_users_own_file_beside_is_no_damage(tmp_path):
    path = exported(unet(), tmp_path).path
    (path / "assets.extra" / "notes.txt").write_text("added by its user")
    verify(path)


def test_another_networks_answers_are_found(tmp_path):
    """Even where the sums agree: the answers count, not only the bits."""
    path, other = (exported(unet(seed), tmp_path / str(seed), formats=("litert",)).path for seed in (0, 1))
    (path / "a.float32.tflite").write_bytes((other / "a.float32.tflite").read_bytes())
    sums = (path / "SHA256SUMS").read_text().splitlines()
    theirs = next(line for line in (other / "SHA256SUMS").read_text().splitlines() if line.endswith(".tflite"))
    (path / "SHA256SUMS").write_text("\n".join(theirs if line.endswith(".tflite") else line for line in sums))
    with pytest.raises(ExportMismatch, match=r"a\.float32\.tflite is not the model: image differs by at most"):
        verify(path)


def test_nan_is_a_mismatch_and_nothing_is_left(tmp_path):
    network = unet()
    network.set_weights([np.full(w.shape, np.nan) for w in network.get_weights()])
    with pytest.raises(ExportMismatch, match="not finite"):
        exported(network, tmp_path)
    assert [path.name for path in (tmp_path / "a").iterdir()] == []


def test_what_verify_refuses(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match="no export"):
            verify(path)


def test_versions_count_up(tmp_path):
    first, second = unet(), unet(seed=1)
    assert exported(first, tmp_path).path == tmp_path / "a" / "1"
    (tmp_path / "a" / "7").mkdir()
    (tmp_path / "a" / "models.config").write_text("mine")
    assert exported(second, tmp_path).path == tmp_path / "a" / "8"
    # A server takes whole numbers for its own, so that an export without a SavedModel doesn't have one.
    assert exported(first, tmp_path, formats=("litert",)).path == tmp_path / "a" / "9-devices"
    assert newest(tmp_path / "a").name == "9-devices"
    given = inputs_of(first)
    np.testing.assert_allclose(open_artefact(tmp_path / "a")(**given)["image"], answer(second, given), atol=1e-6)
    assert (tmp_path / "a" / "models.config").read_text() == "mine"
    assert (tmp_path / "a" / "8").stat().st_mode == (tmp_path / "a" / "7").stat().st_mode


def program(out, more=""):
    """A program of its own that exports to `out`."""
    path = [str(Path(__file__).parents[1]), *sys.path]
    return [
        sys.executable,
        "-c",
        f"import sys; from pathlib import Path; sys.path[:0] = {path!r}\n"
        f"from exporting.networks import exported, unet\n{more}\n"
        f"exported(unet(), Path({str(out)!r}), formats=('litert',))",
    ]


def test_exports_at_the_same_time_get_a_number_each(tmp_path):
    both = [subprocess.Popen(program(tmp_path), stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert sorted(os.listdir(tmp_path / "a")) == ["1-devices", "2-devices"]
    for number in (1, 2):
        verify(tmp_path / "a" / f"{number}-devices")


WAITING = """
export_file = sys.modules['tfi2i.exporting.export']
def write_report(*_):
    print("half", flush=True)
    sys.stdin.read()
export_file.write_report = write_report
"""


def test_a_killed_export_leaves_no_version(tmp_path):
    """SIGKILL when all artefacts are written and none is in place; a later export takes the rest away."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(program(tmp_path, WAITING), **pipes) as process:
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert os.listdir(tmp_path / "a") == [".export-1"]
    assert exported(unet(), tmp_path).path.name == "2"  # the one that was killed might still be at work
    long_ago = time.time() - 100_000
    os.utime(tmp_path / "a" / ".export-1", (long_ago, long_ago))
    assert exported(unet(), tmp_path).path.name == "3"
    assert not [name for name in os.listdir(tmp_path / "a") if name.startswith(".")]


def test_a_failed_rename_leaves_what_was_there(tmp_path, monkeypatch):
    network = unet()
    exported(network, tmp_path)

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(export_file.os, "rename", full_disk)
    with pytest.raises(OSError, match="no space"):
        exported(network, tmp_path)
    monkeypatch.undo()
    assert [name for name in os.listdir(tmp_path / "a") if not name.endswith(".config")] == ["1"]
    verify(tmp_path / "a")


def test_no_machine_path_is_written(folder):
    paths = (folder.parents[1], Path.cwd(), Path.home(), Path(sys.prefix), Path(export_file.__file__).parent)
    for file in ("saved_model.pb", "a.float32.tflite", "a.onnx", "export.json", "export.md"):
        content = (folder / file).read_bytes()
        assert not [path for path in paths if os.fsencode(path) in content]
        assert b"site-packages" not in content and b".py" not in content, file


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
@pytest.mark.parametrize("content", [b"", b"x" * 100], ids=["empty", "garbage"])
def test_refuses_a_file_that_is_none(tmp_path, suffix, content):
    (tmp_path / f"G.{suffix}").write_bytes(content)
    with pytest.raises(UserError, match=rf"unreadable .* file: .*G\.{suffix}") as error:
        open_artefact(tmp_path / f"G.{suffix}")
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


def test_unknown_names(tmp_path):
    with pytest.raises(UserError, match=r"--format=coreml \(expected some of saved_model, litert, onnx"):
        exported(unet(), tmp_path, formats=("coreml",))
    with pytest.raises(UserError, match=r"--quantize=int4 \(expected some of float32, float16"):
        exported(unet(), tmp_path, quantizations=("int4",))
    assert os.listdir(tmp_path) == []


def test_importing_the_package_imports_no_tensorflow():
    program = "import sys, tfi2i.exporting; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


def test_a_saved_model_of_strangers_is_opened_as_it_is(tmp_path):
    """One without our records: translate runs any SavedModel of an image to an image."""
    network = unet()
    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    spec = tf.TensorSpec([None, None, None, 3], tf.float32, "image")
    serve = tf.function(lambda image: {"image": network(image, training=False)}, input_signature=[spec])
    tf.saved_model.save(module, tmp_path / "theirs", signatures={"serving_default": serve})
    opened = open_artefact(tmp_path / "theirs")
    assert (opened.stride, opened.ways) == (1, ())
    given = inputs_of(network)
    np.testing.assert_allclose(opened(**given)["image"], answer(network, given), atol=1e-6)


def test_a_network_that_answers_at_its_own_size(tmp_path):
    """As DTN's: pictures of another size are brought to it, and the answers back."""
    image = layers.Input((None, None, 3), name="image")
    small = keras.Model(image, layers.Conv2D(3, 3, padding="same")(layers.Resizing(16, 16)(image)))
    path = exported(small, tmp_path, size=(16, 16), formats=("saved_model",)).path
    assert open_artefact(path).answers_at == (16, 16)
    picture = images.Picture(np.zeros((30, 20, 3), np.uint8), None, "PNG")
    assert translated(open_network(path), picture)[0].shape == (30, 20, 3)
