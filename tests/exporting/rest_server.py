"""A test double of TF Serving's REST interface: for tests on one machine, not a server to use.

It follows the public description of the interface, not the real program, as far as the client and the documentation
need it: `instances` and `inputs`; base64 in and, of outputs that end in _bytes, out; an only output has no name;
status, metadata and errors are JSON.
"""

import base64
import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from exporting.served_models import Refused
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

URL = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(:predict|/metadata|)")


@contextlib.contextmanager
def rest_server(models):
    """Serves `Models` on a free port of this machine; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer("GET", b"")

        def do_POST(self):
            self.answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, method, body):
            try:
                status, content = 200, answer(models, method, self.path, body)
            except Refused as error:
                status, content = error.args[0], {"error": error.args[1]}
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def answer(models, method, url, body):
    """The object that answers a request. Raises: `Refused`."""
    parts = URL.fullmatch(url)
    if not parts or (method == "POST") != (parts[4] == ":predict"):
        raise Refused(400, f"Malformed request: {method} {url}")
    path = models.find(*parts.groups()[:3])
    return predict(models, path, body) if method == "POST" else metadata(path) if parts[4] else status(path)


def predict(models, path, body):
    try:
        request = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"JSON Parse error: {error}") from error
    if len(request.keys() & {"instances", "inputs"}) != 1:
        raise Refused(400, "expected either instances or inputs")
    rows = "instances" in request
    inputs = decoded(request["instances" if rows else "inputs"])
    if rows and isinstance(inputs[0], dict):
        inputs = {name: [row[name] for row in inputs] for name in inputs[0]}
    outputs = models.run(path, request.get("signature_name") or "serving_default", inputs)
    outputs = {name: encoded(name, array) for name, array in outputs.items()}
    if len(outputs) == 1:
        (outputs,) = outputs.values()
    elif rows:
        outputs = [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
    return {"predictions" if rows else "outputs": outputs}


def decoded(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"]) if value.keys() == {"b64"} else {k: decoded(v) for k, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


def encoded(name, array):
    return [{"b64": base64.b64encode(file).decode()} for file in array] if name.endswith("_bytes") else array.tolist()


def status(path):
    state = {"version": path.name, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return {"model_version_status": [state]}


def metadata(path):
    graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
    signatures = {
        name: json_format.MessageToDict(signature, preserving_proto_field_name=True)
        for name, signature in graph.signature_def.items()
    }
    spec = {"name": path.parent.name, "signature_name": "", "version": path.name}
    return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}}
