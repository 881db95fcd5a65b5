"""What a run tells: its numbers as CSV and TensorBoard events, sample grids and the gallery of them over time."""

import html
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

EVALUATION_COLUMNS = ("step", "way", "metric", "value", "low", "high", "n")


def write_text(path, text):
    """Writes a text file aside and renames it, so that a reader never meets half of it."""
    aside = Path(f"{path}.tmp")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


class Records:
    """The logs of one run, below its folder.

    Args:
        run: the run's folder.
        columns: names of the numbers logged at a step.
        step: the step the run goes on from; what was logged after it, before an interruption, is dropped.
    """

    def __init__(self, run, columns, step=0):
        import tensorflow as tf

        self.run, self.columns = Path(run), ("step", *columns)
        (self.run / "logs").mkdir(exist_ok=True)
        self._events = tf.summary.create_file_writer(str(self.run / "logs"))
        self._csv, self._evaluations = (self.run / "logs" / name for name in ("metrics.csv", "evaluation.csv"))
        _drop_after(step, self._csv, self.columns)
        if self._evaluations.exists():
            _drop_after(step, self._evaluations, EVALUATION_COLUMNS)

    def log(self, step, values):
        """Appends {name: number} to metrics.csv and to TensorBoard."""
        import tensorflow as tf

        with self._csv.open("a") as file:
            file.write(_csv_line((step, *(f"{values[name]:.6g}" for name in self.columns[1:]))))
        with self._events.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._events.flush()

    def evaluation(self, step, values):
        """Appends {way: {metric: {"value", "low", "high", "n"}}} to evaluation.csv, a line each, and to TensorBoard."""
        import tensorflow as tf

        if not self._evaluations.exists():
            write_text(self._evaluations, _csv_line(EVALUATION_COLUMNS))
        with self._evaluations.open("a") as file, self._events.as_default(step):
            for way, metrics in values.items():
                for name, measured in metrics.items():
                    numbers = (f"{measured[column]:.6g}" for column in EVALUATION_COLUMNS[3:])
                    file.write(_csv_line((step, way, name, *numbers)))
                    tf.summary.scalar(f"{way}/{name}", measured["value"])
        self._events.flush()

    def sample(self, step, rows):
        """Writes a grid of pictures and brings the gallery up to date.

        Args:
            rows: lists of uint8 (H, W, 3) images, one list a row of the grid.
        """
        import tensorflow as tf

        picture = grid(rows)
        path = self.run / "samples" / f"step_{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(f"{path}.tmp", "PNG")
        os.replace(f"{path}.tmp", path)
        with self._events.as_default(step):
            tf.summary.image("samples", picture[None])
        write_gallery(self.run)


def grid(rows, gap=4):
    """Rows of uint8 images (H, W, 3) as one picture on white, in cells as large as the largest of them."""
    height, width = (max(image.shape[axis] for row in rows for image in row) for axis in (0, 1))
    size = len(rows) * (height + gap) - gap, max(map(len, rows)) * (width + gap) - gap
    picture = np.full((*size, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            picture[top : top + image.shape[0], left : left + image.shape[1]] = image
    return picture


def write_gallery(run):
    """Writes RUN/samples/index.html: the sample grids over time and the loss curves, one static page, no server."""
    run = Path(run)
    pictures = sorted(path.name for path in (run / "samples").glob("step_*.png"))
    metrics = run / "logs" / "metrics.csv"
    rows = [line.split(",") for line in metrics.read_text().splitlines()] if metrics.exists() else [["step"]]
    page = (Path(__file__).parent / "gallery.html").read_text(encoding="utf-8")
    data = {"pictures": pictures, "columns": rows[0], "rows": [[float(v) for v in row] for row in rows[1:]]}
    page = page.replace("{{title}}", html.escape(run.resolve().name))
    write_text(run / "samples" / "index.html", page.replace("{{data}}", json.dumps(data).replace("<", "\\u003c")))


def _drop_after(step, path, columns):
    """Leaves of a file of records the whole lines up to `step`, and begins it if it isn't there."""
    lines = path.read_text().splitlines()[1:] if path.exists() else []
    rows = [row for row in (line.split(",") for line in lines) if len(row) == len(columns) and int(row[0]) <= step]
    write_text(path, "".join(_csv_line(row) for row in (columns, *rows)))


def _csv_line(values):
    return ",".join(map(str, values)) + "\n"
