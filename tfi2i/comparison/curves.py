"""Curves over the training: losses of logs/metrics.csv and metrics of logs/evaluation.csv, a panel a name.

The files are SVG whose colours follow the reader's light or dark scheme; programs without one see the light colours.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np

# (on light, on dark), told apart by the colour-blind; after Okabe and Ito, but with contrast enough for thin lines.
COLORS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8a4c"),
    ("#00805e", "#2cc79a"),
    ("#a6468a", "#e79ac6"),
    ("#8a6d00", "#e8d44d"),
    ("#5a5a66", "#b9b9c6"),
)
DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)))  # for runs beyond the colours
INK, GRID = ("#4b4657", "#b9b3c6"), ("#dedae6", "#37323f")
NOT_LOSSES = ("images_per_second", "data_share")


@dataclass(frozen=True)
class Curve:
    """Numbers over steps, and the intervals around them where these are known; arrays (N,)."""

    steps: np.ndarray
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def finite(self):
        """Without what is NaN or infinite."""
        of = np.isfinite(self.values)
        return Curve(*(None if part is None else part[of] for part in vars(self).values()))


@dataclass(frozen=True)
class Panel:
    """The plot of one name; file: below the report's folder; runs: whose curves it holds; alt: what it shows."""

    name: str
    file: str
    runs: tuple
    alt: str


def losses(run):
    """{name: `Curve`} of logs/metrics.csv."""
    columns = read_columns(run.folder / "logs" / "metrics.csv")
    steps = columns.pop("step", [])
    return {name: Curve(np.array(steps), numbers(c)) for name, c in columns.items() if name not in NOT_LOSSES}


def metrics(run):
    """{"WAY METRIC": `Curve`} of logs/evaluation.csv, which has a line a step, way and metric."""
    columns = read_columns(run.folder / "logs" / "evaluation.csv")
    if not {"way", "metric", "value", "low", "high"} <= columns.keys():
        return {}
    names = [" ".join(of) for of in zip(columns["way"], columns["metric"], strict=True)]
    low, high = (numbers(columns[name]) for name in ("low", "high"))
    steps, values = np.array(columns["step"]), numbers(columns["value"])
    of_name = {name: np.array([other == name for other in names]) for name in dict.fromkeys(names)}
    return {name: Curve(steps[of], values[of], low[of], high[of]) for name, of in of_name.items()}


def read_columns(path):
    """{name: [text]} of a CSV file with a header, "step" as whole numbers; {} where it is missing or has no rows.

    A line that was cut off while it was written is left out.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return {}
    whole = [row for row in rows[1:] if len(row) == len(rows[0]) and row[0].isdigit()]
    if not whole or rows[0][0] != "step":
        return {}
    columns = dict(zip(rows[0], map(list, zip(*whole, strict=True)), strict=True))
    return columns | {"step": [int(text) for text in columns["step"]]}


def numbers(texts):
    """Floats of texts; NaN of what is none."""
    found = []
    for text in texts:
        try:
            found.append(float(text))
        except ValueError:
            found.append(np.nan)
    return np.array(found)


def panels(runs, curves_of, prefix, folder):
    """Writes a panel for each name that a run has two points of; those that most runs share come first.

    Args:
        curves_of: `losses` or `metrics`.
        prefix: of the plots' names.
        folder: the report's.

    Returns: [`Panel`].
    """
    found = {}
    for run in runs:
        for name, curve in curves_of(run).items():
            if np.isfinite(curve.values).sum() > 1:
                found.setdefault(name, []).append((run, curve.finite()))
    (folder / "curves").mkdir(exist_ok=True)
    made = []
    for number, (name, lines) in enumerate(sorted(found.items(), key=lambda item: -len(item[1])), 1):
        path = f"curves/{prefix}_{number:03d}.svg"
        (folder / path).write_text(plot(name, [(run.color, curve) for run, curve in lines]), encoding="utf-8")
        ends = ", ".join(f"{run.label} from {c.values[0]:.3g} to {c.values[-1]:.3g}" for run, c in lines)
        made.append(Panel(name, path, tuple(run for run, _ in lines), f"{name} over steps: {ends}"))
    return made


def plot(title, curves):
    """An SVG of [(color, `Curve`)]: the values faint, and above them smoothed; or with their intervals as they are."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "tfi2i", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(3.6, 2.3), layout="constrained")
        axes = figure.add_subplot()
        for color, curve in curves:
            light, dash = COLORS[color % len(COLORS)][0], DASHES[color // len(COLORS) % len(DASHES)]
            if curve.low is not None:
                axes.fill_between(curve.steps, curve.low, curve.high, color=light, alpha=0.18, linewidth=0)
                axes.plot(curve.steps, curve.values, color=light, linewidth=1.6, linestyle=dash, marker=".")
            else:
                axes.plot(curve.steps, curve.values, color=light, alpha=0.28, linewidth=0.8)
                axes.plot(curve.steps, smoothed(curve.values), color=light, linewidth=1.6, linestyle=dash)
        _scale(axes, curves)
        axes.set_title(title, color=INK[0], fontsize=10, loc="left", parse_math=False)
        axes.grid(color=GRID[0], linewidth=0.6)
        axes.tick_params(colors=INK[0], length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return with_schemes(file.getvalue())


def smoothed(values):
    """The mean of a window of a tenth of the values around each, shorter at the ends."""
    reach = len(values) // 20
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def with_schemes(svg):
    """The SVG with each colour of ours as one that changes where the reader's scheme is dark."""
    dark = []
    for number, (on_light, on_dark) in enumerate((INK, GRID, *COLORS)):
        svg = svg.replace(on_light, f"var(--c{number}, {on_light})")
        dark.append(f"--c{number}: {on_dark};")
    style = f"<style>@media (prefers-color-scheme: dark) {{ svg {{ {' '.join(dark)} }} }}</style>"
    head, rest = svg.split("<defs>", 1)
    return f"{head}{style}\n <defs>{rest}"


def _scale(axes, curves):
    """Logarithmic where values span two orders; of losses without the few that would press all others flat."""
    shown = [part for _, curve in curves for part in (curve.values, curve.low, curve.high) if part is not None]
    with_intervals = len(shown) > len(curves)
    low, high = np.nanpercentile(np.concatenate(shown), [0, 100] if with_intervals else [1, 99])
    if low > 0 and high / low > 100:
        axes.set_yscale("log")
    elif high > low:
        margin = 0.06 * (high - low)
        axes.set_ylim(low - margin, high + margin)
