"""Curves over the training: losses of logs/metrics.csv and metrics of logs/evaluation.csv, a panel a name.

The files are SVG whose colours follow the reader's light or dark scheme; programs without one see the light colours.
"""

import csv
import io
import math
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
class Panel:
    """The plot of one name; file: below the report's folder; runs: whose curves it holds; alt: what it shows."""

    name: str
    file: str
    runs: tuple
    alt: str


def read_columns(path):
    """{name: float array} of a CSV file with a header and a column "step"; {} where it is missing or holds no rows.

    A line that was cut off while it was written is left out; an empty or unreadable cell is NaN.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return {}
    if not rows or "step" not in rows[0]:
        return {}
    whole = [row for row in rows[1:] if len(row) == len(rows[0])]
    columns = zip(*whole, strict=True)
    return {name: np.array([_number(text) for text in column]) for name, column in zip(rows[0], columns, strict=False)}


def panels(runs, file, prefix, folder):
    """Writes a panel for each name that a run has two points of; those that most runs share come first.

    Args:
        file: of the logs, "metrics.csv".
        prefix: of the plots' names.
        folder: the report's.

    Returns: [`Panel`].
    """
    found = {}
    for run in runs:
        columns = read_columns(run.folder / "logs" / file)
        steps = columns.pop("step", None)
        for name, values in columns.items():
            finite = np.isfinite(values)
            if name not in NOT_LOSSES and finite.sum() > 1:
                found.setdefault(name, []).append((run, steps[finite], values[finite]))
    (folder / "curves").mkdir(exist_ok=True)
    made = []
    for number, (name, lines) in enumerate(sorted(found.items(), key=lambda item: -len(item[1])), 1):
        path = f"curves/{prefix}_{number:03d}.svg"
        (folder / path).write_text(plot(name, [(run.color, x, y) for run, x, y in lines]), encoding="utf-8")
        ends = ", ".join(f"{run.label} from {y[0]:.3g} to {y[-1]:.3g}" for run, _, y in lines)
        made.append(Panel(name, path, tuple(run for run, _, _ in lines), f"{name} over steps: {ends}"))
    return made


def plot(title, lines):
    """An SVG of lines [(color, x, y)]: the values faint, and above them smoothed."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "tfi2i", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(3.6, 2.3), layout="constrained")
        axes = figure.add_subplot()
        for color, x, y in lines:
            light, dash = COLORS[color % len(COLORS)][0], DASHES[color // len(COLORS) % len(DASHES)]
            smooth = smoothed(y)
            if smooth is not y:
                axes.plot(x, y, color=light, alpha=0.28, linewidth=0.8)
            axes.plot(x, smooth, color=light, linewidth=1.6, linestyle=dash)
        _scale(axes, np.concatenate([y for _, _, y in lines]))
        axes.set_title(title, color=INK[0], fontsize=10, loc="left", parse_math=False)
        axes.grid(color=GRID[0], linewidth=0.6)
        axes.tick_params(colors=INK[0], length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return with_schemes(file.getvalue())


def smoothed(values):
    """The mean of a window of a tenth of the values around each, shorter at the ends; few values as they are."""
    reach = len(values) // 20
    if reach < 1:
        return values
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


def _scale(axes, values):
    """Logarithmic where values span two orders; without the few that would press all others flat."""
    low, high = np.percentile(values, [1, 99])
    if low > 0 and high / low > 100:
        axes.set_yscale("log")
    elif high > low:
        margin = 0.06 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan
