"""Networks as a SavedModel, with the signatures that a server calls."""

from pathlib import Path

from tfi2i.exporting.signatures import signatures


def write_saved_model(ways, folder: str | Path, *, stride: int = 1, scale: int = 1) -> None:
    """Writes a SavedModel of all ways, whose signatures share one copy of the weights.

    Args:
        ways: {name: functional keras.Model of an image (B, H, W, C) in [-1, 1], vectors (B, S) or both}.
        folder: filled where it exists.
        stride, scale: of the networks, see `signatures`.
    """
    import tensorflow as tf

    serving = tf.Module()
    # tf.Variables, which a tf.Module can track; each once, though both directions may use it.
    serving.weights = list({id(v): v.value for network in ways.values() for v in network.variables}.values())
    tf.saved_model.save(serving, folder, signatures=signatures(ways, stride, scale if scale > 1 else None))


def sums_of_convolutions(network) -> list[str]:
    """The layers that add a bare convolution to something else, as residual blocks without norms do.

    On CPUs TensorFlow 2.21 makes one operation of the two, and it isn't safe to run twice at the same time: with three
    threads a dozen lines of plain TensorFlow crash, or answer wrongly, within seconds. Without oneDNN it doesn't.
    """
    import keras

    found = []
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            found += sums_of_convolutions(layer)
        elif isinstance(layer, keras.layers.Conv2D) and layer.activation is keras.activations.linear:
            after = [node.operation for node in layer._outbound_nodes]
            found += [each.name for each in after if isinstance(each, keras.layers.Add)]
    return found
