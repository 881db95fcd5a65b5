"""A generator as a SavedModel in a folder that TF Serving can watch."""

import os
import tempfile
from pathlib import Path

SIGNATURE = "serving_default"  # the one that TF Serving and saved_model_cli take where none is named


def export_saved_model(generator, folder: str | Path, *, name: str = "image") -> Path:
    """Writes FOLDER/1, or the next version after the highest there; it appears at once and whole.

    The signature `serving_default` takes any number and size of images, as far as the generator does.

    Args:
        generator: functional keras.Model, float32 (B, H, W, C) in [-1, 1], perhaps with a style (B, S), to the same.
        folder: created where it doesn't exist.
        name: of the image in the signature, as input and as output; a generator's style is named `style`.

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
    """A generator as a tf.function of `image`, and of `style` where it has styles, to {"image"}, with named inputs.

    Args:
        fixed: (B, H, W), where these are known.
    """
    import tensorflow as tf

    image, *style = (tensor.shape for tensor in generator.inputs)
    batch, *size = fixed or (None, *image[1:3])
    specs = [tf.TensorSpec([batch, *size, image[-1]], tf.float32, name=name)]
    if not style:
        return tf.function(lambda image: {name: generator(image, training=False)}, input_signature=specs)
    specs.append(tf.TensorSpec([batch, style[0][-1]], tf.float32, name="style"))
    return tf.function(lambda image, style: {name: generator([image, style], training=False)}, input_signature=specs)


def next_version(folder):
    """The number after the highest version in a folder."""
    return 1 + max((int(path.name) for path in folder.iterdir() if path.name.isdecimal()), default=0)
