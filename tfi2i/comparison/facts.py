"""What the runs' records say of them, and where their settings differ."""

import dataclasses
import json

import numpy as np

from tfi2i import zoo
from tfi2i.comparison.curves import numbers, read_columns

TOLD = ("steps", "seed", "batch_size")  # among the facts
FEW = 6  # settings that are named one by one where a run departs from a preset


def facts(runs):
    """[(fact, [its value of each run])]; a value that no record holds is ""."""
    logs = [read_columns(run.folder / "logs" / "metrics.csv") for run in runs]
    return [
        ("model", [run.job.model for run in runs]),
        ("paper", [zoo.MODELS[run.job.model].paper for run in runs]),
        ("preset", [preset_of(run.job) for run in runs]),
        ("data set", [run.job.dataset or "" for run in runs]),
        ("steps", [f"{log['step'][-1]:,}" if "step" in log else "" for log in logs]),
        ("batch", [str(getattr(run.job.config, "batch_size", "")) for run in runs]),
        ("seed", [str(run.job.recipe.seed) for run in runs]),
        ("time in steps", [_time(log, run) for log, run in zip(logs, runs, strict=True)]),
        ("weights", [f"{sum(run.parameters.values()):,}" if run.parameters else "" for run in runs]),
        ("TensorFlow", [_versions(run).get("tensorflow", "") for run in runs]),
    ]


def differences(runs):
    """[(setting, [its value of each run])] of the settings that several runs have and not all alike."""
    settings = [dataclasses.asdict(run.job.recipe) | dataclasses.asdict(run.job.config) for run in runs]
    found = []
    for name in dict.fromkeys(name for own in settings for name in own if name not in TOLD):
        values = [_shown(own[name]) if name in own else "" for own in settings]
        if len({value for value, own in zip(values, settings, strict=True) if name in own}) > 1:
            found.append((name, values))
    return found


def preset_of(job):
    """The preset that a job's settings are nearest to, and where they depart from it."""
    own = dataclasses.asdict(job.config)

    def departures(preset):
        return {name: own[name] for name, value in dataclasses.asdict(preset.config).items() if own[name] != value}

    name, differing = min(
        ((name, departures(preset)) for name, preset in zoo.presets(job.model).items()), key=lambda item: len(item[1])
    )
    if len(differing) > FEW:
        return "none"
    return ", ".join([name, *(f"{option}={_shown(value)}" for option, value in differing.items())])


def _time(log, run):
    """The minutes that went into steps, from how many images a second the log tells; without samples and saving."""
    if "images_per_second" not in log or not hasattr(run.job.config, "batch_size"):
        return ""
    laps = np.diff(log["step"], prepend=0)
    minutes = np.sum(laps * run.job.config.batch_size / numbers(log["images_per_second"])) / 60
    return f"{minutes:.1f} min" if np.isfinite(minutes) else ""


def _versions(run):
    return json.loads((run.folder / "config.json").read_text(encoding="utf-8")).get("versions", {})


def _shown(value):
    return f"{value:g}" if isinstance(value, float) else str(value)
