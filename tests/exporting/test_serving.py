"""What lies beside a SavedModel for TF Serving, read by the official protocol buffers."""

import re

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfi2i.exporting.serving import WARM_UP, write_configs, write_warm_up

REASON = "tensorflow-serving-api is a test dependency"


def test_configurations_are_the_servers(tmp_path):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2", reason=REASON)
    write_configs(tmp_path, "munit")
    text = (tmp_path / "models.config").read_text()
    (model,) = text_format.Parse(text, config.ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("munit", "/models/munit", "tensorflow")
    assert not model.HasField("model_version_policy") and not model.version_labels

    text = re.sub("# (model_version_policy|version_labels)", r"\1", text)
    (model,) = text_format.Parse(text, config.ModelServerConfig()).model_config_list.config
    assert list(model.model_version_policy.specific.versions) == [1, 2]
    assert dict(model.version_labels) == {"stable": 1, "canary": 2}

    (tmp_path / "models.config").unlink()
    write_configs(tmp_path, name := 'cats "and" dogs')
    text = (tmp_path / "models.config").read_text()
    assert text_format.Parse(text, config.ModelServerConfig()).model_config_list.config[0].name == name


def test_configurations_of_the_user_are_kept(tmp_path):
    (tmp_path / "batching.config").write_text("max_batch_size { value: 1 }")
    write_configs(tmp_path, "munit")
    assert (tmp_path / "batching.config").read_text() == "max_batch_size { value: 1 }"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batching.config", "models.config", "monitoring.config"]


def test_warm_up_requests_are_the_servers_and_run(exports, png, tmp_path):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2", reason=REASON)
    style = np.ones((2, 3), "float32")
    requests = [
        ("serving_default", {"image": np.zeros((2, 16, 24, 3), "float32"), "style": style}),
        ("serve_uint8", {"image": np.zeros((2, 16, 24, 3), "uint8"), "style": tf.constant(style)}),
        ("serve_bytes", {"image_bytes": np.array([png[1]] * 2, object), "style": style}),
    ]
    write_warm_up(tmp_path / WARM_UP, "styled", requests)
    signatures = tf.saved_model.load(exports / "styled/1").signatures
    records = list(tf.data.TFRecordDataset(str(tmp_path / "assets.extra" / "tf_serving_warmup_requests")))
    for record, (signature, inputs) in zip(records, requests, strict=True):
        log = logs.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert log.WhichOneof("log_type") == "predict_log"
        assert (request.model_spec.name, request.model_spec.signature_name) == ("styled", signature)
        sent = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        np.testing.assert_equal(sent, {name: np.asarray(value) for name, value in inputs.items()})
        answers = signatures[signature](**{name: tf.constant(array) for name, array in sent.items()})
        assert {len(answer) for answer in answers.values()} == {2}


@pytest.mark.parametrize("name", ["plain", "styled", "noisy"])
def test_an_export_brings_a_request_of_each_signature(exports, name):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2", reason=REASON)
    signatures = tf.saved_model.load(exports / name / "1").signatures
    records = tf.data.TFRecordDataset(str(exports / name / "1" / WARM_UP))
    requests = [logs.PredictionLog.FromString(record.numpy()).predict_log.request for record in records]
    assert [request.model_spec.signature_name for request in requests] == [
        "serving_default",
        "serve_uint8",
        "serve_bytes",
    ]
    for request in requests:
        assert request.model_spec.name == name
        sent = {key: tf.constant(tf.make_ndarray(tensor)) for key, tensor in request.inputs.items()}
        assert signatures[request.model_spec.signature_name](**sent).keys() & {"image", "image_bytes"}
