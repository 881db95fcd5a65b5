"""How the cost of an optimisation step grows with the images' size, the batch and the networks' width."""

import dataclasses
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfi2i import zoo
from tfi2i.benchmark import train
from tfi2i.benchmark.export import machine, row, versions
from tfi2i.benchmark.interleaved import alone
from tfi2i.errors import UserError

# Depths at which all sizes fit one network; narrow. `size`, `batch` and `width` of an axis come on top.
CASES = {
    "pix2pix": {"netG": "unet_64"},
    "cyclegan": {"netG": "resnet_3blocks"},
    "munit": {"n_res": 2},
    "ugatit": {"light": True, "n_res": 2, "n_dis_global": 5, "n_dis_local": 4},
    "stargan": {"g_repeat_num": 2, "n_critic": 2},
    "srgan": {"n_blocks": 4, "content": "mse"},  # VGG19's width is its own
}
WIDTHS = {  # the fields that an axis' width sets
    "pix2pix": ("ngf", "ndf"),
    "cyclegan": ("ngf", "ndf"),
    "munit": ("dim", "ndf"),
    "ugatit": ("ch",),
    "stargan": ("g_conv_dim", "d_conv_dim"),
    "srgan": ("ngf", "ndf"),
}
BASE = {"size": 128, "batch": 1, "width": 8}  # of what an axis doesn't change
AXES = {"size": (64, 128, 256, 512), "batch": (1, 4, 16), "width": (8, 16, 32)}
# What a process holds besides the step's data: TensorFlow and the same graph, with next to no data.
EMPTY = {"size": 64, "batch": 1, "width": 1}
TOP = 3  # points of an axis that the exponents are of; below them each operation costs its call, whatever its size
LEAST = 32 * 2**20  # bytes of data, below which two processes differ by as much without any
# By how much an exponent may exceed that of the operations. Time: what fits the caches at the small end comes from
# memory at the large one, which on two cores makes up to a factor of two over a factor of eight, 0.3. Memory: buffers
# are reused more where there are many small ones. One loop too many, or one copy that grows, adds 1.
TOLERANCES = {"seconds": 0.35, "bytes": 0.25}
WHAT = {"seconds": "time", "bytes": "memory", "flops": "FLOP"}


@dataclass(frozen=True)
class Point:
    """A step's cost. bytes: the process' peak; data: the part that `EMPTY` hasn't; None where the system tells none."""

    size: int
    batch: int
    width: int
    seconds: float
    flops: int
    bytes: int | None
    data: int | None


@dataclass(frozen=True)
class Grown:
    """One model: {axis: [Point]}, from small to large."""

    model: str
    points: dict[str, list[Point]]

    def exponent(self, axis, quantity):
        """p of cost ~ x^p by least squares of the logarithms over the largest `TOP` points; None where unknown."""
        points = self.points[axis][-TOP:]
        costs = [(getattr(p, axis), getattr(p, "data" if quantity == "bytes" else quantity)) for p in points]
        if quantity == "bytes":
            costs = [(x, cost) for x, cost in costs if cost is not None and cost >= LEAST]
        if len(costs) < 2:
            return None
        return float(np.polyfit(*np.log(np.array(costs, float).T), 1)[0])

    def failures(self):
        """A sentence for each cost that grows faster than the operations do."""
        found = []
        for axis in self.points:
            expected = self.exponent(axis, "flops")
            for quantity, tolerance in TOLERANCES.items():
                exponent = self.exponent(axis, quantity)
                if exponent is not None and exponent > expected + tolerance:
                    found.append(
                        f"{self.model}: {WHAT[quantity]} grows as {axis}^{exponent:.2f}, its operations as "
                        f"{axis}^{expected:.2f} (expected at most {tolerance} more)"
                    )
        return found

    def as_dict(self):
        exponents = {axis: {q: self.exponent(axis, q) for q in ("seconds", "bytes", "flops")} for axis in self.points}
        points = {axis: [dataclasses.asdict(p) for p in points] for axis, points in self.points.items()}
        return {"model": self.model, "exponents": exponents, "points": points}


def benchmark(models=tuple(CASES), threads=2, turns=5):
    """Measures each point in a process of its own; an iterator of `Grown`.

    Raises: `UserError` for a model that isn't in `CASES`.
    """
    for name in models:
        if name not in CASES:
            zoo.model_class(name)  # a name of no model is said with the nearest one
            raise UserError(f"--models={name} has no case here (expected some of {', '.join(CASES)})")
    for name in models:
        yield _grown(name, threads, turns)


def _grown(name, threads, turns):
    def measured(at):
        options = options_of(name, **at)
        found = alone((step, (name, options, threads)), turns)
        print(f"{name} {at}: {min(found.seconds):.3g} s", file=sys.stderr)
        return found

    empty, known, points = measured(EMPTY).peak, {}, {}
    for axis, values in AXES.items():
        points[axis] = []
        for value in values:
            at = BASE | {axis: value}
            key = tuple(at.values())
            if key not in known:
                found = measured(at)
                data = None if found.peak is None else found.peak - empty
                # The least of the turns: what else runs on the machine only ever adds.
                known[key] = Point(*key, min(found.seconds), int(found.answer), found.peak, data)
            points[axis].append(known[key])
    return Grown(name, points)


def options_of(name, size, batch, width):
    """A point as options of the model's Config; StarGAN's batch is that of each of its mini-batches."""
    batch *= CASES[name].get("n_critic", 1)
    fields = {"crop_size": size, "batch_size": batch} | dict.fromkeys(WIDTHS[name], width)
    return CASES[name] | fields


def step(name, options, threads):
    """A function that makes a step; its first call returns the operations of one."""
    train.use_threads(threads)
    return _step(name, options)


def _step(name, options):
    import keras

    keras.utils.set_random_seed(0)
    model = zoo.create(name, **options)
    batch = train.on_device(train.batch_of(model))
    compiled = train.compiled(model)
    count = train.operations(compiled, model.config, batch)

    def first():
        compiled(batch)
        return np.array(count)

    return train.first_then(first, lambda: compiled(batch))


def table(results, threads, turns):
    """The points and the exponents as Markdown."""
    head = ["model", "axis", *(f"{WHAT[q]} ~ x^" for q in ("flops", "seconds", "bytes"))]
    lines = [row(head), row(["---"] * len(head))]
    for r in results:
        for axis in r.points:
            exponents = [r.exponent(axis, q) for q in ("flops", "seconds", "bytes")]
            lines.append(row([f"`{r.model}`", axis, *("not measured" if e is None else f"{e:.2f}" for e in exponents)]))
    head = ["model", "size", "batch", "width", "seconds", "GFLOP", "peak memory"]
    lines += ["", row(head), row(["---"] * len(head))]
    for r in results:
        for p in sorted({p for points in r.points.values() for p in points}, key=dataclasses.astuple):
            memory = "not measured" if p.bytes is None else f"{p.bytes / 2**20:,.0f} MiB"
            cells = [f"`{r.model}`", p.size, p.batch, p.width, f"{p.seconds:.3g}", f"{p.flops / 1e9:.3g}", memory]
            lines.append(row(map(str, cells)))
    notes = [
        f"Steps as `tfi2i train` makes them, {threads} threads, the least of {turns} turns; a process for each point. "
        f"The exponents are of the {TOP} largest points of an axis; what the axis doesn't change is "
        f"{BASE['size']} px, batch {BASE['batch']}, width {BASE['width']}.",
        "FLOP: multiplications and additions of the convolutions and matrix products of the step's graph. Memory: "
        "VmHWM; its exponent is of what exceeds that of the same step at width 1, and unknown where that is little.",
        f"{machine()}; {versions(False)}.",
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def plot(results):
    """The points as SVG: a column an axis, a row a quantity, a line a model; both scales logarithmic."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, NullLocator

    labels = {"seconds": "seconds a step", "data": "memory of its data, MiB", "flops": "GFLOP a step"}
    units = {"seconds": 1.0, "data": 2.0**20, "flops": 1e9}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "tfi2i", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(3.0 * len(AXES) + 1.2, 7.5), layout="constrained")
        grid = figure.subplots(len(labels), len(AXES), sharey="row", squeeze=False)
        for axes, (quantity, label) in zip(grid, labels.items(), strict=True):
            axes[0].set_ylabel(label)
            for place, axis in zip(axes, AXES, strict=True):
                for number, r in enumerate(results):
                    of = [(getattr(p, axis), getattr(p, quantity)) for p in r.points[axis]]
                    of = [(x, y / units[quantity]) for x, y in of if y is not None and y > 0]
                    place.plot(*zip(*of, strict=True), marker="osD^vP"[number % 6], label=r.model) if of else None
                place.set_xscale("log", base=2)
                place.set_yscale("log")
                place.set_xticks(AXES[axis], [str(value) for value in AXES[axis]])
                place.xaxis.set_minor_locator(NullLocator())
                place.xaxis.set_minor_formatter(NullFormatter())
                place.grid(color="#dddddd", linewidth=0.6)
        for place, axis in zip(grid[-1], AXES, strict=True):
            place.set_xlabel({"size": "image size, pixels", "batch": "batch", "width": "width"}[axis])
        handles, names = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right upper", frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def write(results, out, threads, turns):
    """growth.md, growth.json and growth.svg in the folder `out`. Returns the table."""
    from tfi2i.training.records import write_text

    out, text = Path(out), table(results, threads, turns)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "growth.md", text)
    write_text(out / "growth.json", json.dumps([r.as_dict() for r in results], indent=2) + "\n")
    write_text(out / "growth.svg", plot(results))
    return text
