"""The matrix: every model x {SavedModel's signatures, LiteRT float32, float16, dynamic, mixed_int8}, and ONNX.

Each equals the model within its bound (or the export fails), holds no Flex operator, answers no NaN and, as LiteRT, is
one partition of the delegate; and each is read by a fresh process that has no tfi2i.
"""

import json
import os
import subprocess
import sys

import pytest
from sizes import SIZES, options

import tfi2i
from tfi2i.exporting import export_networks
from tfi2i.exporting.about import About
from tfi2i.exporting.examples import examples
from tfi2i.exporting.saved_model import sums_of_convolutions

# Besides every model at a size at which it takes seconds, forms that have other layers.
CASES = {name: (name, options(name)) for name in SIZES} | {
    "pix2pix U-Net, batch norm": ("pix2pix", {"netG": "unet_32", "ngf": 4, "ndf": 4}),
    "pix2pix U-Net, grey to colour": ("pix2pix", {"netG": "unet_32", "ngf": 4, "ndf": 4, "input_nc": 1}),
    "pix2pix ResNet, batch norm": ("pix2pix", {"netG": "resnet_2blocks", "ngf": 4, "ndf": 4}),
    "gan, convolutions": ("gan", {"architecture": "conv", "ngf": 4, "ndf": 4, "nz": 6, "crop_size": 32}),
    "srgan x2": ("srgan", options("srgan") | {"scale": 2}),
    "stargan, two sets": (
        "stargan",
        options("stargan") | {"attributes": "black_hair,blond_hair,smiling/angry,happy", "exclusive": "angry+happy"},
    ),
    "ugatit, full": ("ugatit", options("ugatit") | {"light": False}),
}
QUANTIZATIONS = ("float32", "float16", "dynamic", "mixed_int8")

# Reads the folders of exports, a line each, and answers each with {artefact: the worst difference}.
ALONE = """
import json, sys
import numpy as np
sys.modules["tfi2i"] = None  # importing it fails
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
for line in sys.stdin:
    folder = line.strip()
    record = json.load(open(folder + "/export.json"))
    proof = np.load(folder + "/proof.npz")
    served = tf.saved_model.load(folder)
    worst = {}
    for way in record["ways"]:
        given = {key.split("/")[2]: proof[key] for key in proof.files if key.startswith(f"inputs/{way}/")}
        wanted = proof[f"expected/{way}/image"]
        signature = served.signatures[way if len(record["ways"]) > 1 else "serving_default"]
        answers = {".": signature(**{name: tf.constant(x) for name, x in given.items()})["image"].numpy()}
        for artefact in record["artefacts"]:
            if artefact["format"] == "LiteRT" and artefact["way"] == way:
                translate = Interpreter(folder + "/" + artefact["file"]).get_signature_runner()
                each = [
                    translate(**{name: x[k : k + 1] for name, x in given.items()})["image"] for k in range(len(wanted))
                ]
                answers[artefact["file"]] = np.concatenate(each)
        for name, answer in answers.items():
            assert np.isfinite(answer).all(), name
            worst[name] = max(worst.get(name, 0.0), float(np.abs(answer - wanted).max()))
    print(json.dumps(worst), flush=True)
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A function: what a process that has no tfi2i finds in the folder of an export; one process for all of them."""
    errors = tmp_path_factory.mktemp("alone") / "stderr.txt"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    running = []

    def ask(folder):
        if not running:
            with errors.open("w") as stderr:
                running.append(subprocess.Popen([sys.executable, "-c", ALONE], stderr=stderr, **pipes))
        process = running[-1]
        print(folder, file=process.stdin, flush=True)
        answer = process.stdout.readline()
        if not answer:  # it has failed, and the next folder needs another
            running.pop().communicate()
            pytest.fail(errors.read_text()[-2000:])
        return json.loads(answer)

    yield ask
    for process in running:
        process.communicate()


@pytest.mark.parametrize("case", CASES)
def test_every_artefact_equals_the_model(case, alone, tmp_path):
    name, given = CASES[case]
    model = tfi2i.create(name, **given)
    networks = model.generators()
    if case == "ugatit":
        networks = model.generators_with_attention()
    side, scale = model.config.crop_size, getattr(model.config, "scale", 1)
    size = (side // scale, side // scale)
    inputs = examples(networks, model, None, size, "test", 2)
    folder = export_networks(
        networks,
        About("a", name, stride=model.config.stride, scale=scale),
        inputs,
        ("saved_model", "litert"),
        QUANTIZATIONS,
        tmp_path,
        size=size,
        representative=inputs[0],
        benchmark=False,
    ).path

    sums = [name for network in networks.values() for name in sums_of_convolutions(network)]
    assert bool(sums) == ("srgan" in case)  # whose test size has no norm; see exporting.saved_model
    record = json.loads((folder / "export.json").read_text())
    keys = {"serving_default", "serve_uint8", "serve_bytes"}
    if len(networks) > 1:
        keys |= {f"{way}{form}" for way in networks for form in ("", "_uint8", "_bytes")}
    assert record["signatures"].keys() == keys
    lite = [each for each in record["artefacts"] if each["format"] == "LiteRT"]
    assert [each["quantization"] for each in lite] == list(QUANTIZATIONS) * len(networks)
    for each in lite:
        assert each["fully_delegated"], each["file"]
        assert not [operator for operator in each["operators"] if operator.startswith("Flex") or "VAR" in operator]
    weights = {id(v): v.value for network in networks.values() for v in network.variables}.values()
    held = (folder / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert held < 1.05 * sum(4 * int(v.shape.num_elements()) for v in weights) + 20_000  # one copy

    worst = alone(folder)
    assert worst.keys() == {".", *(each["file"] for each in lite)}
    assert all(error <= 1e-4 for file, error in worst.items() if file == "." or "float32" in file)


@pytest.mark.parametrize("name", SIZES)
def test_onnx(name, tmp_path):
    """Of one way: it is proven by the export itself, to 1e-4."""
    model = tfi2i.create(name, **options(name))
    networks = model.generators_with_attention() if name == "ugatit" else model.generators()
    networks = dict(list(networks.items())[:1])
    side = model.config.crop_size // getattr(model.config, "scale", 1)
    inputs = examples(networks, model, None, (side, side), "test", 2)
    exported = export_networks(networks, About("a", name), inputs, ("onnx",), out=tmp_path, benchmark=False)
    (record,) = exported.artefacts
    assert record["format"] == "ONNX" and record["difference"].keys() == networks.keys()


@pytest.mark.parametrize("name", SIZES)
def test_the_papers_networks_can_be_asked_twice_at_once(name):
    given = {key: value for key, value in options(name).items() if key not in ("norm", "netG")}
    for network in tfi2i.create(name, **given).generators().values():
        assert not sums_of_convolutions(network)
