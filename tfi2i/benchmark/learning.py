"""What each model learns in minutes: its `quick` preset, trained on a drawn set whose truth is known.

One number a model is held against the number that a copy of the input has, and the one of the same network before its
first step. A goal says how far from both it must be: so a change that makes a model learn less shows, though its code
runs and its tests pass.
"""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import re
import signal
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tfi2i import zoo
from tfi2i.benchmark.export import machine
from tfi2i.data.prepared import kind_of_data
from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.training.records import write_text

LEARNED, SECONDS = "learned.json", "seconds"
MARKS = "<!-- learning table -->", "<!-- /learning table -->"


@dataclass(frozen=True)
class Goal:
    """What says that a model has learned.

    Attributes:
        metric: the headline, by its name in `tfi2i evaluate`; the mean over the ways of a model.
        copying: how far it must be from what a copy of the input has. Of an error, at most so many times that: 0.5 is
            half. Of another number, at least so much above it. None: no copy is asked for.
        untrained: the same, from what the network has before its first step.
        copy: the metric that says what a copy has: for super-resolution bicubic interpolation, for images of noise
            training images in their place. None where it says nothing.
        form: how the table writes the headline.
        beside: {metric: how the table writes it}, further numbers.
        lower: is less better, as of an error?
        steps, options: of the training, where it isn't the preset's: its steps, and what else in the config is less.
        images: how many of the test set's are looked at; None: all.
    """

    metric: str
    copying: float | None
    untrained: float
    copy: str | None = "l1_copy"
    form: str = "L1 {:.3f}"
    beside: dict = field(default_factory=dict)
    lower: bool = True
    steps: int | None = None
    options: dict = field(default_factory=dict)
    images: int | None = None

    def limits(self, measured):
        """{"copying" and "untrained": the number that a model with these numbers must reach}."""
        far = {who: by for who in ("copying", "untrained") if (by := getattr(self, who)) is not None}
        theirs = {who: measured[who]["value"] for who in far}
        return {who: by * theirs[who] if self.lower else theirs[who] + by for who, by in far.items()}


_STYLES = {"l1_random": "with a random style {:.3f}", "diversity": "two random styles differ by {:.3f}"}
_SEEN = {"accuracy": "the attribute seen in {:.0%}", "l1_rest": "L1 elsewhere {:.3f}"}
_LIKELIHOOD = {
    "metric": "log_likelihood",
    "copy": "log_likelihood_train",
    "form": "log-likelihood {:.0f} nats",
    "lower": False,
}
_PSNR = {"metric": "psnr_y", "copy": "psnr_bicubic", "form": "PSNR {:.2f} dB", "lower": False}
_EDIT = {"metric": "l1_edit", "form": "L1 of the edit {:.3f}"}

# After the presets' steps. Runs of one model differ, by the seed and by the machine's last bits, so a bound leaves room
# for what the preset has reached (in the comments, as a share of copying's) to vary; what is known to be wrong fails.
FULL = {
    # 188 nats, 232 below training images; the paper warns of the measure's variance.
    "gan": Goal(**_LIKELIHOOD, copying=-300.0, untrained=600.0),
    "pix2pix": Goal("L1", 0.3, 0.7, beside={"PSNR": "{:.1f} dB", "SSIM": "SSIM {:.3f}"}),  # 0.20
    "cyclegan": Goal("L1", 0.55, 0.55),  # 0.39
    "unit": Goal("L1", 0.55, 0.55),  # 0.40; dark suns and light trees, which nothing but the cycle forbids, have 0.62
    "munit": Goal("L1", 0.45, 0.45, beside=_STYLES),  # 0.27, with the style of the truth
    "samunit": Goal("L1", 0.45, 0.45, beside=_STYLES),  # 0.26
    "drit": Goal("L1", 0.5, 0.5, beside=_STYLES),  # 0.29 and 0.35 in two runs
    "ugatit": Goal("L1", 0.6, 0.6),  # 0.45
    "cut": Goal("L1", 0.55, 0.5),  # 0.37, 0.41 with seed 1; 0.46 at twice the learning rate
    "dtn": Goal("accuracy", 0.5, 0.5, "accuracy_copy", "{:.1%} read", {"L1": "L1 {:.3f}"}, lower=False),  # 77 % more
    "diat": Goal(**_EDIT, copying=0.9, untrained=0.9, beside=_SEEN),  # 0.75
    "stargan": Goal(**_EDIT, copying=0.65, untrained=0.65, beside=_SEEN),  # 0.45
    "srgan": Goal(**_PSNR, copying=0.5, untrained=5.0, beside={"ssim_y": "SSIM {:.3f}"}),  # 0.84 dB more
}
# After seconds: what is learned first, colours and surroundings, is there; seeds 0 and 1 are within all bounds.
# DIAT has only learned to leave the face as it is, and bicubic interpolation is far off.
_FEW = {"images": 16}
_REST = {"metric": "l1_rest", "copying": None, "copy": None, "form": "L1 beside the edit {:.3f}"}
SHORT = {
    "gan": Goal(**_LIKELIHOOD, copying=None, untrained=300.0, steps=80, images=100),
    "pix2pix": Goal("L1", 0.5, 0.9, steps=20, **_FEW),
    "cyclegan": Goal("L1", 0.9, 0.8, steps=30, **_FEW),
    "unit": Goal("L1", 0.9, 0.8, steps=30, **_FEW),
    "munit": Goal("L1", 0.9, 0.8, steps=20, **_FEW),
    "samunit": Goal("L1", 0.9, 0.8, steps=20, **_FEW),
    "drit": Goal("L1", 0.9, 0.8, steps=20, **_FEW),
    "ugatit": Goal("L1", 0.9, 0.8, steps=30, **_FEW),
    "cut": Goal("L1", 0.9, 0.8, steps=30, **_FEW),
    "dtn": Goal("L1", 0.95, 0.9, steps=60, options={"f_iters": 50}, **_FEW),
    "diat": Goal(**_REST, untrained=0.6, steps=40, **_FEW),
    "stargan": Goal(**_EDIT, copying=1.0, untrained=0.9, steps=30, **_FEW),
    "srgan": Goal(**_PSNR, copying=None, untrained=1.0, steps=40, images=4),
}
BUDGETS = {"full": FULL, "short": SHORT}
TRUTHS = ("pairs", "domains", "labelled")  # kinds of data of which each test image has one

PAPERS = {
    "gan": "https://arxiv.org/abs/1406.2661",
    "pix2pix": "https://arxiv.org/abs/1611.07004",
    "cyclegan": "https://arxiv.org/abs/1703.10593",
    "unit": "https://arxiv.org/abs/1703.00848",
    "munit": "https://arxiv.org/abs/1804.04732",
    "samunit": "https://arxiv.org/abs/1901.08242",
    "drit": "https://arxiv.org/abs/1808.00948",
    "ugatit": "https://arxiv.org/abs/1907.10830",
    "cut": "https://arxiv.org/abs/2007.15651",
    "dtn": "https://arxiv.org/abs/1611.02200",
    "diat": "https://arxiv.org/abs/1610.05586v1",
    "stargan": "https://arxiv.org/abs/1711.09020",
    "srgan": "https://arxiv.org/abs/1609.04802",
}


@dataclass(frozen=True)
class Learned:
    """One training and what came of it.

    Attributes:
        budget: which of `BUDGETS` it had.
        minutes: of the training alone; None where it was killed, for nobody knows then how long it had taken.
        measured: {"trained", "untrained", and "copying" where it is known: {"value", "low", "high", "n", "std"}}.
        beside: {metric: the same} of the trained network.
        protocol: how it was measured, in words.
        precision: what the networks computed in while they were trained.
    """

    model: str
    seed: int
    budget: str
    steps: int
    minutes: float | None
    measured: dict
    beside: dict
    protocol: str
    precision: str = "float32"

    @property
    def goal(self):
        return BUDGETS[self.budget][self.model]

    def __str__(self):
        numbers = ", ".join(f"{who} {number['value']:.4g}" for who, number in self.measured.items())
        return f"{self.model}, seed {self.seed}, {self.steps} steps: {self.goal.metric} {numbers}"

    def failures(self):
        """What is missing to have learned, in words; nothing if it has."""
        value, found = self.measured["trained"]["value"], []
        for who, limit in self.goal.limits(self.measured).items():
            if not (value <= limit if self.goal.lower else value >= limit):  # `not`, so that nan fails too
                found.append(
                    f"{self.goal.metric} is {value:.4g} (expected {'<=' if self.goal.lower else '>='} {limit:.4g}, as "
                    f"{who} has {self.measured[who]['value']:.4g})"
                )
        return found


def benchmark(models, out, budget="full", seeds=(0,), progress=True, start=None, precision="float32"):
    """Trains and measures each model with each seed, in a process of its own; what is there already is read.

    Args:
        models: names.
        out: folder; OUT/NAME is the run of the first seed, OUT/NAME_seedS that of another.
        budget: "full", the steps of the presets, or "short", those of `SHORT`.
        progress: show bars on stderr.
        start: a function of a module to begin each process with.
        precision: what the networks compute in while they are trained; they are measured in float32.

    Returns: an iterator of `Learned`.
    Raises: `UserError` for a wrong option, or where OUT holds another training of that name; `RuntimeError` with the
    message of what failed in a training.
    """
    if budget not in BUDGETS:
        raise UserError(f"--budget={budget} (expected one of {', '.join(BUDGETS)})")
    for name in models:
        zoo.model_class(name)  # a wrong name is said before hours of training
    for name in models:
        for seed in seeds:
            run = Path(out) / (name if seed == seeds[0] else f"{name}_seed{seed}")
            job = job_of(name, budget, seed, precision)
            kept = run / LEARNED
            _check_same(job, run)
            if not kept.exists():
                _in_a_process(start, name, seed, job.recipe.precision, run, budget, progress)
            yield Learned(**json.loads(kept.read_text(encoding="utf-8")))


def _in_a_process(start, name, seed, *arguments):
    """`learn` in a process of its own, for TensorFlow keeps the memory that it has taken."""
    context = multiprocessing.get_context("spawn")  # a fork would share what TensorFlow has started
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, start, name, seed, *arguments))
    process.start()
    theirs.close()
    try:
        error = ours.recv()
    except EOFError:
        error = RuntimeError("its process was ended; the same command goes on")
    finally:
        process.join()  # interrupted, it saves its state first
    if isinstance(error, UserError):
        raise error
    if error:
        raise RuntimeError(f"{name}, seed {seed}: {error}")


def _serve(connection, start, name, seed, precision, run, budget, progress):
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            if start:
                start()
            learn(job_of(name, budget, seed, precision), run, budget, progress)
            connection.send(None)
        except UserError as error:
            connection.send(error)
        except Exception as error:  # which might not survive the way to the parent
            connection.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _end_with_parent():
    """Else it would go on unseen, and the next call would train in the same folder."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)  # a training saves its state at that


def job_of(name, budget="full", seed=0, precision="float32"):
    """The `Job` of a model's quick preset with a budget's steps."""
    from tfi2i.precision import settled
    from tfi2i.run import Job, Recipe

    preset, goal = zoo.preset(name, "quick"), BUDGETS[budget][name]
    config = dataclasses.replace(preset.config, **goal.options)
    recipe = Recipe(steps=goal.steps or preset.steps, seed=seed, precision=precision)
    return settled(Job(name, config, recipe, preset.dataset))


def learn(job, run, budget="full", progress=False):
    """Trains `job` in the folder `run`, or goes on there, measures, and writes RUN/learned.json.

    Returns: `Learned`. Raises: `UserError` where the folder holds another training.
    """
    from tfi2i.loop import train
    from tfi2i.run import load

    run, goal = Path(run), BUDGETS[budget][job.model]
    _check_same(job, run)
    with _clocked(run):
        train(job, run, progress=progress)
    examples = _testing(job)
    measurement = _truth_alone if budget == "short" and kind_of_data(job.config) in TRUTHS else _as_evaluate
    measure, protocol = measurement(load(run), examples, job, run)
    count = min(goal.images or len(examples), len(examples))
    trained = _by_metric(measure, count)
    measure, _ = measurement(untrained(job, run), examples, job, run)
    measured = {"trained": trained[goal.metric], "untrained": _by_metric(measure, count)[goal.metric]}
    if goal.copy:
        measured["copying"] = trained[goal.copy]
    beside = {metric: trained[metric] for metric in goal.beside}
    result = Learned(
        job.model,
        job.recipe.seed,
        budget,
        _steps(run),
        _minutes(run),
        measured,
        beside,
        protocol,
        job.recipe.precision,
    )
    write_text(run / LEARNED, json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    return result


def untrained(job, run):
    """The model as it was before the first step of `job` in the folder `run`."""
    import keras

    keras.utils.set_random_seed(job.recipe.seed)  # as `loop.train` does
    model = zoo.model_class(job.model)(job.config)
    model.begin(run, None, job.recipe.seed)
    return model


def table(results):
    """The results as Markdown, a row a model, with what they were measured on."""
    head = ["model", "paper", "trained here", "steps", "minutes", "result", "copying", "untrained"]
    lines = [_row(head), _row(["---"] * len(head))]
    of_model = {}
    for result in results:
        of_model.setdefault(result.model, []).append(result)
    lines += [_row(_cells(name, found)) for name, found in of_model.items()]
    seeds = ", ".join(str(seed) for seed in sorted({r.seed for r in results}))
    counts = [r.measured["trained"]["n"] for r in results]
    images = " to ".join(str(n) for n in sorted({min(counts), max(counts)}))
    notes = [
        f"Random seed {seeds}; {images} test images; the mean and, in brackets, its 95 % interval over them. "
        "Copying: what the input itself has; for `srgan` bicubic interpolation, for `gan` training images in place of "
        "samples. Untrained: the same network before its first step. L1 on [-1, 1]. Minutes are of the training alone.",
        f"{machine()}; {', '.join(f'{package} {version(package)}' for package in ('tensorflow', 'keras'))}.",
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def write_into(file, table):
    """Puts the table between the two marks of `MARKS` in a text file; None: only looks whether they are there.

    Raises: `UserError` where they aren't.
    """
    start, end = MARKS
    if not Path(file).is_file():
        raise UserError(f"no such file: --readme={file} (expected a text with a line {start} and a line {end})")
    text = Path(file).read_text(encoding="utf-8")
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise UserError(f"no place for the table in {file} (expected a line {start} and, below it, a line {end})")
    if table is not None:
        write_text(file, f"{before}{start}\n{table}{end}{after}")


def _cells(name, found):
    goal = found[0].goal
    numbers = {
        who: ", ".join(_shown(goal.form, r.measured[who]) for r in found) if who in found[0].measured else ""
        for who in ("trained", "copying", "untrained")
    }
    beside = [
        form.format(np.mean([r.beside[metric]["value"] for r in found]))
        for metric, form in goal.beside.items()
        if metric in found[0].beside
    ]
    minutes = [r.minutes for r in found]
    return [
        f"`{name}`",
        f"[{zoo.MODELS[name].paper}]({PAPERS[name]})",
        f"`{_command(found[0])}`",
        f"{found[0].steps:,}",
        "" if None in minutes else f"{np.mean(minutes):.1f}",
        "; ".join([numbers["trained"], *beside]),
        numbers["copying"],
        numbers["untrained"],
    ]


def _command(result):
    """What trains the same by hand."""
    options = {} if result.precision == "float32" else {"precision": result.precision}
    if result.budget == "short":
        options |= result.goal.options | {"steps": result.steps}
    given = [f"--{name}={value}" for name, value in options.items()]
    return " ".join([f"tfi2i train --model={result.model} --preset=quick", *given])


def _shown(form, measured):
    number = re.search(r"\{.*?\}", form)[0]
    return f"{form.format(measured['value'])} ({number.format(measured['low'])} to {number.format(measured['high'])})"


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _testing(job):
    from tfi2i.data.prepared import prepared
    from tfi2i.data.sources import open_source

    source = open_source(job.dataset, "test", job.config)
    return prepared(source, job.config, training=False, multiple=job.config.stride, cache_bytes=0)


def _as_evaluate(model, examples, job, run):
    from tfi2i.evaluation import protocol_of

    return protocol_of(job.config).measurement(model, examples, job, run, False)


def _truth_alone(model, examples, job, run):
    """As `tfi2i evaluate` measures where the truth is known, without classifiers, whose training would take longer."""
    from tfi2i.data.prepared import to_float
    from tfi2i.directions import directions_of
    from tfi2i.edits import Edits
    from tfi2i.evaluation.attributes import label_of_example, truth_of
    from tfi2i.evaluation.similarity import around_the_edit, l1

    def translated(i):
        found = {}
        for name, direction in directions.items():
            example = [to_float(image) for image in examples[i]]
            image, truth = example[direction.source], example[direction.target]
            fake = direction(image, direction.style_of(truth))
            found[name] = {"L1": l1(fake, truth), "l1_copy": l1(image, truth)}
            if getattr(job.config, "attribute", None):
                found[name] |= around_the_edit(image, fake, truth)
        return found

    def edited(i):
        image, label = to_float(examples[i][0]), label_of_example(edits, examples, i)
        return {
            name: around_the_edit(image, edits(image, to, name), to_float(truth_of(examples.source, i, to, name)))
            for name, to in edits.targets(label).items()
        }

    protocol = "L1 on [-1, 1] to the truth, of the test set's first images, as `tfi2i evaluate` prepares them."
    if kind_of_data(job.config) == "labelled":
        edits = Edits(model)
        return edited, protocol
    directions = directions_of(model)
    return translated, protocol


def _by_metric(measure, count):
    """{metric: measured} over images: of each image the mean over the ways that have the metric."""
    columns = {}
    for i in range(count):
        of_image = {}
        for metrics in measure(i).values():
            for name, value in metrics.items():
                of_image.setdefault(name, []).append(value)
        for name, values in of_image.items():
            columns.setdefault(name, []).append(float(np.mean(values)))
    return {name: interval.measured(values) for name, values in columns.items()}


def _check_same(job, run):
    """Raises `UserError` where `run` is there and holds another training than `job`."""
    from tfi2i.run import Job

    if not (run / "config.json").exists():
        return
    there, wanted = (_options(of) for of in (Job.load(run), job))
    different = [name for name, value in wanted.items() if there.get(name) != value]
    if different:
        name = different[0]
        raise UserError(
            f"{run} holds another training (expected {name} {wanted[name]}, received {there.get(name)}); give another "
            "--out, or delete that folder"
        )


def _options(job):
    return vars(job) | vars(job.recipe) | vars(job.config) | {"recipe": None, "config": None}


@contextlib.contextmanager
def _clocked(run):
    """Adds the seconds within it to RUN/seconds; a process that is killed leaves none, for nobody knows them then."""
    file, before = run / SECONDS, 0.0
    if (run / "config.json").exists():
        before = float(file.read_text()) if file.exists() else float("nan")
        file.unlink(missing_ok=True)
    start = time.perf_counter()
    try:
        yield
    finally:
        if run.is_dir():
            write_text(file, str(before + time.perf_counter() - start))


def _minutes(run):
    seconds = float((run / SECONDS).read_text())
    return seconds / 60 if np.isfinite(seconds) else None


def _steps(run):
    """How many steps a finished run had."""
    return int((run / "logs" / "metrics.csv").read_text().splitlines()[-1].split(",")[0])
