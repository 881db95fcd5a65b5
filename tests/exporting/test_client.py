"""export/serving/client.py, a program of its own, against test doubles of TF Serving's two interfaces."""

import base64
import contextlib
import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exporting.rest_server import rest_server
from exporting.served_models import Models, Refused
from PIL import Image

CLIENT = Path(__file__).parents[2] / "export" / "serving" / "client.py"
STYLE = [0.5, -1.0, 2.0]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """This machine's own address is not asked for through a proxy, whatever the environment says."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def models(exports):
    return Models(exports, {"stable": "1"})


@pytest.fixture(scope="module")
def rest(models):
    with rest_server(models) as address:
        yield address


@pytest.fixture(scope="module")
def rpc(models):
    with grpc_server(models) as address:
        yield address


@contextlib.contextmanager
def grpc_server(models):
    """The Predict of TF Serving's gRPC interface; yields the address."""
    grpc = pytest.importorskip("grpc", reason="grpcio comes with tensorflow-serving-api")
    reason = "tensorflow-serving-api is a test dependency"
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2", reason=reason)
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc", reason=reason)

    class Service(service.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802 - the interface's name
            try:
                inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
                answers = models.run(models.find(request.model_spec.name), request.model_spec.signature_name, inputs)
            except Refused as error:
                code = {400: grpc.StatusCode.INVALID_ARGUMENT, 404: grpc.StatusCode.NOT_FOUND}[error.args[0]]
                context.abort(code, error.args[1])
            outputs = {name: tf.make_tensor_proto(array) for name, array in answers.items()}
            return predict_pb2.PredictResponse(outputs=outputs)

    server = grpc.server(ThreadPoolExecutor(2))
    service.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def client(*arguments, python=(sys.executable,)):
    """Runs the program; returns its exit status and what it wrote on stderr."""
    done = subprocess.run([*python, CLIENT, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stderr


def pixels(file):
    return np.asarray(Image.open(file))


@pytest.fixture
def picture(png, tmp_path):
    (tmp_path / "in.png").write_bytes(png[1])
    return tmp_path / "in.png"


def expected(exports, name, signature, **inputs):
    """The pixels that TensorFlow itself makes."""
    (answer,) = tf.saved_model.load(exports / name).signatures[signature](**inputs)["image_bytes"].numpy()
    return pixels(io.BytesIO(answer))


# Python without its packages: -I -S sees the standard library alone.
@pytest.mark.parametrize(
    "python", [(sys.executable,), (sys.executable, "-I", "-S")], ids=["as it is", "standard library"]
)
def test_a_picture_over_rest(rest, exports, png, picture, tmp_path, python):
    assert client(rest, "plain", picture, tmp_path / "out.png", python=python) == (0, "")
    answer = expected(exports, "plain/2", "serve_bytes", image_bytes=[png[1]])
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), answer)


@pytest.mark.parametrize("server", ["rest", "rpc"])
def test_a_picture_and_a_style(server, request, exports, png, picture, tmp_path):
    style = "--style=" + ",".join(map(str, STYLE))
    address = request.getfixturevalue(server)
    code, complaint = client(address, "styled", picture, tmp_path / "out.png", "--signature=AtoB_bytes", style)
    assert code == 0, complaint
    answer = expected(exports, "styled/1", "AtoB_bytes", image_bytes=[png[1]], style=[STYLE])
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), answer)


def test_a_picture_of_noise(rest, exports, tmp_path):
    assert client(rest, "noisy", "-", tmp_path / "out.png", "--noise=" + ",".join(["0.25"] * 48)) == (0, "")
    answer = expected(exports, "noisy/1", "serve_bytes", noise=[[0.25] * 48])
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), answer)


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("plain", [], "expected a JPEG or PNG file"),
        ("plain", ["--signature=BtoA"], 'HTTP Error 400: Bad Request: {"error": "Serving signature key'),
        ("plain", ["--style=1,2"], "expected ['image_bytes'], received ['image_bytes', 'style']"),
        ("absent", [], 'HTTP Error 404: Not Found: {"error": "Servable not found'),
    ],
)
def test_the_servers_complaint_is_one_line(rest, tmp_path, name, options, words):
    (tmp_path / "garbage").write_bytes(b"no picture")
    code, complaint = client(rest, name, tmp_path / "garbage", tmp_path / "out.png", *options)
    assert code == 1 and words in complaint and complaint.count("\n") == 1, complaint
    assert not (tmp_path / "out.png").exists()


def test_the_grpc_servers_complaint_is_one_line(rpc, tmp_path):
    (tmp_path / "garbage").write_bytes(b"no picture")
    code, complaint = client(rpc, "plain", tmp_path / "garbage", tmp_path / "out.png")
    *_, line = complaint.splitlines()  # the last; TensorFlow has told about its devices before
    assert code == 1 and line.startswith("INVALID_ARGUMENT: ") and "expected a JPEG or PNG file" in line
    assert not (tmp_path / "out.png").exists()


def test_no_server(picture, tmp_path):
    code, complaint = client("http://127.0.0.1:9", "plain", picture, tmp_path / "out.png")
    assert code == 1 and complaint.startswith("no answer from http://127.0.0.1:9: ") and complaint.count("\n") == 1


def test_the_double_speaks_as_the_interface_is_described(rest, exports, png):
    def ask(path, **body):
        data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(f"{rest}/v1/models/{path}", data) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["error"]

    (state,) = ask("plain")["model_version_status"]
    assert (state["version"], state["state"]) == ("2", "AVAILABLE")
    signatures = ask("styled/metadata")["metadata"]["signature_def"]["signature_def"]
    style = signatures["serve_bytes"]["inputs"]["style"]
    assert (style["dtype"], [dim["size"] for dim in style["tensor_shape"]["dim"]]) == ("DT_FLOAT", ["-1", "3"])

    image = np.random.default_rng(2).uniform(-1, 1, (2, 8, 12, 3)).astype("float32").tolist()
    first, second = ask("plain/versions/1:predict", instances=image), ask("plain:predict", inputs={"image": image})
    in_tensorflow = tf.saved_model.load(exports / "plain/1").signatures["serving_default"](image=tf.constant(image))
    np.testing.assert_array_equal(np.float32(first["predictions"]), in_tensorflow["image"])
    assert first["predictions"] != second["outputs"]
    assert ask("plain/labels/stable:predict", inputs=image)["outputs"] == first["predictions"]
    rows = [{"image": image[k], "style": STYLE} for k in range(2)]
    only = {"signature_name": "BtoA"}  # which has one output
    columns = ask("styled:predict", inputs={"image": image, "style": [STYLE] * 2}, **only)["outputs"]
    assert ask("styled:predict", instances=rows, **only)["predictions"] == columns
    file = {"b64": base64.b64encode(png[1]).decode()}
    (answer,) = ask("plain:predict", signature_name="serve_bytes", instances=[{"image_bytes": file}])["predictions"]
    assert base64.b64decode(answer["b64"]).startswith(b"\x89PNG")

    assert ask("plain/versions/7:predict", inputs=image)[0] == 404
    assert ask("plain/labels/canary:predict", inputs=image) == (404, "Unrecognized servable version label: canary")
    assert ask("plain:predict", inputs=image, instances=image)[0] == 400
    assert ask("plain:classify", inputs=image) == (400, "Malformed request: POST /v1/models/plain:classify")
