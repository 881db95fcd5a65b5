"""A generator as a LiteRT file (.tflite), for phones, browsers and small machines: built-in operators only.

The file ends in a zip archive with one member, metadata.json, which says what it takes and gives. LiteRT doesn't look
at it; `unzip -p G.tflite metadata.json` reads it, and so does whatever can open a zip archive.
"""

import collections
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

from tfi2i.errors import UserError

# How weights and arithmetic are kept, by the name on the command line and in the file's name.
QUANTIZATIONS = {
    "float32": "as trained",
    "float16": "weights in 16 bits, arithmetic as the device has it; half the size",
    "dynamic": "weights in 8 bits, activations quantised as they come; a quarter of the size",
    "mixed_int8": "convolutions and dense layers in 8 bits by the ranges of real images, the rest in floats",
    "int8": "everything in 8 bits; seldom worth its loss",
}
CALIBRATED = ("mixed_int8", "int8")  # these measure the range of every activation on real images
METADATA = "metadata.json"
# What "mixed_int8" puts in 8 bits. The sums of a norm lose there what the convolutions keep, and what only moves or
# scales pixels is left out by the delegate where the ranges on both sides of it differ.
_IN_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "QUANTIZE", "DEQUANTIZE")


def convert(network, height=None, width=None, quantization="float32", examples=None) -> bytes:
    """The network as a LiteRT flatbuffer of one signature, `serving_default`, batch 1, float32 in and out.

    Args:
        network: functional keras.Model of an image (B, H, W, C) in [-1, 1], a vector (B, S) or both.
        height, width: of the images, in pixels, multiples of the network's stride; None: any, set by whoever runs it.
        quantization: a key of `QUANTIZATIONS`.
        examples: for those of `CALIBRATED`, [{name: float32 array, batch 1}], as the network will see them.

    Raises: `UserError` naming the operators that LiteRT has no kernel for.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    from tfi2i.exporting.device_form import for_devices

    frozen = _frozen(for_devices(network), (height, width))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.translate.get_concrete_function()], frozen)
    # The other choice, TensorFlow's own kernels, is absent from phones and browsers.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization in CALIBRATED:
        converter.representative_dataset = lambda: iter(examples)
    try:
        with warnings.catch_warnings():
            # TensorFlow's own calibration runs on it.
            warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")
            return _convolutions_alone(converter) if quantization == "mixed_int8" else converter.convert()
    except ConverterError as error:
        missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", str(error))))
        if not missing:
            raise
        raise UserError(
            f"LiteRT cannot run {', '.join(missing)} in model {network.name!r} (expected built-in operators only); "
            "build the layer from others, or export a SavedModel"
        ) from error


def _frozen(network, size):
    import tensorflow as tf

    from tfi2i.exporting.signatures import float_signature

    frozen = tf.Module()
    # Freezing sees only the tf.Variables that it can reach from here. Given the Keras model itself it finds none, and
    # writes, without a word, a file that has no weights and answers NaN.
    frozen.weights = [variable.value for variable in network.variables]
    frozen.translate = float_signature(network, batch=1, size=size)
    return frozen


def _convolutions_alone(converter):
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    kept_in_float = [name for name in vars(BuiltinOperator) if name.isupper() and name not in _IN_INT8]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=kept_in_float)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=converter.representative_dataset, debug_options=options
    )
    return debugger.get_nondebug_quantized_model()


def with_metadata(content: bytes, metadata: dict) -> bytes:
    """A LiteRT file with its description at its end."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:  # stored, not deflated, so that a page in a browser can read it
        archive.writestr(zipfile.ZipInfo(METADATA), json.dumps(metadata, indent=1))
    return file.getvalue()


def metadata_of(path: str | Path) -> dict:
    """The description at the end of a LiteRT file; {} where it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(METADATA))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return {}


def operators(path: str | Path) -> dict[str, int]:
    """{operator: how often} of a LiteRT file, the most frequent first."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    custom = [code.customCode for code in model.operatorCodes]
    used = [operator.opcodeIndex for graph in model.subgraphs for operator in graph.operators]
    found = collections.Counter(custom[k].decode() if custom[k] else names[codes[k]] for k in used)
    return dict(found.most_common())


def fully_delegated(path: str | Path) -> bool:
    """Whether XNNPACK, LiteRT's fast kernels for CPUs, takes the whole network as one partition."""
    from ai_edge_litert.compiled_model import CompiledModel

    with CompiledModel.from_file(str(path)) as model:
        return bool(model.is_fully_accelerated())


def benchmark(path: str | Path, threads: int, runs: int = 20, require_full_delegation: bool = True) -> dict:
    """What `litert-benchmark` measures in a process of its own: {"median_ms", ...}.

    Raises: RuntimeError where it fails, as it does on a network that is not one partition if that is required.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        options = {"model": path, "num_threads": threads, "num_runs": runs, "warmup_runs": 3, "result_json": result}
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += [f"--{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            command + ["--require_full_delegation"] * require_full_delegation,
            capture_output=True,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if done.returncode:
            raise RuntimeError(f"litert-benchmark failed on {path}: {done.stderr.strip().splitlines()[-1:]}")
        found = json.loads(result.read_text())
        return {name: found[name] for name in ("accelerators", "fully_accelerated", "num_threads")} | found["latency"]
