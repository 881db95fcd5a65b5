"""What `tfi2i evaluate` has measured of the runs, side by side, and whether it may be compared at all."""

import json
import math
import re
from dataclasses import dataclass

from tfi2i.evaluation.result import HIGHER_IS_BETTER

# What says nothing of a run, but what its numbers must be held to: inputs, real images, interpolation.
_REFERENCES = ("copy", "real", "bicubic", "train", "change", "accuracy_a", "accuracy_b")
_LOWER = ("l1", "l2", "mse", "mae", "fid", "kid", "lpips", "error", "distance", "cycle", "reconstruction")

# Settings that say which metrics were asked for, where weights lie and what chance did, not how a number was found.
_NO_PROTOCOL = ("metrics", "weights", "seed")


@dataclass(frozen=True)
class Number:
    """A measured number as it is shown; low, high: its interval; std: of the images, for records without one."""

    value: float
    low: float | None = None
    high: float | None = None
    std: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Line:
    """One metric of one way: numbers and whether each is the best, by the runs' order; reasons: why one is missing."""

    way: str
    metric: str
    better: str | None
    numbers: list
    best: list
    reasons: list


@dataclass(frozen=True)
class Scores:
    """lines: [`Line`]; protocols: {run's label: its protocol}; differing: [(fact, {its value: [labels]})] that forbid
    a comparison; unmeasured: {label: the command that measures the run}; damaged: {label: what is wrong}."""

    lines: list
    protocols: dict
    differing: list
    unmeasured: dict
    damaged: dict


def scores(runs):
    """The `Scores` of `Run`s, from their evaluation.json."""
    records, unmeasured, damaged = {}, {}, {}
    for run in runs:
        path = run.folder / "evaluation.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            values = {way: _numbers(m, record.get("images")) for way, m in record["values"].items()}
            records[run.label] = record | {"values": values}
        except FileNotFoundError:
            unmeasured[run.label] = f"tfi2i evaluate {run.folder}"
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            damaged[run.label] = f"{path} can't be read ({error}); `tfi2i evaluate {run.folder}` writes it anew"
    differing = _differing(records)
    names = dict.fromkeys((way, m) for r in records.values() for way, metrics in r["values"].items() for m in metrics)
    lines = [_line(way, metric, runs, records, comparable=not differing) for way, metric in _by_way(names)]
    protocols = {label: str(record.get("protocol", "")) for label, record in records.items()}
    return Scores(lines, protocols, differing, unmeasured, damaged)


def better(metric):
    """Which value of a metric is the better one, "higher" or "lower"; None where neither is, or nobody knows."""
    name = metric.lower()
    if any(part in name for part in _REFERENCES):
        return None
    if metric in HIGHER_IS_BETTER or any(part in name for part in ("psnr", "ssim")):
        return "higher"
    return "lower" if any(part in name for part in _LOWER) else None


def decimals(values):
    """How many decimals show the largest of some numbers with four digits."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return min(6, max(0, 3 - math.floor(math.log10(largest)))) if largest else 0


def _numbers(metrics, images):
    """{metric: Number} of {metric: measured}; older records have a mean in place of a value, and no n of their own."""
    found = {}
    for name, measured in metrics.items():
        value = measured.get("value", measured.get("mean"))
        if value is not None:
            low, high = measured.get("low"), measured.get("high")
            known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
            interval = (float(low), float(high)) if known else (None, None)
            found[name] = Number(float(value), *interval, measured.get("std"), measured.get("n", images))
    return found


def _by_way(names):
    """In the order of ways, and within one as they first occur."""
    ways = list(dict.fromkeys(way for way, _ in names))
    return sorted(names, key=lambda name: ways.index(name[0]))


def _line(way, metric, runs, records, comparable):
    numbers, reasons = [], []
    for run in runs:
        record = records.get(run.label, {})
        numbers.append(record.get("values", {}).get(way, {}).get(metric))
        reasons.append(str((record.get("not_measured") or {}).get(metric, "")))
    found, direction = [number for number in numbers if number is not None], better(metric)
    best = [False] * len(runs)
    if comparable and direction and len(found) > 1 and len({number.n for number in found}) == 1:
        # Numbers that look alike are alike.
        places = decimals([number.value for number in found])
        shown = [None if n is None or not math.isfinite(n.value) else round(n.value, places) for n in numbers]
        known = [value for value in shown if value is not None]
        if known:
            top = max(known) if direction == "higher" else min(known)
            best = [value == top for value in shown]
    return Line(way, metric, direction, numbers, best, reasons)


def _differing(records):
    """The facts of the protocols that must be equal for numbers to be compared, where they aren't."""
    facts = {}
    for label, record in records.items():
        for fact, value in _facts(record).items():
            facts.setdefault(fact, {}).setdefault(value, []).append(label)
    found = {fact: values for fact, values in facts.items() if len(values) > 1}
    if len(found) > 1:
        found.pop("contents of the pictures", None)  # follows from the others
    return list(found.items())


def _facts(record):
    """{fact: value}; what only some records say of themselves is compared among these."""
    found = {fact: str(record[fact]) for fact in ("dataset", "split", "images") if fact in record}
    words = str(record.get("protocol", ""))
    size = re.match(r"(\d+ x \d+ px)(?: \((\w+))?", words)
    if size:
        found["pictures"] = ", ".join(filter(None, size.groups()))
    if "dropout on" in words or "dropout off" in words:
        found["dropout"] = "on" if "dropout on" in words else "off"
    settings = record.get("settings") or {}
    found |= {name: json.dumps(value) for name, value in settings.items() if name not in _NO_PROTOCOL}
    contents = (record.get("sha256") or {}).get("pictures")
    if contents:
        found["contents of the pictures"] = f"SHA-256 {contents[:8]}"
    return found
