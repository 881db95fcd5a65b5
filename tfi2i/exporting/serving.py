"""What TF Serving reads beside a SavedModel: its three configurations, and the requests that warm a model up."""

import json
from pathlib import Path

from tfi2i.training.records import write_text

WARM_UP = "assets.extra/tf_serving_warmup_requests"  # in a version's folder

MODELS = """\
# --model_config_file: the newest version below base_path, a path in the server's container.
model_config_list {
  config {
    name: "NAME"
    base_path: "/models/NAME"
    model_platform: "tensorflow"
    # Instead of the newest, these versions, with names for their clients:
    # model_version_policy { specific { versions: 1 versions: 2 } }
    # version_labels { key: "stable" value: 1 }
    # version_labels { key: "canary" value: 2 }
  }
}
"""

BATCHING = """\
# --batching_parameters_file, with --enable_batching: requests of one signature become one batch along axis 0.
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 2 }
"""

MONITORING = """\
# --monitoring_config_file: counters and latencies for Prometheus, at this path of the REST port.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""


def write_configs(folder: str | Path, name: str):
    """Writes models.config, batching.config and monitoring.config into a model's folder, each where it is absent.

    Args:
        folder: that of the versions; the server finds it at /models/NAME.
    """
    quoted = json.dumps(name, ensure_ascii=False)[1:-1]  # a quotation mark needs a backslash in both notations
    texts = {"models": MODELS.replace("NAME", quoted), "batching": BATCHING, "monitoring": MONITORING}
    for kind, text in texts.items():
        path = Path(folder) / f"{kind}.config"
        if not path.exists():
            write_text(path, text)


def write_warm_up(path: str | Path, name: str, requests):
    """Writes the requests that TF Serving answers before it opens a version to others, since the first are slow.

    Args:
        path: VERSION/`WARM_UP`.
        name: of the model.
        requests: [(signature, {input: array or tensor})], at most 1000, of the shapes to come; strings are bytes.
    """
    import tensorflow as tf

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in requests:
            tensors = {key: tf.make_tensor_proto(value).SerializeToString() for key, value in inputs.items()}
            file.write(_prediction_log(name, signature, tensors))


def _prediction_log(name, signature, tensors):
    """A PredictionLog of one PredictRequest, by hand: tensorflow-serving-api would be a dependency for these few bytes.

    Args:
        tensors: {input: bytes of a TensorProto}.
    """
    request = _field(1, _field(1, name.encode()) + _field(3, signature.encode()))  # model_spec: name, signature_name
    for key, tensor in tensors.items():
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))  # inputs: key, value
    return _field(6, _field(1, request))  # predict_log: request


def _field(number, content):
    """A field of a protocol buffer that holds bytes, a string or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + _varint(n >> 7)
