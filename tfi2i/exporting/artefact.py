"""An exported artefact opened from disk, in the form in which its user gets it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.exporting.report import read_record
from tfi2i.exporting.saved_model import SIGNATURE


@dataclass(frozen=True)
class Artefact:
    """A generator without its model: call it with the inputs of its signature, float32, and it returns images.

    Images are (B, H, W, C) in [-1, 1]; a style, a label or noise is a vector (B, S) for each.

    Attributes:
        path: the SavedModel's folder or the LiteRT file.
        format: "SavedModel" or "LiteRT".
        inputs, outputs: {name: shape} of the signature; None stands for any length.
        stride: height and width must be multiples of it, as export.json says (1 without one).
    """

    path: Path
    format: str
    inputs: dict
    outputs: dict
    stride: int
    run: Callable[[dict], np.ndarray]

    @property
    def image(self) -> list | None:
        """The shape of its image input, or None where it makes images of noise alone."""
        return next((shape for shape in self.inputs.values() if len(shape) == 4), None)

    @property
    def size(self) -> tuple[int, int] | None:
        """The one (height, width) that it takes, or None for any."""
        _, height, width, _ = self.image
        return None if height is None or width is None else (height, width)

    @property
    def channels(self) -> int:
        return self.image[3]

    @property
    def style_dim(self) -> int:
        return self.inputs["style"][1] if "style" in self.inputs else 0

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        by_rank = {array.ndim: np.asarray(array, np.float32) for array in arrays}
        given = {name: by_rank.get(len(shape)) for name, shape in self.inputs.items()}
        for name, shape in self.inputs.items():
            array = given[name]
            fits = array is not None and len(array) == len(arrays[0])
            if not (fits and all(n in (None, m) for n, m in zip(shape[1:], array.shape[1:], strict=True))):
                received = None if array is None else array.shape
                raise ValueError(f"{self.path} takes {name} of shape (any, {shape[1:]}). Received: {received}")
        if len(arrays) != len(given):
            raise ValueError(f"{self.path} takes {', '.join(given)}. Received: {len(arrays)} arrays")
        return self.run(given)


def open_artefact(path: str | Path) -> Artefact:
    """Opens a SavedModel (its folder, or the folder of its versions, of which the highest counts) or a LiteRT file.

    Raises: `UserError` where it is neither, unreadable, of another signature, or not what its export.json describes.
    """
    path = _located(Path(path))
    stride = read_record(path).get("stride", 1)
    artefact = _open_saved_model(path, stride) if path.is_dir() else _open_litert(path, stride)
    ranks_in, ranks_out = ([len(shape) for shape in shapes.values()] for shapes in (artefact.inputs, artefact.outputs))
    if sorted(ranks_in) not in ([4], [2, 4], [2]) or ranks_out != [4]:
        found = f"{artefact.inputs} to {artefact.outputs}"
        raise UserError(
            f"not an image model: {path} (expected an image, a vector, or both, to one image; received {found})"
        )
    return artefact


def _located(path):
    if path.suffix == ".tflite" and path.is_file():
        return path
    if (path / "saved_model.pb").is_file():
        return path
    versions = [version.parent for version in path.glob("*/saved_model.pb") if version.parent.name.isdecimal()]
    if not versions:
        raise UserError(
            f"no export: {path} (expected a SavedModel's folder or a .tflite file); see `tfi2i export --help`"
        )
    return max(versions, key=lambda version: int(version.name))


def _open_saved_model(path, stride):
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise _unreadable("SavedModel", path, error) from error
    if SIGNATURE not in loaded.signatures:
        raise UserError(f"no signature {SIGNATURE}: {path} (received {sorted(loaded.signatures)}); export it again")
    signature = loaded.signatures[SIGNATURE]
    inputs = {name: spec.shape.as_list() for name, spec in signature.structured_input_signature[1].items()}
    outputs = {name: spec.shape.as_list() for name, spec in signature.structured_outputs.items()}

    def run(arrays):
        # Through the whole model, because a signature doesn't keep the variables alive that it reads.
        (result,) = loaded.signatures[SIGNATURE](**{name: tf.constant(a) for name, a in arrays.items()}).values()
        return result.numpy()

    return Artefact(path, "SavedModel", inputs, outputs, stride, run)


def _open_litert(path, stride):
    import tensorflow as tf

    try:
        with warnings.catch_warnings():
            # The package it points to is one dependency more for the same interpreter.
            warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")
            interpreter = tf.lite.Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        translate = interpreter.get_signature_runner(SIGNATURE)
    except (ValueError, RuntimeError) as error:
        raise _unreadable("LiteRT file", path, error) from error
    inputs = {name: _litert_shape(detail) for name, detail in translate.get_input_details().items()}
    outputs = {name: _litert_shape(detail) for name, detail in translate.get_output_details().items()}

    def run(arrays):
        batch = len(next(iter(arrays.values())))  # the file holds batch 1
        results = [translate(**{name: a[i : i + 1] for name, a in arrays.items()}) for i in range(batch)]
        return np.concatenate([array for result in results for array in result.values()])

    return Artefact(path, "LiteRT", inputs, outputs, stride, run)


def _litert_shape(detail):
    return [None if n < 0 else int(n) for n in detail["shape_signature"]]


def _unreadable(kind, path, error):
    reason = str(error).strip().splitlines()[0]
    return UserError(f"unreadable {kind}: {path} ({reason}); export it again")
