"""The pages for phones say what exports are: the description's entries, pixels, bounds, and Python that runs.

Neither Kotlin nor Swift is compiled here.
"""

import argparse
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from exporting.networks import SIZE, inputs_of, randomised
from keras import layers

import tfi2i.cli.export
from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.exporting import QUANTIZATIONS, convert
from tfi2i.exporting.about import About, metadata
from tfi2i.exporting.network import SIGNATURE
from tfi2i.exporting.proof import EXACT, LEAST_PSNR

MOBILE = Path(__file__).parents[2] / "export" / "mobile"
PAGE = (MOBILE / "README.md").read_text()
KOTLIN = (MOBILE / "android" / "Translator.kt").read_text()
SWIFT = (MOBILE / "ios" / "Translator.swift").read_text()
RUNTIME = (2, 17, 0)  # the last stable TensorFlowLiteSwift


def described():
    """The description of networks with each kind of input and output, as the app reads it."""
    image = layers.Input((None, None, 3), name="image")
    label, style, noise = (
        layers.Input((size,), name=name) for name, size in [("label", 5), ("style", 8), ("noise", 4)]
    )
    heat = keras.Model(image, {"image": image, "attention": layers.Conv2D(1, 1)(image)})
    scaled = layers.Multiply()(
        [image, layers.Reshape((1, 1, 3))(layers.Dense(3)(layers.Concatenate()([label, style])))]
    )
    drawn = layers.Reshape((2, 2, 1))(noise)
    about = About("a", labels=("x", "y", "z"), exclusive=(("x", "y"),), sets=(("x", "y"), ("z",)))
    networks = heat, keras.Model([image, label, style], scaled), keras.Model(noise, drawn)
    return [json.loads(json.dumps(metadata(about, 1, "AtoB", network, SIZE, "float32"))) for network in networks]


def kotlin_reads(name):
    """{entry: whether it must be there} of a class."""
    body = re.search(rf"class {name}\(json: JSONObject\) \{{(.*?)\n\n", KOTLIN, re.S)[1]
    return {entry: way == "get" for way, entry in re.findall(r'json\.(get|opt)\w+\("(\w+)"\)', body)}


def swift_reads(name):
    """The same of a struct that is Decodable: of its stored properties."""
    body = re.search(rf"struct {name}: Decodable \{{(.*?)\n\n", SWIFT, re.S)[1]
    return {entry: kind[-1] != "?" for entry, kind in re.findall(r"public let (\w+): (\S+)$", body, re.M)}


@pytest.mark.parametrize("reads", [kotlin_reads, swift_reads])
def test_the_classes_read_entries_that_are_written(reads):
    files = described()
    entries = [entry for file in files for entry in file["inputs"] + file["outputs"]]
    for name, written in {"Metadata": files, "Entry": entries}.items():
        found = reads(name)
        assert {"name"} < found.keys()
        for entry, required in found.items():
            there = [entry in each for each in written]
            assert all(there) if required else any(there), f"{name}.{entry}"
    assert reads("Entry").keys() >= {"kind", "shape", "range", "labels", "exclusive", "sets"}


def test_both_classes_read_the_same():
    for name in "Metadata", "Entry":
        assert kotlin_reads(name) == swift_reads(name)


@pytest.mark.parametrize("source", [KOTLIN, SWIFT])
def test_names_in_the_classes(source):
    kinds = {entry["kind"] for file in described() for entry in file["inputs"] + file["outputs"]}
    asked = set(re.findall(r'kind == "(\w+)"', source)) | set(re.findall(r'input\("(\w+)"\)', source))
    assert asked == {"image", "label"} and asked <= kinds
    assert f'"{SIGNATURE}"' in source
    kept_in_float = re.search(r"FLOATS = setOf\((.*)\)", KOTLIN)[1]
    assert set(json.loads(f"[{kept_in_float}]")) < QUANTIZATIONS.keys()


def test_the_table_of_the_description():
    [_, table] = re.split(r"\n## The description\n", PAGE)
    named = set(re.findall(r"`(\w+)`", "".join(row.split(" | ")[0] for row in re.findall(r"^\| .*", table, re.M))))
    written = {entry for file in described() for entry in file}
    written |= {entry for file in described() for each in file["inputs"] + file["outputs"] for entry in each}
    assert named - {"kind"} <= written and written - {"name", "shape", "dtype", "kind"} <= named


def test_pixels():
    forth, back = re.search(r"`(pixel / .*?)` makes .* `(\(value .*?)`, rounded", PAGE).groups()
    pixel = np.arange(256, dtype=np.uint8)
    value = eval(forth, {"pixel": pixel.astype(np.float32)})
    np.testing.assert_allclose(value, to_float(pixel), atol=1e-6)
    np.testing.assert_array_equal(np.round(eval(back, {"value": value})), to_pixels(to_float(pixel)))
    rows = {
        name: [float(cell) for cell in cells.split("|")]
        for name, cells in re.findall(r"^\| (pixel|value) \| (.*) \|$", PAGE, re.M)
    }
    np.testing.assert_allclose(to_float(np.array(rows["pixel"], np.uint8)), rows["value"], atol=1e-6)
    np.testing.assert_array_equal(to_pixels(rows["value"]), rows["pixel"])


def test_the_sources_turn_pixels_as_the_page_does():
    """The lines of each class that compute, read as Python."""
    pixel, value = np.arange(256, dtype=np.uint8), np.linspace(-1, 1, 1001, dtype=np.float32)
    names = {"low": -1.0, "high": 1.0, "level": pixel.astype(np.float32), "value": value}
    swift, numbers = re.sub(r"(input|output)\.(?=low|high)", "", SWIFT), r"floats\[.*?\]"
    names["step"] = eval(re.search(r"let step = (.*)", swift)[1], names)
    for source, pattern in (KOTLIN, r"^ +(level \* .*)$"), (swift, r"return (level \* .*)"):
        [forth] = re.findall(pattern, source, re.M)
        np.testing.assert_allclose(eval(forth, names), to_float(pixel), atol=1e-6)
    for source, pattern, factor in (
        (KOTLIN, r"\((\(floats.*)\)\.roundToInt\(\)\.coerceIn\(0, 255\)", 1),
        (swift, r"let value = (\(floats.*)", 255),
    ):
        [back] = re.findall(pattern, source)
        levels = np.round(eval(re.sub(numbers, "value", back), names) * factor)
        np.testing.assert_array_equal(levels, to_pixels(value))
    assert "min(max((value * 255).rounded(), 0), 255)" in swift


def test_bounds():
    [most] = re.findall(r"^\| `none` .* at most (\S+) \|$", PAGE, re.M)
    assert float(most) == EXACT["max"]
    least = dict(re.findall(r"^\| `(\w+)` \|.*\| (\d+) dB or more \|$", PAGE, re.M))
    assert least.keys() == {"float16", "dynamic", "mixed_int8"}
    assert {name: float(bound) for name, bound in least.items()} == {name: LEAST_PSNR[name] for name in least}
    for place in "android", "ios":
        assert "1e-4" in (MOBILE / place / "README.md").read_text()


def test_options_that_the_pages_name():
    parser = argparse.ArgumentParser(exit_on_error=False)
    tfi2i.cli.export.add_arguments(parser, [])
    [line] = re.findall(r"tfi2i export (.*)", PAGE)
    given = parser.parse_args(line.split())
    assert set(given.quantize.split(",")) - {"none"} <= QUANTIZATIONS.keys()
    known = set(re.findall(r"--\w+", parser.format_help()))
    benchmarks = {"--model", "--num_threads", "--require_full_delegation"}
    assert set(re.findall(r"--\w+", PAGE + KOTLIN + SWIFT)) <= known | benchmarks


def test_python_on_the_page(tmp_path, monkeypatch):
    """The proof's numbers for a device."""
    random = np.random.default_rng(0)
    arrays = {f"{kind}/AtoB/{name}": random.normal(size=(2, 4)) for kind in ("inputs", "expected") for name in "ab"}
    folder = tmp_path / "exports" / "facades" / "1-devices"
    folder.mkdir(parents=True)
    np.savez(folder / "proof.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    run_python(PAGE)
    for name, array in arrays.items():
        numbers = np.fromfile(tmp_path / f"{name.replace('/', '.')}.bin", "<f4")
        np.testing.assert_array_equal(numbers, array[0].astype(np.float32))


def test_files_run_on_the_runtime_of_ios(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page, network = (MOBILE / "ios" / "README.md").read_text(), many_operators()
    for quantization in QUANTIZATIONS:
        content = convert(network, *SIZE, quantization, [inputs_of(network, 1)])
        Path("facades.dynamic.tflite").write_bytes(content)  # the name on the page
        run_python(page)
        needed = capsys.readouterr().out.splitlines()[-1]
        assert tuple(map(int, needed.split("."))) <= RUNTIME, quantization
    assert f"'TensorFlowLiteSwift', '{'.'.join(map(str, RUNTIME))}'" in page


def run_python(page):
    [code] = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(code, {})


def many_operators():
    """Convolutions and a dense layer large enough to be quantised, among what generators are made of."""
    image, style = layers.Input((None, None, 3), name="image"), layers.Input((64,), name="style")
    x = layers.ReLU()(layers.Conv2D(16, 4, 2, "same")(image))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 16))(layers.Dense(16)(layers.ReLU()(layers.Dense(64)(style))))])
    x = layers.LeakyReLU(0.2)(layers.GroupNormalization(-1)(x))
    x = layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh")(x)
    return randomised(keras.Model([image, style], x, name="many"), 0)
