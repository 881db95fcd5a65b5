"""What an export was found to be: export.json for programs, export.md and export.png for people."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tfi2i.data import images
from tfi2i.data.prepared import to_pixels
from tfi2i.exporting.about import About
from tfi2i.exporting.artefact import load_saved_model, open_artefact, sha256
from tfi2i.exporting.latency import latencies
from tfi2i.exporting.litert import CALIBRATED, QUANTIZATIONS, benchmark
from tfi2i.exporting.network import answers
from tfi2i.training.records import grid, write_text

_THREADS = 2  # of litert-benchmark: what a phone's fast cores are
_CELL = 128  # pixels; smaller images are enlarged to it in the picture


@dataclass(frozen=True)
class Exported:
    """An export.

    Attributes:
        path: the version's folder.
        about: `About`.
        ways: the names of its networks.
        images: where the images came from that it was compared on.
        artefacts: records as in export.json.
    """

    path: Path
    about: About
    ways: tuple
    images: str
    artefacts: list


def write_report(folder, exported, networks, inputs, expected, timed=True):
    """Writes export.json, export.md and export.png into the folder of a version that is still aside."""
    count = len(next(iter(inputs[exported.ways[0]].values())))
    record = {
        **asdict(exported.about),
        "version": exported.path.name.removesuffix("-devices"),
        "ways": list(exported.ways),
        "compared_on": {"inputs": count, "from": exported.images},
        "artefacts": [_with_sums(folder, artefact) for artefact in exported.artefacts],
        "signatures": _signatures(folder, exported),
        "latency": _latency(folder, exported, networks, inputs) if timed else None,
        "versions": {p: version(p) for p in ("tfi2i", "tensorflow", "keras", "ai-edge-litert")}
        | {"python": platform.python_version()},
    }
    sheet(folder, exported, inputs, expected).save(folder / "export.png")
    write_text(folder / "export.json", json.dumps(record, indent=1) + "\n")
    write_text(folder / "export.md", _page(record))


def sheet(folder, exported, inputs, expected, rows=3):
    """input | the model | each artefact, a few rows of each way, under the names of the columns."""
    parts = []
    for way in exported.ways:
        given = {name: array[:rows] for name, array in inputs[way].items()}
        columns = {"input": given["image"]} if "image" in given else {}
        columns["Keras"] = expected[way]["image"][:rows]
        for artefact in exported.artefacts:
            if artefact["way"] in (None, way):
                opened = open_artefact(folder / artefact["file"], way if len(exported.ways) > 1 else None)
                columns[_called(artefact)] = opened(**given)["image"]
        side = max(_CELL, *(max(column.shape[1:3]) for column in columns.values()))
        cells = [[_cell(column[k], side) for column in columns.values()] for k in range(len(columns["Keras"]))]
        parts += [_titles(columns, side), grid(cells)]
    sheet = np.full((sum(len(part) for part in parts), max(part.shape[1] for part in parts), 3), 255, np.uint8)
    top = 0
    for part in parts:
        sheet[top : top + len(part), : part.shape[1]] = part
        top += len(part)
    return Image.fromarray(sheet)


def _cell(image, side):
    """A network's image as pixels, as large as a square of `side` allows."""
    pixels = images.with_channels(to_pixels(image), 3)
    scale = side / max(pixels.shape[:2])
    height, width = (max(1, round(scale * length)) for length in pixels.shape[:2])
    return images.resize(pixels, height, width, "nearest" if scale >= 1 else "box")


def _titles(names, side):
    titles = Image.new("RGB", (len(names) * (side + 4), 20), "white")
    for k, name in enumerate(names):
        ImageDraw.Draw(titles).text((k * (side + 4), 4), name, fill="black")
    return np.asarray(titles)


def _called(artefact):
    return f"LiteRT {artefact['quantization']}" if artefact["format"] == "LiteRT" else artefact["format"]


def _with_sums(folder, artefact):
    path = folder / artefact["file"]
    if path.is_file():
        return artefact | {"sha256": sha256(path)}
    # Of a SavedModel, what TensorFlow reads.
    files = [path / "saved_model.pb", *sorted((path / "variables").glob("*"))]
    return artefact | {"sha256": {file.relative_to(path).as_posix(): sha256(file) for file in files}}


def _signatures(folder, exported):
    if not (folder / "saved_model.pb").is_file():
        return None

    def described(specs):
        return {name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()} for name, spec in sorted(specs.items())}

    found = {}
    for key, signature in sorted(load_saved_model(folder).signatures.items()):
        _, inputs = signature.structured_input_signature
        found[key] = {"inputs": described(inputs), "outputs": described(signature.structured_outputs)}
    return found


def _latency(folder, exported, networks, inputs):
    """{way: {subject: times}} of one image, on this machine, and litert-benchmark's for each LiteRT file."""
    import tensorflow as tf

    found = {}
    for way, network in networks.items():
        one = {name: array[:1] for name, array in inputs[way].items()}
        tensors = [tf.constant(array) for array in one.values()]
        compiled = tf.function(lambda *given, network=network: answers(network, given))
        subjects = {"Keras": lambda compiled=compiled, tensors=tensors: compiled(*tensors)["image"].numpy()}
        for artefact in exported.artefacts:
            if artefact["way"] in (None, way):
                opened = open_artefact(folder / artefact["file"], way if len(networks) > 1 else None)
                subjects[_called(artefact)] = lambda opened=opened, one=one: opened(**one)
        found[way] = {"one_image": latencies(subjects), "cores": os.cpu_count()}
        found[way]["litert_benchmark"] = {
            artefact["quantization"]: benchmark(
                folder / artefact["file"], _THREADS, require_full_delegation=artefact["fully_delegated"]
            )
            for artefact in exported.artefacts
            if artefact["format"] == "LiteRT" and artefact["way"] == way and _sized(folder / artefact["file"])
        }
    return found


def _sized(path):
    """Whether all inputs of a LiteRT file have known sizes, as litert-benchmark needs them."""
    return all(None not in shape for shape in open_artefact(path).inputs.values())


def _page(record):
    """export.md."""
    several = len(record["ways"]) > 1
    lines = [
        f"# {record['name']}, version {record['version']}",
        "",
        f"{record['model']}: {record['task']}. Trained on {record['data']}. Licence of the weights: "
        f"{record['licence']}.",
        "",
        f"Compared with the Keras model on {record['compared_on']['inputs']} inputs ({record['compared_on']['from']}); "
        "values are in [-1, 1], PSNR has a peak of 2.",
        "",
        "| artefact | MB | max error | mean error | PSNR (dB) | must reach | delegated whole |",
        "|---|---|---|---|---|---|---|",
    ]
    for artefact in record["artefacts"]:
        delegated = {True: "yes", False: "no", None: ""}[artefact.get("fully_delegated")]
        for way, found in artefact["difference"].items():
            name = _called(artefact) + (f", {way}" if several else "")
            image = found["image"]
            psnr = "equal" if image["psnr"] is None else f"{image['psnr']:.1f}"
            lines.append(
                f"| {name} | {artefact['bytes'] / 1e6:.2f} | {image['max']:.1e} | {image['mean']:.1e} | {psnr} | "
                f"{_bound(artefact['bound'])} | {delegated} |"
            )
    lines += ["", "![input, Keras, each artefact](export.png)", ""]
    lossy = [a["quantization"] for a in record["artefacts"] if a["quantization"] != "float32"]
    if lossy:
        lines += [f"- {name}: {QUANTIZATIONS[name]}" for name in dict.fromkeys(lossy)] + [""]
    if set(lossy) & set(CALIBRATED):
        lines += ["Ranges were measured on images of the training split, or of --images.", ""]
    for way, measured in (record["latency"] or {}).items():
        lines += [f"## One image, {way}" if several else "## One image", ""]
        lines += [
            f"In turn within one run, on {measured['cores']} cores; another machine has other numbers.",
            "",
            "| | median ms | fastest ms |",
            "|---|---|---|",
        ]
        lines += [f"| {k} | {t['median_ms']:.2f} | {t['fastest_ms']:.2f} |" for k, t in measured["one_image"].items()]
        for quantization, result in measured["litert_benchmark"].items():
            lines.append(f"| litert-benchmark, {quantization}, {_THREADS} threads | {result['median_ms']:.2f} | |")
        lines.append("")
    if record["signatures"]:
        lines += ["## Signatures of the SavedModel", "", "| signature | takes | gives |", "|---|---|---|"]
        for key, signature in record["signatures"].items():
            lines.append(f"| `{key}` | {_specs(signature['inputs'])} | {_specs(signature['outputs'])} |")
        lines.append("")
    for artefact in record["artefacts"]:
        if "operators" in artefact:
            used = ", ".join(f"{name} {count}" for name, count in artefact["operators"].items())
            lines += [f"Operators of {artefact['file']}: {used}.", ""]
    lines += ["## Files", "", "| file | SHA-256 |", "|---|---|"]
    for artefact in record["artefacts"]:
        sums = artefact["sha256"] if isinstance(artefact["sha256"], dict) else {artefact["file"]: artefact["sha256"]}
        lines += [f"| {name} | `{digest}` |" for name, digest in sums.items()]
    made = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return "\n".join([*lines, "", f"Made with {made}. `tfi2i verify` repeats the comparison.", ""])


def _bound(bound):
    return f"{bound['psnr']:g} dB" if "psnr" in bound else f"{bound['max']:g}, mean {bound['mean']:g}"


def _specs(specs):
    return ", ".join(
        f"{name}: {spec['dtype']} ({', '.join('any' if n is None else str(n) for n in spec['shape'])})"
        for name, spec in specs.items()
    )
