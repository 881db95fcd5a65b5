"""Sends a picture to TF Serving and writes the picture that comes back. REST needs Python alone, gRPC two packages:
`pip install grpcio tensorflow-serving-api`.

    python client.py http://localhost:8501 facades labels.png photo.png
    python client.py grpc://localhost:8500 munit cat.jpg dog.png --signature=AtoB_bytes --style=0.1,-0.3,1,0,0,2,0,0
    python client.py http://localhost:8501 gan - digit.png --noise=0.3,...      # - where a model takes no picture
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def over_rest(address, name, signature, inputs):
    request = {"signature_name": signature, "inputs": inputs}
    body = json.dumps(request, default=lambda file: {"b64": base64.b64encode(file).decode()}).encode()
    try:
        with urllib.request.urlopen(f"{address}/v1/models/{name}:predict", body, timeout=60) as response:
            outputs = json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        sys.exit(" ".join(f"{error}: {error.read().decode()}".split()))
    except OSError as error:
        sys.exit(f"no answer from {address}: {error}")
    files = outputs["image_bytes"] if isinstance(outputs, dict) else outputs  # an only output comes without its name
    return base64.b64decode(files[0]["b64"])


def over_grpc(address, name, signature, inputs):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    tensors = {key: tf.make_tensor_proto(value) for key, value in inputs.items()}
    request = predict_pb2.PredictRequest(model_spec={"name": name, "signature_name": signature}, inputs=tensors)
    try:
        with grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
            service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            return service.Predict(request, timeout=60).outputs["image_bytes"].string_val[0]
    except grpc.RpcError as error:
        sys.exit(" ".join(f"{error.code().name}: {error.details()}".split()))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for place in ("address", "name", "picture", "out"):
    parser.add_argument(place)
parser.add_argument("--signature", default="serve_bytes")
for vector in ("--style", "--label", "--noise", "--scale"):
    parser.add_argument(vector, type=lambda text: [float(number) for number in text.split(",")], metavar="NUMBERS")
args = parser.parse_args()

inputs = {key: [vector] for key in ("style", "label", "noise") if (vector := getattr(args, key))}
inputs |= {"scale": args.scale} if args.scale else {}  # one number an image, not one vector
inputs |= {"image_bytes": [Path(args.picture).read_bytes()]} if args.picture != "-" else {}
send = over_grpc if args.address.startswith("grpc://") else over_rest
Path(args.out).write_bytes(send(args.address.removeprefix("grpc://"), args.name, args.signature, inputs))
