"""Several runs on one page: the same inputs through each, the metrics beside one another, curves, settings.

compare(["runs/a", "runs/b"], "report")     # report/index.html; opens from the file system, sends nothing anywhere
"""

import importlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tfi2i.errors import UserError

_SECTIONS = {
    "translations": "two_domains",
    "edits of labelled pictures": "attributes",
    "images of noise": "generation",
    "enlargements": "super_resolution",
}


@dataclass(frozen=True)
class Options:
    """What is shown: see `compare`."""

    split: str
    dataset: str | None
    count: int | None
    direction: str | None
    styles: int
    progress: bool


def compare(runs, out, split="test", dataset=None, count=None, direction=None, styles=5, progress=True):
    """Writes a page that compares runs, whole or not at all.

    Args:
        runs: folders of runs of one kind; the first says how the inputs are prepared.
        out: the folder to write; one that holds such a page is replaced.
        split: whose pictures are shown.
        dataset: a name or folder other than the one the runs were trained on.
        count: how many inputs; by default 12, of noise 36.
        direction: show "AtoB" or "BtoA" alone.
        styles: how many random styles a model of many is shown with.

    Returns: `out`. Raises: `UserError` where a run is none, runs can't share inputs, or `out` is another folder.
    """
    from tfi2i.comparison.album import Album
    from tfi2i.comparison.curves import losses, metrics, panels
    from tfi2i.comparison.facts import differences, facts
    from tfi2i.comparison.page import page
    from tfi2i.comparison.runs import open_runs
    from tfi2i.comparison.scores import scores

    out, options = Path(out), Options(split, dataset, count, direction, styles, progress)
    for name, value in (("count", count), ("styles", styles)):
        if value is not None and value < 1:
            raise UserError(f"--{name}={value} (expected at least 1)")
    if out.exists() and not _is_report(out):
        raise UserError(f"--out={out} exists and is not a comparison (expected a new folder); name another")
    opened = open_runs(runs, dataset)
    kind = importlib.import_module(f"tfi2i.comparison.{_SECTIONS[opened[0].shown]}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".comparison-", dir=out.parent) as aside:
        made = Path(aside) / "new"
        made.mkdir()
        sections = kind.sections(opened, options, Album(made))
        curves = {
            "Metrics over the training": panels(opened, metrics, "metric", made),
            "Losses": panels(opened, losses, "loss", made),
        }
        text = page(opened, sections, scores(opened), curves, facts(opened), differences(opened), options)
        (made / "index.html").write_text(text, encoding="utf-8")
        (made / "comparison.json").write_text(json.dumps(_record(opened, sections, options), indent=2) + "\n")
        if out.exists():
            os.rename(out, Path(aside) / "old")
        os.rename(made, out)
    return out


def _record(runs, sections, options):
    """comparison.json: what was compared, and the means over the inputs that are shown."""
    return {
        "format": 1,
        "runs": {run.label: str(run.folder) for run in runs},
        "dataset": options.dataset or runs[0].job.dataset,
        "split": options.split,
        "inputs": {section.id: [name for name, _ in section.rows] for section in sections},
        "means": {section.id: section.means for section in sections if section.means},
    }


def _is_report(folder):
    try:
        return "means" in json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return folder.is_dir() and not any(folder.iterdir())
