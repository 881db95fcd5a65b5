"""An exported artefact opened from disk, in the form in which its user gets it."""

import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfi2i.errors import UserError
from tfi2i.exporting.litert import metadata_of
from tfi2i.exporting.network import SIGNATURE

SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Artefact:
    """A network without its model: called with the inputs of its signature, by name, it returns its outputs by name.

    Images are float32 (B, H, W, C) in [-1, 1]; a style, a label or noise is a vector (B, S) for each.

    Attributes:
        path: the SavedModel's folder, the LiteRT or the ONNX file.
        format: "SavedModel", "LiteRT" or "ONNX".
        inputs, outputs: {name: shape} of the signature; None stands for any length.
        stride: height and width must be multiples of it (1 where nothing says so).
        ways: the names of its networks, as far as they are known.
    """

    path: Path
    format: str
    inputs: dict
    outputs: dict
    stride: int
    run: Callable[[dict], dict]
    ways: tuple = ()

    @property
    def image(self) -> list | None:
        """The shape of its image input, or None where it makes images of noise alone."""
        return self.inputs.get("image")

    @property
    def size(self) -> tuple[int, int] | None:
        """The one (height, width) that it takes, or None for any."""
        _, height, width, _ = self.image
        return None if height is None or width is None else (height, width)

    @property
    def answers_at(self) -> tuple[int, int] | None:
        """The one (height, width) of the answers of a network that takes any size; None where they follow the input."""
        _, height, width, _ = self.outputs["image"]
        return None if self.size or height is None else (height, width)

    @property
    def channels(self) -> int:
        return self.image[3]

    @property
    def style_dim(self) -> int:
        return self.inputs["style"][1] if "style" in self.inputs else 0

    def __call__(self, **given: np.ndarray) -> dict:
        if given.keys() != self.inputs.keys():
            raise ValueError(f"{self.path} takes {', '.join(self.inputs)}. Received: {', '.join(given)}")
        arrays = {name: np.asarray(given[name]) for name in self.inputs}
        batch = len(next(iter(arrays.values())))
        for name, shape in self.inputs.items():
            received = arrays[name].shape
            fits = len(received) == len(shape) and received[0] == batch
            if not (fits and all(n in (None, m) for n, m in zip(shape[1:], received[1:], strict=True))):
                raise ValueError(f"{self.path} takes {name} of shape (any, {shape[1:]}). Received: {received}")
        return self.run(arrays)


def open_artefact(path: str | Path, way: str | None = None, suffix: str = "") -> Artefact:
    """Opens a SavedModel (its folder, or that of its versions, of which the highest counts), a LiteRT or an ONNX file.

    Args:
        way: of a SavedModel of both directions, "AtoB" or "BtoA"; default: the first.
        suffix: "_uint8" or "_bytes" for these signatures of a SavedModel.

    Raises: `UserError` where it is none, unreadable, has no such way or is not the file of its SHA256SUMS.
    """
    path = _located(Path(path))
    check_sums(path)
    if path.is_dir():
        return _open_saved_model(path, way, suffix)
    artefact = _open_litert(path) if path.suffix == ".tflite" else _open_onnx(path)
    _check_way(way, artefact.ways, path)
    return artefact


def newest(folder: Path) -> Path | None:
    """The version with the highest number in a folder of exports, a SavedModel or not; None where there is none."""
    versions = [path for path in folder.iterdir() if path.is_dir() and number_of(path.name)]
    return max(versions, key=lambda path: number_of(path.name), default=None)


def number_of(name: str) -> int:
    """The number of a version's folder, "3" or "3-devices"; 0 for other folders."""
    number = name.removesuffix("-devices")
    return int(number) if number.isascii() and number.isdecimal() else 0


def check_sums(artefact: Path) -> None:
    """Compares a file, or all files of a folder, with the SHA256SUMS that lie with them, if any.

    Raises: `UserError` naming the file that is missing or is not the one that was exported.
    """
    folder = artefact if artefact.is_dir() else artefact.parent
    if not (folder / SUMS).is_file():
        return
    sums = (line.partition("  ")[::2] for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    for digest, name in sums:
        if artefact.is_dir() or name == artefact.name:
            if not (folder / name).is_file():
                raise UserError(f"damaged export: {folder / name} is missing; export it again")
            if sha256(folder / name) != digest:
                raise UserError(f"damaged export: {folder / name} is not the file of {SUMS}; export it again")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _located(path):
    if path.suffix in (".tflite", ".onnx") and path.is_file():
        return path
    if (path / "saved_model.pb").is_file():
        return path
    versions = [version.parent for version in path.glob("*/saved_model.pb") if number_of(version.parent.name)]
    if not versions:
        raise UserError(
            f"no export: {path} (expected a SavedModel's folder, a .tflite or a .onnx file); see `tfi2i export --help`"
        )
    return max(versions, key=lambda version: number_of(version.name))


def _open_saved_model(path, way, suffix):
    import tensorflow as tf

    loaded = load_saved_model(path)
    record = _record(path)
    ways = tuple(record.get("ways", ()))
    _check_way(way, ways, path)
    first = way in (None, *ways[:1])
    key = f"{way}{suffix}" if not first else f"serve{suffix}" if suffix else SIGNATURE
    if key not in loaded.signatures:
        raise UserError(f"no signature {key}: {path} (received {sorted(loaded.signatures)}); export it again")
    signature = loaded.signatures[key]
    # Sorted, for TensorFlow gives them in an order that differs from process to process.
    inputs = {name: spec.shape.as_list() for name, spec in sorted(signature.structured_input_signature[1].items())}
    outputs = {name: spec.shape.as_list() for name, spec in sorted(signature.structured_outputs.items())}

    def run(arrays):
        # Through the whole model, because a signature doesn't keep the variables alive that it reads.
        found = loaded.signatures[key](**{name: tf.constant(array) for name, array in arrays.items()})
        return {name: found[name].numpy() for name in outputs}

    return _image_model(Artefact(path, "SavedModel", inputs, outputs, record.get("stride", 1), run, ways))


def load_saved_model(path):
    """What `tf.saved_model.load` returns. Raises `UserError` where it can't be read."""
    file = (path / "saved_model.pb").stat()
    return _loaded(path, file.st_ino, file.st_mtime_ns)


@functools.lru_cache(1)  # an export opens the same one for each way and signature
def _loaded(path, *_):
    import tensorflow as tf

    try:
        return tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise _unreadable("SavedModel", path, error) from error


def _open_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())
        if all(-1 not in detail["shape_signature"] for detail in interpreter.get_input_details()):
            interpreter.allocate_tensors()  # an unknown size would be tried as 1, which not every network can be
        translate = interpreter.get_signature_runner(SIGNATURE)
    except (ValueError, RuntimeError) as error:
        raise _unreadable("LiteRT file", path, error) from error
    inputs = {name: _litert_shape(detail) for name, detail in sorted(translate.get_input_details().items())}
    outputs = {name: _litert_shape(detail) for name, detail in sorted(translate.get_output_details().items())}

    def run(arrays):
        batch = len(next(iter(arrays.values())))  # the file holds batch 1
        found = [translate(**{name: array[i : i + 1] for name, array in arrays.items()}) for i in range(batch)]
        return {name: np.concatenate([each[name] for each in found]) for name in outputs}

    return _image_model(Artefact(path, "LiteRT", inputs, outputs, **_known(metadata_of(path)), run=run))


def _litert_shape(detail):
    return [None if n < 0 else int(n) for n in detail["shape_signature"]]


def _open_onnx(path):
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path} needs onnxruntime: pip install 'tfi2i[onnx]'") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, which share no base of theirs
        raise _unreadable("ONNX file", path, error) from error
    inputs = {each.name: _onnx_shape(each.shape) for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    called = ["image" if name == "output" else name for name in names]  # see exporting.onnx
    outputs = {name: _onnx_shape(each.shape) for name, each in zip(called, session.get_outputs(), strict=True)}

    def run(arrays):
        return dict(zip(called, session.run(names, arrays), strict=True))

    metadata = json.loads(session.get_modelmeta().custom_metadata_map.get("tfi2i", "{}"))
    return _image_model(Artefact(path, "ONNX", inputs, outputs, **_known(metadata), run=run))


def _onnx_shape(shape):
    return [n if isinstance(n, int) else None for n in shape]


def _known(metadata):
    """The attributes of an `Artefact` that a file's metadata holds."""
    return {"stride": metadata.get("stride", 1), "ways": (metadata["way"],) if "way" in metadata else ()}


def _check_way(way, ways, path):
    if way and ways and way not in ways:
        raise UserError(f"--direction={way}: {path} translates {' and '.join(ways)}")


def _record(folder):
    """The export.json of a version's folder, {} without one."""
    record = folder / "export.json"
    try:
        return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    except ValueError as error:
        raise UserError(f"damaged file: {record} ({type(error).__name__}); export again") from error


def _image_model(artefact):
    ranks = [len(shape) for shape in artefact.inputs.values()]
    if ranks.count(4) > 1 or len(artefact.outputs.get("image", artefact.outputs.get("image_bytes", []))) not in (1, 4):
        found = f"{artefact.inputs} to {artefact.outputs}"
        raise UserError(
            f"not an image model: {artefact.path} (expected an image, vectors or both, to an image; received {found})"
        )
    return artefact


def _unreadable(kind, path, error):
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UserError(f"unreadable {kind}: {path} ({reason}); export it again")
