"""export/c/translate.c against TensorFlow's library, with no Python in its process: the same numbers as in Python."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

SOURCE = Path(__file__).parents[2] / "export" / "c" / "translate.c"


@pytest.fixture(scope="module")
def translate(tmp_path_factory):
    """Compiles the program without a warning; a function that runs it and returns what it complained of."""
    if not shutil.which("gcc") and not os.environ.get("TFI2I_CI"):
        pytest.skip("needs gcc")
    program, library = tmp_path_factory.mktemp("c") / "translate", Path(tf.__file__).parent
    command = f"gcc -std=c11 -O2 -Wall -Wextra -Werror {SOURCE} -o {program} -I{library}/include -L{library}"
    command += f" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,{library}"
    subprocess.run(command.split(), check=True)

    def run(*arguments):
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
        complaint = [line for line in done.stderr.splitlines() if line.startswith("translate: ")]
        assert done.returncode == len(complaint), done.stderr
        return "".join(complaint)

    return run


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """A folder of image.npy (2, 40, 56, 3), style.npy (2, 3) and noise.npy (2, 48)."""
    folder, random = tmp_path_factory.mktemp("arrays"), np.random.default_rng(1)
    for name, shape in {"image": (2, 40, 56, 3), "style": (2, 3), "noise": (2, 48)}.items():
        np.save(folder / f"{name}.npy", random.uniform(-1, 1, shape).astype("float32"))
    return folder


def in_python(export, signature, **inputs):
    answers = tf.saved_model.load(export).signatures[signature](**inputs)
    return answers["image_bytes" if "image_bytes" in answers else "image"].numpy()


@pytest.mark.parametrize(
    ("name", "inputs"), [("plain", ["image"]), ("styled", ["image", "style"]), ("noisy", ["noise"])]
)
def test_floats_equal_pythons_to_the_bit(translate, exports, arrays, tmp_path, name, inputs):
    first, *others = inputs
    named = [f"{other}={arrays / other}.npy" for other in others]
    assert not translate(exports / name / "1", arrays / f"{first}.npy", tmp_path / "out.npy", *named)
    given = {name: np.load(arrays / f"{name}.npy") for name in inputs}
    np.testing.assert_array_equal(
        np.load(tmp_path / "out.npy"), in_python(exports / name / "1", "serving_default", **given), strict=True
    )


def test_a_picture_is_translated_as_in_python(translate, exports, arrays, png, tmp_path):
    (tmp_path / "in.png").write_bytes(png[1])
    assert not translate(exports / "plain/1", tmp_path / "in.png", tmp_path / "out.png")
    (expected,) = in_python(exports / "plain/1", "serve_bytes", image_bytes=[png[1]])
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), pixels(io.BytesIO(expected)))
    assert pixels(tmp_path / "out.png").shape == png[0].shape

    np.save(tmp_path / "style.npy", np.ones((1, 3), "float32"))
    style = f"style={tmp_path / 'style.npy'}"
    assert not translate(exports / "styled/1", tmp_path / "in.png", tmp_path / "styled.png", "AtoB_bytes", style)
    (expected,) = in_python(exports / "styled/1", "AtoB_bytes", image_bytes=[png[1]], style=[[1.0] * 3])
    np.testing.assert_array_equal(pixels(tmp_path / "styled.png"), pixels(io.BytesIO(expected)))


def test_pixels_of_noise(translate, exports, arrays, tmp_path):
    assert not translate(exports / "noisy/1", arrays / "noise.npy", tmp_path / "out.npy", "serve_uint8")
    expected = in_python(exports / "noisy/1", "serve_uint8", noise=np.load(arrays / "noise.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected, strict=True)


def pixels(file):
    return np.asarray(Image.open(file))


def test_complaints(translate, exports, arrays, tmp_path):
    image, out, garbage = arrays / "image.npy", tmp_path / "out", tmp_path / "garbage"
    garbage.write_bytes(b"no picture")
    assert "usage: translate EXPORT_DIR" in translate()
    assert "No such file" in translate(exports / "plain/1", tmp_path / "absent.png", out)
    assert "Could not find SavedModel" in translate(tmp_path, image, out)
    assert "no such signature; there are" in (complaint := translate(exports / "plain/1", image, out, "BtoA"))
    assert set(complaint.split()[-3:]) == {"serving_default", "serve_uint8", "serve_bytes"}
    for wrong in ([], [f"label={image}"], [f"style={image}"] * 2, [f"style={image}", f"image={image}"]):
        assert "expected one input in IN" in translate(exports / "styled/1", image, out, *wrong)
    assert "expected a JPEG or PNG file" in translate(exports / "plain/1", garbage, out)
    assert "to be uint8 but float is provided" in translate(exports / "plain/1", image, out, "serve_uint8")
    assert "Is a directory" in translate(exports / "plain/1", image, tmp_path)
    assert not out.exists()


@pytest.mark.parametrize("change", ["float64", "columns first", "cut", "long", "no end"])
def test_arrays_that_it_cannot_take(translate, exports, arrays, tmp_path, change):
    array, path = np.load(arrays / "image.npy"), tmp_path / "in.npy"
    np.save(path, {"float64": array.astype("float64"), "columns first": np.asfortranarray(array)}.get(change, array))
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-4], "long": content + b"\0", "no end": content[:40]}.get(change, content))
    expected = "damaged .npy" if change in ("cut", "long") else "expected float32 in C order"
    assert f"in.npy: {expected}" in translate(exports / "plain/1", path, tmp_path / "out.npy")
