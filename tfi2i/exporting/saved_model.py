"""A generator as a SavedModel in a folder that TF Serving can watch."""

import os
import tempfile
from pathlib import Path

SIGNATURE = "serving_default"  # the one that TF Serving and saved_model_cli take where none is named


def export_saved_model(generator, folder: str | Path, *, name: str = "image") -> Path:
    """Writes FOLDER/1, or the next version after the highest there; it appears at once and whole.

    The signature `serving_default` takes any number and size of images, as far as the generator does.

    Args:
        generator: functional keras.Model of an image (B, H, W, C) in [-1, 1], a vector (B, S) or both to an image.
        folder: created where it doesn't exist.
        name: of the image in the signature, as input and as output.

    Returns: the version's folder.
    """
    import tensorflow as tf

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    serving = _serving(generator, name)
    # A server polls for whole numbers, so the version takes its number last.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as aside:
        tf.saved_model.save(serving, f"{aside}/model", signatures={SIGNATURE: serving.serve})
        version = folder / str(next_version(folder))
        os.rename(f"{aside}/model", version)
    return version


def _serving(generator, name):
    import tensorflow as tf

    serving = tf.Module()
    serving.weights = [variable.value for variable in generator.variables]  # tf.Variables, which a tf.Module can track
    serving.serve = signature(generator, name)
    return serving


def signature(generator, name="image", fixed=()):
    """A generator as a tf.function of its inputs to {"image"}; each input has the name that it has in the generator.

    Args:
        name: of the image, as input and as output.
        fixed: (B, H, W), where these are known.
    """
    import tensorflow as tf

    batch, *size = fixed or (None,)
    specs = []
    for tensor in generator.inputs:
        if len(tensor.shape) == 4:
            shape, called = [batch, *(size or tensor.shape[1:3]), tensor.shape[-1]], name
        else:  # a style, a label, noise
            shape, called = [batch, tensor.shape[-1]], tensor.name
        specs.append(tf.TensorSpec(shape, tf.float32, name=called))

    def serve(*inputs):
        return {name: generator(inputs if len(inputs) > 1 else inputs[0], training=False)}

    return tf.function(serve, input_signature=specs)


def next_version(folder):
    """The number after the highest version in a folder."""
    return 1 + max((int(path.name) for path in folder.iterdir() if path.name.isdecimal()), default=0)
