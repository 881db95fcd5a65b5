"""A generator as an ONNX file, by Keras' own exporter; needs the extra `onnx`."""

import json
import warnings
from pathlib import Path

from tfi2i.errors import UserError
from tfi2i.exporting.network import output_names


def write_onnx(network, path: Path, metadata: dict) -> None:
    """Writes the network under the names of its inputs and outputs, for any batch and, as far as it goes, any size.

    The image that it gives is called `output`: no two tensors of an ONNX file have one name. `metadata` is kept as JSON
    under the key "tfi2i" of the file's own metadata.

    Raises: `UserError` without the packages.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401  reads the file back, for the proof
        import tf2onnx  # noqa: F401  what Keras' exporter is made of
    except ImportError as error:
        raise UserError(f"--format=onnx needs the package {error.name}: pip install 'tfi2i[onnx]'") from error
    import keras

    specs = [keras.InputSpec(shape=tensor.shape, dtype="float32", name=tensor.name) for tensor in network.inputs]
    signature = specs if len(specs) > 1 else specs[0]
    # Its outputs in the order of their names, without them: an output `image` would be taken for the input.
    given = sorted(output_names(network))
    unnamed = keras.Model(network.inputs, [network.output[name] for name in given]) if len(given) > 1 else network
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras asks NumPy 2 for np.object, for tf2onnx' sake
        unnamed.export(path, format="onnx", input_signature=[signature], verbose=False)
    model = onnx.load(path)
    wanted = ["output" if name == "image" else name for name in given]
    names = dict(zip([each.name for each in model.graph.output], wanted, strict=True))
    for each in model.graph.output:
        each.name = names[each.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    model.metadata_props.add(key="tfi2i", value=json.dumps(metadata))
    onnx.save(model, path)
