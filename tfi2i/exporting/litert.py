"""A generator as a LiteRT file (.tflite): float32, one image of one size, built-in operators only."""

import os
import re
from pathlib import Path

from tfi2i.errors import UserError
from tfi2i.exporting.report import record_path
from tfi2i.exporting.saved_model import signature


def export_litert(generator, path: str | Path, height: int, width: int) -> Path:
    """Writes what `convert` returns to a file, whole or not at all, and returns its path.

    Raises: `UserError` where the name doesn't end in .tflite, and those of `convert`.
    """
    path = Path(path)
    if path.suffix != ".tflite":
        raise UserError(f"not a LiteRT file name: {path} (expected a name that ends in .tflite)")
    content = convert(generator, height, width)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    try:
        aside.write_bytes(content)
        record_path(path).unlink(missing_ok=True)  # it describes the file that is about to be replaced
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def convert(generator, height: int, width: int) -> bytes:
    """The generator as a LiteRT flatbuffer: float32 `image` (1, height, width, C) in [-1, 1] to `image` in [-1, 1].

    Args:
        generator: functional keras.Model of an image (B, H, W, C) in [-1, 1], a vector (B, S) or both to an image.
        height, width: in pixels; multiples of the generator's stride.

    Raises: `UserError` naming the operators that LiteRT has no kernel for.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    frozen = _frozen(generator, height, width)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.translate.get_concrete_function()], frozen)
    # The other choice, TensorFlow's own kernels, is absent from phones and browsers.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return converter.convert()
    except ConverterError as error:
        missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", str(error))))
        if not missing:
            raise
        raise UserError(
            f"LiteRT cannot run {', '.join(missing)} in model {generator.name!r} (expected built-in operators only); "
            "build the layer from others, or export a SavedModel"
        ) from error


def _frozen(generator, height, width):
    import tensorflow as tf

    frozen = tf.Module()
    # Freezing sees only the tf.Variables that it can reach from here. Given the Keras model itself it finds none, and
    # writes, without a word, a file that has no weights and answers NaN.
    frozen.weights = [variable.value for variable in generator.variables]
    frozen.translate = signature(generator, fixed=(1, height, width))
    return frozen
