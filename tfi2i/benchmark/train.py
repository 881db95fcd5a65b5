"""How long a whole optimisation step takes: `train_step` as `tfi2i train` runs it, and the same step in PyTorch."""

import contextlib
import dataclasses
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tfi2i import zoo
from tfi2i.benchmark.export import PEERS, machine, row, versions
from tfi2i.benchmark.interleaved import Timed, alone, measure
from tfi2i.errors import UserError

# The subjects by their names in the table.
FLOAT32, BFLOAT16 = "tfi2i float32", "tfi2i mixed_bfloat16"
EAGER, LAST = "PyTorch eager", "PyTorch channels-last"
EAGER_BFLOAT16, LAST_BFLOAT16 = "PyTorch bfloat16", "PyTorch bfloat16 channels-last"
OURS = {FLOAT32: "float32", BFLOAT16: "mixed_bfloat16"}  # and their dtype policies
THEIRS = {  # (channels last, what is computed in)
    EAGER: (False, "float32"),
    LAST: (True, "float32"),
    EAGER_BFLOAT16: (False, "bfloat16"),
    LAST_BFLOAT16: (True, "bfloat16"),
}
PRECISIONS = ("both", "float32", "mixed_bfloat16")
COMPARED = ((FLOAT32, (EAGER, LAST)), (BFLOAT16, (EAGER, LAST)), (BFLOAT16, (EAGER_BFLOAT16, LAST_BFLOAT16)))

# Options beside the papers' numbers. 128 px where two cores would take half a minute a step; StarGAN's step is n_critic
# mini-batches, here of four images.
CASES = {
    "pix2pix": {},
    "cyclegan": {"crop_size": 128},
    "munit": {"crop_size": 128},
    "ugatit": {"crop_size": 128, "light": True},
    "stargan": {"batch_size": 20},
    "srgan": {"vgg": "random"},
}
NOTES = {"ugatit": "light", "stargan": "5 mini-batches of 4", "srgan": "stage srgan, content vgg54 of random weights"}

CHECKED = 2  # steps whose losses are compared in float64: the second tells whether the optimizers do the same
EXACT = 1e-6  # largest difference there, relative to the loss
# In the types that are timed the first step's alone: Adam's first update is the learning rate times the gradient's
# sign, and a gradient within rounding of zero may have either, so that MUNIT's second losses differ by a sixth between
# PyTorch's own two layouts. bfloat16 has 8 bits.
TOLERANCES = {"float32": 1e-3, "bfloat16": 0.05}
SMALL = {"float64": 1e-3, "float32": 0.01, "bfloat16": 0.1}  # losses below are often differences of larger numbers
SIDE = 2048  # of the matrices whose product tells what the machine can do


@dataclass(frozen=True)
class Measured:
    """One model's step.

    Attributes:
        images: (number a step, height, width) of the images that a step makes.
        timed: {subject: Timed}.
        flops: floating-point operations of a step, multiplications and additions.
        memory: {subject: bytes at the peak}, None where the system doesn't tell.
        peaks: {"float32", "bfloat16": operations a second of a matrix product in the same run}.
        others: the largest share of the machine that other programs took in a round.
    """

    model: str
    images: tuple[int, int, int]
    timed: dict[str, Timed]
    flops: int
    memory: dict[str, int | None]
    peaks: dict[str, float]
    others: float

    def ratios(self):
        """[(of ours, the fastest of those it is compared with, ratio of the medians, median of the rounds' own)]."""
        found = []
        for ours, theirs in COMPARED:
            there = [name for name in theirs if name in self.timed]
            if ours in self.timed and there:
                best = min(there, key=lambda name: self.timed[name].median)
                found.append((ours, best, *self.timed[ours].times_as_fast_as(self.timed[best])))
        return found

    def images_per_second(self, subject):
        return self.images[0] / self.timed[subject].median

    def share_of_peak(self, subject):
        """Of what a matrix product of the same type reaches."""
        return self.flops / self.timed[subject].median / self.peaks[type_of(subject)]

    def as_dict(self):
        subjects = {
            name: {
                "median_s": timed.median,
                "quartiles_s": timed.quartiles,
                "images_per_second": self.images_per_second(name),
                "share_of_peak": self.share_of_peak(name),
                "peak_bytes": self.memory[name],
            }
            for name, timed in self.timed.items()
        }
        return {
            "model": self.model,
            "options": CASES[self.model],
            "images": list(self.images),
            "flops": self.flops,
            "peak_flops_per_second": self.peaks,
            "others": self.others,
            "subjects": subjects,
            "times_as_fast": [
                {"subject": ours, "as": theirs, "medians": medians, "paired": paired}
                for ours, theirs, medians, paired in self.ratios()
            ],
        }


def type_of(subject):
    return "bfloat16" if "bfloat16" in subject else "float32"


def benchmark(models=tuple(CASES), precision="both", threads=2, rounds=12, peer="pytorch", apart=False):
    """Measures a step of each model, all its subjects in one interleaved run.

    Args:
        models: names of `CASES`.
        precision: one of `PRECISIONS`.
        rounds: timed turns of each subject.
        peer: "pytorch" or "none".
        apart: an interleaved run for each line of `COMPARED`, of its subjects alone.

    Returns: an iterator of `Measured`, one a model, or one a comparison.
    Raises: `UserError` for a wrong option or where PyTorch is missing, `RuntimeError` where a subject fails or its
    losses differ from ours.
    """
    for option, value, known in (("precision", precision, PRECISIONS), ("peer", peer, PEERS)):
        if value not in known:
            raise UserError(f"--{option}={value} (expected one of {', '.join(known)})")
    for name in models:
        if name not in CASES:
            zoo.model_class(name)  # a name of no model is said with the nearest one
            raise UserError(f"--models={name} has no step in PyTorch (expected some of {', '.join(CASES)})")
    if peer == "pytorch" and not find_spec("torch"):
        raise UserError("--peer=pytorch needs PyTorch: pip install 'tfi2i[benchmark]'; or --peer=none")
    for name in models:
        yield from _measured(name, precision, threads, rounds, peer, apart)


def _measured(name, precision, threads, rounds, peer, apart):
    with tempfile.TemporaryDirectory() as folder:
        start = Start(name, Path(folder), peer == "pytorch")
        wanted = ("float32", "bfloat16") if precision == "both" else (precision.removeprefix("mixed_"),)
        subjects = {s: t for s, t in start.subjects(threads).items() if type_of(s) in wanted}
        # What the fastest float32 of PyTorch is, is asked of bfloat16, too.
        if precision == "mixed_bfloat16":
            subjects |= {s: t for s, t in start.subjects(threads).items() if s in (EAGER, LAST)}
        if peer == "pytorch":
            start.prove(threads)
        together = [{ours, *theirs} & subjects.keys() for ours, theirs in COMPARED] if apart else [set(subjects)]
        for group in (group for group in together if group & OURS.keys()):
            yield _of_one_run(start, {s: subject for s, subject in subjects.items() if s in group}, threads, rounds)


def _of_one_run(start, subjects, threads, rounds):
    kinds = sorted({type_of(subject) for subject in subjects})
    products = {f"matrix product {kind}": (matrix_product, (kind, threads)) for kind in kinds}
    checked = {s: (function, (*arguments, True)) for s, (function, arguments) in subjects.items()}
    timed, others = measure(checked | products, rounds, start.check, tries=2)
    memory = {s: alone(subject).peak for s, subject in subjects.items()}
    peaks = {kind: 2 * SIDE**3 / timed[f"matrix product {kind}"].median for kind in kinds}
    return Measured(start.name, start.images, {s: timed[s] for s in subjects}, start.flops(), memory, peaks, others)


class Start:
    """What all subjects of one model start from: the same weights, batch and random numbers, in files of `folder`."""

    def __init__(self, name, folder, with_peer=True):
        import keras

        self.name, self.options, self.folder, self.with_peer = name, CASES[name], folder, with_peer
        keras.utils.set_random_seed(0)
        model = zoo.create(name, **self.options)
        batch = batch_of(model)
        self.model, self.batch, self.loss_names = model, batch, model.loss_names
        made = batch["x"] if "y" not in batch else batch["y"]
        self.images = made.shape[:3]
        arrays = {"seed": keras.ops.convert_to_numpy(model.seed_generator.state), **batch}
        arrays |= {f"weight{k}": w for k, w in enumerate(_weights(model))}
        np.savez(folder / "start.npz", **arrays)
        if with_peer:
            self._save_peer(model, batch)

    def _save_peer(self, model, batch):
        import torch

        tensors = {key: torch.tensor(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x) for key, x in batch.items()}
        content = {
            "model": self.name,
            "config": vars(_plain(model.config)),
            "networks": _peers(model),
            "batch": list(tensors.values()),
            "draws": _draws(model, batch),
            "loss_names": self.loss_names,
        }
        torch.save(content, self.folder / "peer.pt")

    def subjects(self, threads):
        """{name: (function, arguments but the last, `checked`)}."""
        ours = {
            subject: (tfi2i_step, (self.name, self.options, self.folder / "start.npz", threads, policy))
            for subject, policy in OURS.items()
        }
        theirs = {
            subject: (pytorch_step, (self.folder / "peer.pt", threads, last, kind))
            for subject, (last, kind) in THEIRS.items()
        }
        return ours | (theirs if self.with_peer else {})

    def prove(self, threads):
        """Raises `RuntimeError` where the peer's step isn't ours, by the losses of both in float64."""
        ours = (tfi2i_step, (self.name, self.options, self.folder / "start.npz", threads, "float64", True))
        theirs = (pytorch_step, (self.folder / "peer.pt", threads, False, "float64", True))
        self.compare("PyTorch float64", *(alone(subject, turns=0).answer for subject in (theirs, ours)), "float64")

    def check(self, answers):
        """Raises `RuntimeError` where the losses of a subject's first step are not those of the first subject."""
        answers = {subject: answer for subject, answer in answers.items() if subject in OURS or subject in THEIRS}
        reference = next(iter(answers))
        for subject, losses in answers.items():
            kind = "bfloat16" if "bfloat16" in type_of(subject) + type_of(reference) else "float32"
            self.compare(subject, losses, answers[reference], kind)

    def compare(self, subject, losses, expected, kind):
        """Raises `RuntimeError` where losses (steps, terms) differ by more than their type may."""
        errors = np.abs(losses - expected) / np.maximum(np.abs(expected), SMALL[kind])
        tolerance = EXACT if kind == "float64" else TOLERANCES[kind]
        for step in range(CHECKED if kind == "float64" else 1):
            worst = int(np.argmax(np.nan_to_num(errors[step], nan=np.inf)))
            if not errors[step, worst] <= tolerance:  # `not <=`, so that nan is refused, too
                raise RuntimeError(
                    f"{self.name}: {self.loss_names[worst]} of step {step + 1} is {losses[step, worst]:.9g} in "
                    f"{subject} (expected {expected[step, worst]:.9g}, as in tfi2i, within {tolerance:g} of it)"
                )
        if not np.isfinite(losses).all():
            raise RuntimeError(f"{self.name}: losses of {subject} are not finite")

    def flops(self):
        """Operations of one step."""
        return operations(compiled(self.model), self.model.config, on_device(self.batch))


def operations(step, config, batch):
    """What `flops` counts in the graph of a compiled step."""
    from tfi2i.benchmark.flops import flops

    return flops(step.get_concrete_function(batch), config.batch_size // getattr(config, "n_critic", 1))


def on_device(batch):
    import keras
    import tensorflow as tf

    return {key: tf.constant(value, keras.config.floatx()) for key, value in batch.items()}


def _weights(model):
    return [w for nets in model.players.values() for net in nets for w in net.get_weights()]


def batch_of(model):
    """Noise, (B, H, W, C) in [-1, 1], and labels: what an image shows doesn't change how long a step takes."""
    c, random = model.config, np.random.default_rng(0)

    def image(channels, side=c.crop_size):
        return random.uniform(-1, 1, (c.batch_size, side, side, channels)).astype("float32")

    if c_labels := getattr(c, "label_dim", None):
        labels = random.integers(0, 2, (c.batch_size, c_labels)).astype("float32")
        return {"x": image(3), "label": labels}
    scale = getattr(c, "scale", 1)
    return {
        "x": image(getattr(c, "input_nc", 3), c.crop_size // scale),
        "y": image(getattr(c, "output_nc", 3)),
    }


def _plain(config):
    """The fields of a Config, without the class, whose module is TensorFlow's."""
    return SimpleNamespace(**dataclasses.asdict(config))


def _peers(model):
    """{name: the network in PyTorch}."""
    import keras

    from tfi2i.benchmark.torch_twin import trainable_twin

    peers = {}
    for net in (net for nets in model.players.values() for net in nets):
        if isinstance(net.output, dict):  # what a step doesn't read isn't computed here either
            net = keras.Model(net.input, {k: v for k, v in net.output.items() if k != "heatmap"}, name=net.name)
        peers[net.name] = trainable_twin(net)
    if getattr(model.config, "content", "mse") != "mse":
        from tfi2i.zoo import srgan

        phi = srgan.vgg19(srgan.PHI[model.config.content])
        phi.set_weights(srgan.vgg19_weights(model.config.vgg, [w.shape for w in phi.weights]))
        peers["phi"] = trainable_twin(phi)
    return peers


def _draws(model, batch):
    """What the first `CHECKED` steps of the model will draw, in order; it must not have drawn before."""
    import keras

    c, drawn, floatx = model.config, [], keras.config.floatx()
    keras.config.set_floatx("float64")  # float32 draws the same bits
    for _ in range(CHECKED):
        if hasattr(c, "style_dim"):
            names = ("dis/s_a", "dis/s_b", "gen/s_a", "gen/s_b")
            drawn += [model.normal(name, (c.batch_size, c.style_dim)) for name in names]
        for k in range(getattr(c, "n_critic", 0)):
            label = batch["label"][k :: c.n_critic]
            drawn += [model.shuffled("target", label), model.uniform("t", [len(label), 1, 1, 1])]
    keras.config.set_floatx(floatx)
    return [np.asarray(draw) for draw in drawn]


def tfi2i_step(name, options, file, threads, policy, checked=False):
    """A step as `tfi2i train` makes it by default, on a batch that lies on the device.

    Args:
        file: of `Start`.
        policy: dtype policy.
        checked: the first call makes `CHECKED` steps, without dropout, and returns their losses (`CHECKED`, terms).
    """
    use_threads(threads)
    return _tfi2i_step(name, options, file, policy, checked)


def use_threads(threads):
    """Sets TensorFlow up as `tfi2i train` does, before it has started."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()


def _tfi2i_step(name, options, file, policy, checked):
    import keras

    if policy == "float64":
        keras.config.set_floatx(policy)
    keras.config.set_dtype_policy(policy)
    start = np.load(file)
    batch = on_device({key: start[key] for key in ("x", "y", "label") if key in start})

    def made(**more):
        """A new model, as `Start` had it, and its step."""
        keras.utils.set_random_seed(0)
        model = zoo.create(name, **options, **more)
        weights = iter(range(len(start.files)))
        for net in (net for nets in model.players.values() for net in nets):
            net.set_weights([start[f"weight{next(weights)}"] for _ in net.weights])
        model.seed_generator.state.assign(start["seed"])
        step = compiled(model)
        return model, lambda: step(batch)

    model, step = made()

    def losses():
        without_dropout, its_step = (
            made(no_dropout=True) if not getattr(model.config, "no_dropout", True) else (model, step)
        )
        return _losses(without_dropout, its_step)

    return first_then(losses, step) if checked else step


def compiled(model):
    """The step of a new model as `tfi2i train` runs it: a tf.function of a batch."""
    import tensorflow as tf

    from tfi2i.loop import compiled_step
    from tfi2i.run import Recipe

    model.compile(steps_per_epoch=1000)
    return compiled_step(model, tf.distribute.get_strategy(), Recipe().xla)


def _losses(model, step):
    """Those of `CHECKED` steps."""
    losses = []
    for _ in range(CHECKED):
        step()
        losses.append([float(value) for value in model.logs().values()])
        for meter in model.metrics:
            meter.reset_state()
    return np.array(losses)


def first_then(answer, step):
    """A function that returns answer() the first time and makes a step ever after."""
    answers = iter([answer])

    def call():
        return next(answers, step)()

    return call


def pytorch_step(file, threads, channels_last, kind, checked=False):
    """The same in PyTorch; needs no TensorFlow. `kind`: float32, float64, or bfloat16, which is autocast."""
    import torch

    from tfi2i.benchmark.torch_steps import STEPS

    torch.set_num_threads(threads)
    saved = torch.load(file, weights_only=False)
    networks, batch = saved["networks"], saved["batch"]
    if channels_last:
        networks = {name: network.to(memory_format=torch.channels_last) for name, network in networks.items()}
        batch = [x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in batch]
    if kind == "float64":
        torch.set_default_dtype(torch.float64)
        networks, batch = {name: network.double() for name, network in networks.items()}, [x.double() for x in batch]
    step = STEPS[saved["model"]](networks, SimpleNamespace(**saved["config"]), saved["draws"], kind == "bfloat16")

    def losses():
        with _without_dropout(networks):
            steps = [step(*batch) for _ in range(CHECKED)]
        return np.array([[float(terms.get(name, 0.0)) for name in saved["loss_names"]] for terms in steps])

    return first_then(losses, lambda: step(*batch)) if checked else lambda: step(*batch)


@contextlib.contextmanager
def _without_dropout(networks):
    from torch import nn

    layers = [m for network in networks.values() for m in network.modules() if isinstance(m, nn.Dropout)]
    rates = [layer.p for layer in layers]
    for layer in layers:
        layer.p = 0.0
    yield
    for layer, rate in zip(layers, rates, strict=True):
        layer.p = rate


def matrix_product(kind, threads):
    """A product of two matrices of `SIDE` in TensorFlow, `kind` "float32" or "bfloat16"."""
    import tensorflow as tf

    use_threads(threads)
    a, b = (tf.cast(np.random.default_rng(k).standard_normal([SIDE, SIDE], "float32"), kind) for k in range(2))
    product = tf.function(tf.matmul)
    return lambda: product(a, b)


def table(results, threads, rounds):
    """The results as Markdown, with what they were measured on."""
    head = ["model", "images a step", "subject", "seconds a step", "images/s", "of the peak", "peak memory"]
    lines = [row(head), row(["---"] * len(head))]
    for r in results:
        count, height, width = r.images
        what = [f"`{r.model}`" + (f", {NOTES[r.model]}" if r.model in NOTES else ""), f"{count} of {height}x{width}"]
        for name, timed in r.timed.items():
            low, high = timed.quartiles
            seconds = f"{timed.median:.3g} ({low:.3g}-{high:.3g})"
            share = f"{r.share_of_peak(name):.0%}"
            memory = f"{r.memory[name] / 2**20:,.0f} MiB" if r.memory[name] else "not measured"
            lines.append(row([*what, name, seconds, f"{r.images_per_second(name):.3g}", share, memory]))
            what = ["", ""]
    head = ["model", "GFLOP a step", *(f"{ours} to {' or '.join(theirs)}" for ours, theirs in COMPARED)]
    lines += ["", row(head), row(["---"] * len(head))]
    for model, of_model in groupby(results, lambda r: r.model):
        of_model = list(of_model)
        flops, found = f"{of_model[0].flops / 1e9:,.3g}", [ratio for r in of_model for ratio in r.ratios()]
        cells = [
            next(
                (f"{m:.2f} ({p:.2f}) {best}" for o, best, m, p in found if o == ours and best in theirs), "not measured"
            )
            for ours, theirs in COMPARED
        ]
        lines.append(row([f"`{model}`", flops, *cells]))
    peaks = "; ".join(
        f"{r.model} {', '.join(f'{kind} {peak / 1e9:,.0f}' for kind, peak in r.peaks.items())}" for r in results
    )
    notes = [
        f"Whole optimisation steps, all players' updates, {threads} threads: the median of {rounds} turns and, in "
        "brackets, the quartiles. Ratios are times as fast, of the medians and, in brackets, the median of the turns' "
        "own, to the faster one, which is named. Before anything was timed, dropout off, the losses of two steps were "
        "the peer's within 1e-6 in float64, and the first's alike in the types that are timed.",
        "FLOP: multiplications and additions of convolutions and matrix products, forward and backward, counted in the "
        f"graph of tfi2i's step. The peak is that of a product of two {SIDE}x{SIDE} matrices of the same type in "
        f"TensorFlow in the same run, in GFLOP a second: {peaks}.",
        "Peak memory: VmHWM of a process of the subject alone, the runtime itself included.",
        f"{machine()}; {versions(any(set(THEIRS) & set(r.timed) for r in results))}.",
        f"Other programs took at most {max(r.others for r in results):.0%} of the machine in a round.",
    ]
    return "\n".join([*lines, "", *notes]) + "\n"
