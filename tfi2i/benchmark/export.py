"""How long a generator takes for one image: in Keras, in LiteRT as exported, and in PyTorch."""

import os
import platform
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tfi2i import zoo
from tfi2i.benchmark import runtimes
from tfi2i.benchmark.interleaved import Timed, measure
from tfi2i.errors import UserError

PEERS = ("pytorch", "none")
# The runtimes by their names in the table; the second and the last stand beside LiteRT float32, as the goals do.
KERAS, FLOAT32, FLOAT16, DYNAMIC, PYTORCH = (
    "Keras tf.function",
    "LiteRT float32",
    "LiteRT float16",
    "LiteRT dynamic",
    "PyTorch eager",
)
LITERT = {FLOAT32: "float32", FLOAT16: "float16", DYNAMIC: "dynamic"}
COMPARED = ((FLOAT32, KERAS), (FLOAT32, PYTORCH), (DYNAMIC, FLOAT32))
PRESETS = {"gan": "mnist_conv"}  # for its paper's own network is three matrices
# What a network must be told to take images of `side` pixels; the others take any size, or have one of their own.
AT_SIZE = {"pix2pix": lambda side: {"netG": f"unet_{side}"}, "ugatit": lambda side: {"crop_size": side}}
OWN_SIZE = ("gan", "dtn")
TOLERANCE = 1e-3  # of a peer in float32, on images in [-1, 1]


@dataclass(frozen=True)
class Measured:
    """One generator: what it is, and {runtime: Timed}.

    Attributes:
        answer: (height, width) of the image that is made.
        errors: {runtime: largest absolute difference from Keras' answer}.
        others: the largest share of the machine that other programs took in a round.
    """

    model: str
    way: str
    parameters: int
    answer: tuple[int, int]
    timed: dict[str, Timed]
    errors: dict[str, float]
    others: float

    def as_dict(self):
        return {
            "model": self.model,
            "way": self.way,
            "parameters": self.parameters,
            "answer": list(self.answer),
            "median_ms": {name: 1e3 * t.median for name, t in self.timed.items()},
            "quartiles_ms": {name: [1e3 * q for q in t.quartiles] for name, t in self.timed.items()},
            "max_error": self.errors,
            "others": self.others,
            "times_as_fast": [
                {"runtime": ours, "as": other, "medians": medians, "paired": paired}
                for ours, other in COMPARED
                if other in self.timed
                for medians, paired in [self.timed[ours].times_as_fast_as(self.timed[other])]
            ],
        }


def benchmark(models=tuple(zoo.MODELS), size=(128, 128), threads=2, rounds=30, peer="pytorch", preset=None):
    """Measures the first generator of each model at batch 1, all its runtimes in one interleaved run.

    Args:
        models: names.
        size: (height, width) of the image that is made; SRGAN makes it of a smaller one, GAN and DTN have their own.
        rounds: timed calls of each runtime.
        peer: "pytorch" or "none".
        preset: in the place of the papers' configurations.

    Returns: an iterator of `Measured`.
    Raises: `UserError` for a wrong option or where PyTorch is missing, `RuntimeError` where a runtime fails, isn't
    wholly delegated, or in float32 differs from Keras by more than `TOLERANCE`.
    """
    if peer not in PEERS:
        raise UserError(f"--peer={peer} (expected one of {', '.join(PEERS)})")
    for name in models:
        zoo.model_class(name)  # a wrong name is said before minutes of measuring
    if peer == "pytorch" and not find_spec("torch"):
        raise UserError("--peer=pytorch needs PyTorch: pip install 'tfi2i[benchmark]'; or --peer=none")
    for name in models:
        yield _measured(name, size, threads, rounds, peer, preset)


def _measured(name, size, threads, rounds, peer, preset):
    import keras

    from tfi2i.exporting import convert
    from tfi2i.exporting.examples import random_inputs

    keras.utils.set_random_seed(0)
    model, (height, width) = _model(name, size, preset)
    way, generator = next(iter(model.generators().items()))
    _draw_vectors(generator)
    inputs = random_inputs(generator, (height, width))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.keras"
        generator.save(file)
        subjects = {KERAS: (runtimes.keras_function, (file, inputs, threads))}
        for runtime, quantization in LITERT.items():
            lite = file.with_name(f"{quantization}.tflite")
            lite.write_bytes(convert(generator, height, width, quantization))
            subjects[runtime] = (runtimes.litert, (lite, inputs, threads))
        if peer == "pytorch":
            subjects[PYTORCH] = (runtimes.pytorch, (file, inputs, threads))
        timed, others = measure(subjects, rounds, _check_exact)
    errors = _errors({runtime: t.answer for runtime, t in timed.items()})
    return Measured(name, way, generator.count_params(), timed[KERAS].answer.shape[1:3], timed, errors, others)


def _errors(answers):
    return {runtime: float(np.abs(answer - answers[KERAS]).max()) for runtime, answer in answers.items()}


def _check_exact(answers):
    for runtime, error in _errors(answers).items():
        if runtime in (FLOAT32, PYTORCH) and not error <= TOLERANCE:  # `not <=`, so that nan is refused too
            raise RuntimeError(f"{runtime} differs from Keras by {error:.1e} (expected at most {TOLERANCE})")


def _model(name, size, preset):
    """The model, and (height, width) of its input."""
    options = AT_SIZE.get(name, lambda side: {})(max(size)) if preset is None else {}
    model = zoo.create(name, preset or PRESETS.get(name), **options)
    c = model.config
    if name in OWN_SIZE:
        return model, (c.crop_size, c.crop_size)
    height, width = (n // getattr(c, "scale", 1) for n in size)
    fixed = next(iter(model.generators().values())).inputs[0].shape[1:3]  # the image comes first
    if height % c.stride or width % c.stride or fixed not in ((None, None), (height, width)):
        raise UserError(f"--size={size[0]}x{size[1]} doesn't fit {name} (expected multiples of {c.stride}, a square)")
    return model, (height, width)


def _draw_vectors(generator):
    """Scales and shifts off their initial 1 and 0, which the converter would fold away, as after a training."""
    random = np.random.default_rng(0)
    generator.set_weights(
        [w + 0.05 * random.standard_normal(w.shape) if w.ndim == 1 else w for w in generator.get_weights()]
    )


def table(results, threads, rounds):
    """The results as Markdown, with what they were measured on."""
    runtimes_there = list(results[0].timed)
    compared = [pair for pair in COMPARED if set(pair) <= set(runtimes_there)]
    head = ["model", "parameters", "image", *runtimes_there, *(f"{ours} to {other}" for ours, other in compared)]
    lines = [row(head), row(["---"] * len(head))]
    for r in results:
        times = [f"{_ms(t.median)} ({_ms(t.quartiles[0])}-{_ms(t.quartiles[1])})" for t in r.timed.values()]
        ratios = [r.timed[ours].times_as_fast_as(r.timed[other]) for ours, other in compared]
        ratios = [f"{medians:.2f} ({paired:.2f})" for medians, paired in ratios]
        image = f"{r.answer[0]}x{r.answer[1]}"
        lines.append(row([f"`{r.model}` {r.way}", f"{r.parameters:,}", image, *times, *ratios]))
    worst = {name: max(r.errors[name] for r in results) for name in runtimes_there[1:]}
    notes = [
        f"Milliseconds for one image, batch 1, {threads} threads: the median of {rounds} turns and, in brackets, the "
        "quartiles. Ratios are times as fast: of the medians and, in brackets, the median of the turns' own.",
        f"{machine()}; {versions(PYTORCH in runtimes_there)}.",
        f"Other programs took at most {max(r.others for r in results):.0%} of the machine in a round.",
        "Largest difference from Keras: " + ", ".join(f"{name} {error:.1e}" for name, error in worst.items()) + ".",
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def row(cells):
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _ms(seconds):
    return f"{1e3 * seconds:.3g}"


def machine():
    """Cores, and the vector instructions that decide the rest, without a name."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    vectors = next((f" with {name}" for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    return f"{os.cpu_count()} CPU cores{vectors}, {platform.machine()}"


def versions(with_torch):
    names = ("tensorflow", "keras", "ai-edge-litert", *(["torch"] if with_torch else []))
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)])
