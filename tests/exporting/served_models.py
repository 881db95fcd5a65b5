"""SavedModels in folders, found and run as TF Serving does: what the test doubles of its two interfaces share."""

from functools import cache
from pathlib import Path

import tensorflow as tf


class Refused(Exception):
    """The request is at fault: HTTP status and message."""


class Models:
    """The models in a folder: FOLDER/NAME/VERSION/saved_model.pb.

    Args:
        labels: {label: version} of all of them.
    """

    def __init__(self, folder, labels=()):
        self.folder, self.labels = Path(folder), dict(labels)
        self.load = cache(lambda path: tf.saved_model.load(path))

    def find(self, name, version=None, label=None):
        """A version's folder: where none is named that of the highest whole number; other names are no versions."""
        if label and not (version := self.labels.get(label)):
            raise Refused(404, f"Unrecognized servable version label: {label}")
        versions = [path for path in (self.folder / name).glob("*") if path.name.isdecimal()]
        found = [path for path in versions if version in (None, path.name)]
        if not found:
            raise Refused(404, f"Servable not found for request: {name}, version {version or 'latest'}")
        return max(found, key=lambda path: int(path.name))

    def run(self, path, signature, inputs):
        """{name: array} of {name: array or nested lists}, or of the only input's array or lists."""
        signatures = self.load(path).signatures
        if signature not in signatures:
            raise Refused(400, f'Serving signature key "{signature}" not found.')
        specs = signatures[signature].structured_input_signature[1]
        if not isinstance(inputs, dict) and len(specs) == 1:
            inputs = dict.fromkeys(specs, inputs)
        if not isinstance(inputs, dict) or inputs.keys() != specs.keys():
            raise Refused(400, f"input keys: expected {sorted(specs)}, received {sorted(inputs)}")
        try:
            tensors = {name: tf.constant(inputs[name], spec.dtype) for name, spec in specs.items()}
            return {name: tensor.numpy() for name, tensor in sorted(signatures[signature](**tensors).items())}
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise Refused(400, str(error)) from error
