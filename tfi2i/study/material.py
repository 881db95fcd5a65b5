"""What a study shows: the inputs, the real pictures and what each method made, from runs or from folders."""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.errors import UserError

SCANNED = 1000  # images of joined labelled sets that are looked through for those with an attribute and those without


class Pictures:
    """A set of pictures that are made when they are asked for: len, [k] -> uint8 (H, W, 1 or 3)."""

    def __init__(self, count, make):
        self._count, self._make = count, make

    def __len__(self):
        return self._count

    def __getitem__(self, k):
        return images.to_uint8(self._make(range(self._count)[k]))


@dataclass(frozen=True)
class Material:
    """Scenes, numbered alike in every set.

    fakes: {method: `Pictures`}.
    inputs, reals: `Pictures`, or None where there are none.
    names: what scene k is called, a function.
    baselines: {way: `Pictures`} that are asked about beside the methods in a preference; `rated` also in "mos".
    about: facts for the report; "pairs": whether real k is the truth of input k.
    """

    fakes: dict
    inputs: Pictures | None
    reals: Pictures | None
    names: object
    about: dict
    baselines: dict = field(default_factory=dict)
    rated: dict = field(default_factory=dict)

    def __len__(self):
        return min(len(pictures) for pictures in (*self.fakes.values(), self.inputs, self.reals) if pictures)

    def worst(self, k):
        """The worst version of scene k, of which a 1 is the right opinion: enlarged by nearest neighbours."""
        if "nearest" in self.rated:
            return self.rated["nearest"][k]
        real = self.reals[k]
        height, width = real.shape[:2]
        small = images.resize(real, max(1, height // 8), max(1, width // 8), "box")
        return images.resize(small, height, width, "nearest")


def of_folders(fakes, reals=None, inputs=None, other_scene=False):
    """Pictures of folders, matched by their names without extensions, those of the first method.

    Args:
        fakes: {method: folder}.
        reals, inputs: folders, or None.
        other_scene: take the real pictures whatever their names, in their order.

    Raises: `UserError` where a folder lacks a picture that another has.
    """
    listed = {method: _by_name(folder) for method, folder in fakes.items()}
    first = next(iter(fakes))
    names = list(listed[first])

    def matched(folder, found):
        missing = [name for name in names if name not in found]
        if missing:
            raise UserError(
                f"{folder}: no picture named {missing[0]} (expected one for each of the {len(names)} of "
                f"{fakes[first]}, {len(missing)} are missing); give folders with equal names"
            )
        return _files([found[name] for name in names])

    if reals is not None and other_scene:
        real_pictures = _files(list(_by_name(reals).values()))
    else:
        real_pictures = matched(reals, _by_name(reals)) if reals is not None else None
    return Material(
        fakes={method: matched(fakes[method], found) for method, found in listed.items()},
        inputs=matched(inputs, _by_name(inputs)) if inputs is not None else None,
        reals=real_pictures,
        names=lambda k: names[k],
        about={"from": "folders", "pairs": not other_scene},
    )


def _by_name(folder):
    if not Path(folder).is_dir():
        raise UserError(f"no such folder: {folder} (expected a folder of pictures)")
    found = {}
    for path in images.listing(folder):
        if path.stem in found:
            raise UserError(f"{folder}: two pictures are called {path.stem}: {found[path.stem].name} and {path.name}")
        found[path.stem] = path
    return found


def _files(paths):
    return Pictures(len(paths), lambda k: images.read(paths[k]))


def of_runs(runs, split="test", direction=None, target=None, seed=0):
    """What the models of runs make of a split of the data that all of them were trained on.

    Args:
        runs: folders; a method bears the folder's name.
        direction: of models of two domains.
        target: of StarGAN, the edit: "Blond_Hair,Young=0".
        seed: of noise; a random style belongs to the number of its scene, as in `tfi2i evaluate`.

    Raises: `UserError` where the runs don't share data and direction, or one is none.
    """
    from tfi2i.data.prepared import kind_of_data

    opened = [_Run(run, split) for run in runs]
    names = [run.name for run in opened]
    if len(set(names)) < len(names):
        raise UserError(f"two runs are called alike: {', '.join(names)} (expected different folder names); rename one")
    facts = {run.name: (run.job.dataset, run.job.task, _BY_KIND.get(kind_of_data(run.job.config))) for run in opened}
    if len(set(facts.values())) > 1:
        each = "; ".join(f"{name}: {dataset}" for name, (dataset, *_) in facts.items())
        raise UserError(f"the runs don't share their data ({each}); compare runs of one data set and one task")
    kind = kind_of_data(opened[0].job.config)
    if direction and kind not in ("pairs", "domains"):
        raise UserError(f"--direction={direction} is for models of two domains (received {opened[0].job.model})")
    if target and kind != "labelled":
        raise UserError(f"--target={target} is for models of attributes such as stargan ({opened[0].job.model} given)")
    return _BY_KIND[kind](opened, direction=direction, target=target, seed=seed)


class _Run:
    """A run with its model and the examples of its split."""

    def __init__(self, folder, split):
        from tfi2i.data.prepared import prepared
        from tfi2i.data.sources import open_source
        from tfi2i.run import Job

        self.folder, self.job, self.name = folder, Job.load(folder), Path(folder).resolve().name
        if not self.job.dataset:
            raise UserError(f"{folder} was imported and knows no data; translate pictures and give --fake and --real")
        self.source = open_source(self.job.dataset, split, self.job.config, task=self.job.task)
        self.examples = prepared(
            self.source, self.job.config, training=False, multiple=self.job.config.stride, cache_bytes=0
        )
        self.about = {"from": "runs", "dataset": self.job.dataset, "split": split}

    @functools.cached_property
    def model(self):
        from tfi2i.run import load

        return load(self.folder)

    def same(self, pictures, k, first, other):
        """Input k, which must be that of the first run."""
        ours = pictures[k]
        if not np.array_equal(ours, other[k]):
            seen, expected = self.examples.preprocess, first.examples.preprocess
            raise UserError(
                f"{self.name} sees picture {k} otherwise than {first.name} (expected {_sizes(expected)}, received "
                f"{_sizes(seen)}); translate one folder with each run, and give --fake=NAME=DIR and --input=DIR"
            )
        return ours


def _sizes(preprocess):
    return f"--preprocess={preprocess.preprocess} from {preprocess.load_size} to {preprocess.crop_size} pixels"


def _translations(runs, direction, **_):
    from tfi2i.data.folders import domains
    from tfi2i.data.prepared import to_float, to_pixels
    from tfi2i.directions import direction_of

    ways = [direction_of(run.model, direction) for run in runs]
    if len({way.name for way in ways}) > 1:
        each = "; ".join(f"{run.name}: {way.name}" for run, way in zip(runs, ways, strict=True))
        raise UserError(f"the runs translate in different directions ({each}); give --direction, or leave one out")
    examples = runs[0].examples
    count = len(examples) if examples.aligned else min(map(len, domains(runs[0].source)))

    def part(run, at):
        return Pictures(count, lambda k: run.examples[k][at])

    inputs, reals = part(runs[0], ways[0].source), part(runs[0], ways[0].target)

    def fakes(run, way):
        own = part(run, way.source)

        def make(k):
            (style,) = way.random_styles(1, seed=k)
            return to_pixels(way(to_float(run.same(own, k, runs[0], inputs)), style))

        return Pictures(count, make)

    made = {run.name: fakes(run, way) for run, way in zip(runs, ways, strict=True)}
    about = runs[0].about | {"direction": ways[0].name, "pairs": examples.aligned}
    return Material(made, inputs, reals, examples.name, about)


def _edits(runs, target, **_):
    from tfi2i.data.prepared import to_float, to_pixels
    from tfi2i.edits import Edits
    from tfi2i.evaluation.attributes import label_of_example

    editors = [Edits(run.model) for run in runs]
    if not target:
        raise UserError(f"which edit? --target=NAME,NAME=0 of {', '.join(editors[0].names)}")
    asked = [edits.asked(target) for edits in editors]
    examples = runs[0].examples

    def edited(edits, label, wanted):
        for name, present in wanted:
            label = edits.config.edited(label, name, present)
        return label

    if hasattr(runs[0].source, "parts"):  # of joined sets D reads what the set of a picture doesn't say
        labels = [label_of_example(editors[0], examples, k) for k in range(min(SCANNED, len(examples)))]
    else:
        labels = runs[0].source.labels()
    has = [np.array_equal(label, edited(editors[0], label, asked[0])) for label in labels]
    before, after = ([k for k, there in enumerate(has) if there == side] for side in (False, True))
    if not before or not after:
        raise UserError(
            f"--target={target}: {len(after)} of {len(has)} pictures have it (expected some with and some without)"
        )
    inputs = Pictures(len(before), lambda k: examples[before[k]][0])

    def fakes(run, edits, wanted):
        own = Pictures(len(before), lambda k: run.examples[before[k]][0])

        def make(k):
            image = to_float(run.same(own, k, runs[0], inputs))
            label = label_of_example(edits, run.examples, before[k])
            return to_pixels(edits(image, edited(edits, label, wanted), wanted[0][0]))

        return Pictures(len(before), make)

    made = {run.name: fakes(run, *each) for run, *each in zip(runs, editors, asked, strict=True)}
    reals = Pictures(len(after), lambda k: examples[after[k]][0])
    about = runs[0].about | {"target": target, "pairs": False}
    return Material(made, inputs, reals, lambda k: examples.name(before[k]), about)


def _samples(runs, seed, **_):
    from tfi2i.data.prepared import to_pixels
    from tfi2i.evaluation.generation import sampled

    examples = runs[0].examples
    count = len(examples)

    def fakes(run):
        return Pictures(count, lambda k: to_pixels(sampled(run.model, 1, seed=[seed, k]))[0])

    reals = Pictures(count, lambda k: examples[k][0])
    about = runs[0].about | {"pairs": False}
    return Material({run.name: fakes(run) for run in runs}, None, reals, examples.name, about)


def _enlargements(runs, **_):
    from tfi2i.evaluation.super_resolution import answer_of, enlarged

    scales = {run.name: run.job.config.scale for run in runs}
    if len(set(scales.values())) > 1:
        each = "; ".join(f"{name}: x{scale}" for name, scale in scales.items())
        raise UserError(f"the runs enlarge by different factors ({each}); compare runs of one --scale")
    examples, scale = runs[0].examples, scales[runs[0].name]
    count = len(examples)

    def fakes(run):
        answer = answer_of(run.model)
        return Pictures(count, lambda k: answer(run.examples[k][0]))

    bicubic = Pictures(count, lambda k: enlarged(examples[k][0], scale))
    nearest = Pictures(count, lambda k: examples[k][0].repeat(scale, 0).repeat(scale, 1))
    return Material(
        {run.name: fakes(run) for run in runs},
        Pictures(count, lambda k: examples[k][0]),
        Pictures(count, lambda k: examples[k][1]),
        examples.name,
        runs[0].about | {"scale": scale, "pairs": True},
        baselines={"bicubic": bicubic},
        rated={"bicubic": bicubic, "nearest": nearest},
    )


_BY_KIND = {
    "pairs": _translations,
    "domains": _translations,
    "labelled": _edits,
    "images": _samples,
    "high_resolution": _enlargements,
}
