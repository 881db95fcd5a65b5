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
