"""Presets: folders by which trained models are passed on, and the card that says what such a model is.

PRESET/
  config.json       model, numbers, data and how it was trained; as of a run, which a preset is the part to keep of
  networks/         as of a run: .keras files and SHA256SUMS
  evaluation.json   what was measured, if it was
  sample.png        what it makes, if it was trained here
  README.md         the card, with the head that Hugging Face reads
"""

import contextlib
import dataclasses
import json
import os
import shlex
import shutil
import uuid
from pathlib import Path

from tfi2i import zoo
from tfi2i.data.catalog import CATALOG
from tfi2i.errors import UserError, nearest
from tfi2i.run import Job, Recipe, load, write_networks
from tfi2i.training.records import write_text

HUB = "hf://"
FILES = ["config.json", "networks/*", "README.md", "evaluation.json", "sample.png", "f.keras"]  # of a preset
FACES = ("diat", "stargan")

_USE = """## Use

```sh
{command}
```

```python
import tfi2i

model = tfi2i.from_preset("{folder}")
```
"""
_FACES = """- **Of faces.** It changes what people look like and can be used to deceive. Don't show an edited face as a
  photo, and don't edit faces of people who haven't agreed. An attribute is what annotators saw in pictures, mostly of
  celebrities: not what a person is. Answers are worse for whom the data show seldom.
"""
_LIMITS = """## Limits

- It knows the pictures that it was trained on; on others it answers, too, and is often wrong. What it draws is likely,
  not true: nothing may be measured or diagnosed in it.
"""


def from_preset(handle, load_weights=True):
    """A model of a preset.

    Args:
        handle: a folder that `save_to_preset` or `tfi2i card --out` wrote, or a run; "hf://USER/REPOSITORY" of such a
            folder on the Hugging Face Hub, by the extra `hf`; or "MODEL_PRESET", "cyclegan_horse2zebra" say, a preset
            of `tfi2i list MODEL`, of which there are no published weights yet.
        load_weights: False gives a new model of the same numbers.

    Returns: a `Translator`. Raises: `UserError` where there is no such preset, or it is damaged.
    """
    handle = os.fspath(handle)
    if handle.startswith(HUB):
        handle = _downloaded(handle)
    if Path(handle).is_dir():
        if load_weights:
            return load(handle)
        job = Job.load(handle)
        return zoo.model_class(job.model)(job.config)
    model, preset = _named(handle)
    if load_weights:
        raise UserError(
            f"{handle}: no trained weights of it are published; train them by `tfi2i train --model={model} "
            f"--preset={preset}`, or give load_weights=False"
        )
    return zoo.create(model, preset)


def save_to_preset(model, folder):
    """Writes a model as a preset in the new folder `folder`: numbers, networks, card.

    Raises: `UserError` if there is such a folder.
    """
    job = Job(zoo.name_of(model), model.config, Recipe(), None)
    with _aside(folder) as aside:
        job.save(aside)
        write_networks(model, aside / "networks")
        write_text(aside / "README.md", card(aside, Path(folder).name))


def pass_on(run, folder):
    """Writes what of a run is worth keeping as a preset in the new folder `folder`; see `save_to_preset`."""
    run = Path(run)
    load(run)  # what is damaged isn't passed on
    with _aside(folder) as aside:
        for pattern in FILES:
            for file in run.glob(pattern):
                (aside / file.relative_to(run)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, aside / file.relative_to(run))
        _without_paths(aside)
        if samples := sorted(run.glob("samples/step_*.png")):
            shutil.copyfile(samples[-1], aside / "sample.png")
        write_text(aside / "README.md", card(aside, Path(folder).name))


def card(folder, name=None):
    """The card of a run or preset, as Markdown: its head, use, data, training, numbers, limits."""
    folder = Path(folder)
    job, name = Job.load(folder), name or folder.resolve().name
    record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    entry, evaluation = zoo.MODELS[job.model], _read(folder / "evaluation.json")
    parts = [
        _head(job, name, evaluation),
        f"# {name}\n\n`{job.model}` ({entry.paper}): {entry.task}. Made with tfi2i {record['versions']['tfi2i']}.\n",
        *(["![What it makes](sample.png)\n"] if (folder / "sample.png").exists() else []),
        _USE.format(command=use_of(name, job.config), folder=name),
        _data(job),
        _training(job, record["versions"]),
        _numbers(evaluation),
        _LIMITS + (_FACES if job.model in FACES else ""),
        "## Files\n\n"
        + "".join(
            f"- `networks/{line.split()[1]}`, SHA-256 `{line.split()[0]}`\n"
            for line in (folder / "networks" / "SHA256SUMS").read_text().splitlines()
        ),
    ]
    return "\n".join(parts)


def command_of(job):
    """The command that trains the same: `tfi2i train ...`, with what differs from a preset or from the defaults."""
    presets = zoo.presets(job.model)
    same = (name for name, preset in presets.items() if (preset.config, preset.dataset) == (job.config, job.dataset))
    preset = next(same, None)
    start = presets[preset] if preset else zoo.Preset(type(job.config)())
    given = [f"--model={job.model}"]
    if preset:
        given.append(f"--preset={preset}")
    elif job.dataset:
        given.append(f"--{'dataset' if job.dataset in CATALOG else 'data_dir'}={job.dataset}")
    given += [f"--task={job.task}"] if job.task and not preset else []
    for ours, theirs in ((job.config, start.config), (job.recipe, Recipe(steps=start.steps))):
        for field in dataclasses.fields(ours):
            if (value := getattr(ours, field.name)) != getattr(theirs, field.name) and value is not None:
                given.append(f"--{field.name}={str(value).lower() if isinstance(value, bool) else value}")
    return f"tfi2i train {shlex.join(given)}"


def use_of(source, config):
    """The command that uses a run or preset of a model of this config."""
    from tfi2i.data.prepared import kind_of_data

    if kind_of_data(config) == "images":
        return f"tfi2i sample {source} OUT"
    return f"tfi2i translate {source} IN OUT" + (" --target=all" if kind_of_data(config) == "labelled" else "")


def _head(job, name, evaluation):
    """YAML, in the form of https://huggingface.co/docs/hub/model-cards; JSON strings are YAML's, too."""
    lines = ["---", "library_name: tfi2i", "pipeline_tag: image-to-image", "license: other"]
    lines += ["license_name: see-data-and-licence", "tags:", "- tensorflow", "- keras", f"- {job.model}"]
    if job.dataset in CATALOG:
        lines += ["datasets:", f"- {json.dumps(job.dataset)}"]
    if evaluation:
        dataset = json.dumps(evaluation["dataset"])
        lines += ["model-index:", f"- name: {json.dumps(name)}", "  results:"]
        for way, metrics in evaluation["values"].items():
            lines += ["  - task:", "      type: image-to-image", f"      name: {json.dumps(way)}", "    dataset:"]
            lines += [f"      type: {dataset}", f"      name: {dataset}", "    metrics:"]
            for metric, measured in metrics.items():
                if measured["value"] is not None:
                    lines += [f"    - type: {json.dumps(metric)}", f"      value: {measured['value']:.6g}"]
    return "\n".join([*lines, "---", ""])


def _data(job):
    lines = ["## Data and licence\n"]
    if job.dataset in CATALOG:
        entry = CATALOG[job.dataset]
        lines.append(f"`{job.dataset}`: {entry.description}. Terms of the data: {entry.terms}.")
    elif job.dataset:
        lines.append(
            f"The author's own folder `{Path(job.dataset).name}`: the author must say whose pictures these are."
        )
    else:
        lines.append("Not known here: the networks were imported, or saved from a program of the author's own.")
    lines.append("tfi2i's code is under Apache-2.0; what holds for the weights follows from the data's terms.\n")
    return "\n".join(lines)


def _training(job, versions):
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    if job.dataset is None:
        return f"## Training\n\nNo record of it. Saved with {told}.\n"
    return f"## Training\n\n```sh\n{command_of(job)}\n```\n\nWith {told}.\n"


def _numbers(evaluation):
    if not evaluation:
        return "## Numbers\n\nNot measured: `tfi2i evaluate`.\n"
    lines = ["## Numbers\n", "| way | metric | value | 95 % interval | images |", "| --- | --- | --- | --- | --- |"]
    for way, metrics in evaluation["values"].items():
        for metric, m in metrics.items():
            low, high, value = (f"{m[key]:.4g}" if m[key] is not None else "" for key in ("low", "high", "value"))
            lines.append(f"| {way} | {metric} | {value} | {low} to {high} | {m['n']} |")
    split = f", split {evaluation['split']}" if evaluation["split"] else ""
    lines.append(
        f"\n{evaluation['images']} images of `{Path(evaluation['dataset']).name}`{split}. {evaluation['protocol']}\n"
    )
    return "\n".join(lines)


def _read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _named(handle):
    """(model, preset) of "MODEL_PRESET"."""
    model, _, preset = handle.partition("_")
    if not preset or model not in zoo.MODELS or preset not in zoo.presets(model):
        known = [f"{name}_{preset}" for name in zoo.MODELS for preset in zoo.presets(name)]
        hint = nearest(handle, known, "see `tfi2i list MODEL`")
        raise UserError(f"no such preset: {handle} (expected a folder, hf://USER/REPOSITORY, or MODEL_PRESET); {hint}")
    return model, preset


def _without_paths(folder):
    """Puts names in the places of the user's own paths."""
    for file, keys in (("config.json", ["dataset"]), ("evaluation.json", ["run", "dataset"])):
        if record := _read(folder / file):
            names = {key: Path(record[key]).name for key in keys if record[key] and record[key] not in CATALOG}
            write_text(folder / file, json.dumps(record | names, indent=2) + "\n")


def _downloaded(handle):
    """The folder of an "hf://USER/REPOSITORY" in the Hub's cache."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(f"{handle} needs an extra: pip install 'tfi2i[hf]'") from None
    repository = handle.removeprefix(HUB).strip("/")
    try:
        return snapshot_download(repository, allow_patterns=FILES)
    except Exception as error:  # of the network, the hub, or the name
        raise UserError(f"{handle} can't be had: {' '.join(str(error).split())[:300]}") from error


@contextlib.contextmanager
def _aside(folder):
    """A new folder beside `folder`, which becomes it when the block is done, and goes when it fails."""
    folder = Path(folder)
    if folder.exists():
        raise UserError(f"there is a folder already: {folder}; name another")
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    aside.mkdir(parents=True)
    try:
        yield aside
        os.rename(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
