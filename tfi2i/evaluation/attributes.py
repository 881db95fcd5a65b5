"""Models that edit the attributes of labelled images, measured one edit at a time: an attribute set, or turned over.

`accuracy` is how often a classifier that was trained on the real images sees the attribute as it was asked for,
`classification_error` how often it doesn't (Choi et al. 2018, table 3), `kept` which share of the others it sees as
they were, and `accuracy_real` how often it is right about real images that it was not trained on. `l1_cycle` is how far
the edit back ends from the image. Where the truth of an edit is known, `l1_edit` is the L1 to it where it differs from
the image, `l1_copy` what the image itself has there, and `l1_rest` the L1 where nothing changes.

The way `all` has the mean over an image's edits, the papers' one number; of several joined sets `all_1`, `all_2`, ...
over the edits of a set, on its own images. What depends on the labels of an image (`kept`, `accuracy_real`) is measured
on images of the edit's own set only: a label of another set is but what the model's D sees.
"""

from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.data.sources import open_source
from tfi2i.edits import Edits
from tfi2i.evaluation.answers import Answers, Pictures
from tfi2i.evaluation.classifier import independent, words
from tfi2i.evaluation.similarity import around_the_edit, l1

SAMPLES = 6  # columns of the sample grid
VALIDATION = 16  # test images whose edits decide which checkpoint is the best


def samples(model, testing):
    """A row of inputs, then a row an attribute: each image with that one edited."""
    edits, columns = Edits(model), []
    for i in range(min(SAMPLES, len(testing))):
        pixels, label = testing[i][0], label_of_example(edits, testing, i)
        image = to_float(pixels)
        edited = [edits(image, target, name) for name, target in edits.targets(label).items()]
        columns.append([pixels, *map(to_pixels, edited)])
    return [list(row) for row in zip(*columns, strict=True)]


def score(model, testing):
    """Mean L1 to the truth of the edits of the first test images, or None where no truth is known."""
    edits, errors = Edits(model), []
    for i in range(min(VALIDATION, len(testing))):
        image, label = to_float(testing[i][0]), label_of_example(edits, testing, i)
        for name, target in edits.targets(label).items():
            truth = truth_of(testing.source, i, target, name)
            if truth is not None:
                errors.append(l1(edits(image, target, name), to_float(truth)))
    return float(np.mean(errors)) if errors else None


def answers(model, examples, stochastic=False):
    """{attribute: `Answers`}: the images that lack it, with it set, and those that have it."""
    edits = Edits(model)
    labels = [label_of_example(edits, examples, i) for i in range(len(examples))]
    return {name: _answers(edits, examples, labels, k, name) for k, name in enumerate(edits.names)}


def _answers(edits, examples, labels, k, name):
    lacking, having = ([i for i, label in enumerate(labels) if bool(label[k]) is has] for has in (False, True))

    def edited(n):
        i = lacking[n]
        return to_pixels(edits(to_float(examples[i][0]), edits.targets(labels[i])[name], name))

    return Answers(
        fakes=Pictures(len(lacking), edited),
        reals=Pictures(len(having), lambda n: images.to_uint8(examples[having[n]][0])),
        inputs=Pictures(len(lacking), lambda n: images.to_uint8(examples[lacking[n]][0])),
    )


def measurement(model, examples, job, run, stochastic):
    edits = Edits(model)
    training, testing = _parts(open_source(job.dataset, "train", job.config)), _parts(examples.source)
    folder = Path(run) / "evaluation"
    judges = [
        independent(one, other, examples.preprocess, folder, job.dataset)
        for one, other in zip(training, testing, strict=True)
    ]

    def measure(i):
        of_set, at = _place(examples.source, i)
        if at >= len(testing[of_set]):  # stands in for one more image of a smaller set
            return {}
        image, label = to_float(examples[i][0]), label_of_example(edits, examples, i)
        found, own = {}, judges[of_set]
        real = own(image) if at in own.unseen else None
        for k, (name, target) in enumerate(edits.targets(label).items()):
            fake, truth = edits(image, target, name), truth_of(examples.source, i, target, name)
            judge = next(judge for judge in judges if name in judge.names)
            found[name] = _seen(judge, fake, label, target, name, edits.names, known=judge is own)
            if judge is own and real is not None:
                found[name]["accuracy_real"] = float(real[own.names.index(name)] == label[k])
            found[name]["l1_cycle"] = l1(edits(fake, label, name), image)
            if truth is not None:
                found[name] |= around_the_edit(image, fake, to_float(truth))
        all_edits = f"all_{of_set + 1}" if len(judges) > 1 else "all"
        return found | {all_edits: _mean([found[name] for name in own.names])}

    size = examples.preprocess.crop_size
    protocol = (
        f"{size} x {size} px, the central square; each image with one attribute edited at a time; L1 on [-1, 1]; "
        f"{words(judges)}"
    )
    return measure, protocol


def label_of_example(edits, examples, i):
    """The label of an example; where its set doesn't say, what the model's D sees."""
    image, label, *of_set = examples[i]
    if not of_set:
        return label
    known = np.repeat(of_set[0], [len(names) for names in edits.config.attribute_sets])
    return np.where(known > 0, label, edits.label_of(to_float(image)))


def truth_of(source, i, target, name):
    """Pixels of image i with the label `target`, if its set is drawn and has the attribute `name`; else None."""
    parts, (k, at) = _parts(source), _place(source, i)
    if name not in parts[k].attributes or not hasattr(parts[k], "edited"):
        return None
    start = sum(len(other.attributes) for other in parts[:k])
    return parts[k].edited(at % len(parts[k]), target[start : start + len(parts[k].attributes)])


def _parts(source):
    return getattr(source, "parts", [source])


def _place(source, i):
    """(number of the set, how many of its images come before); see `tfi2i.data.attributes.Joined`."""
    at, of_set = divmod(i, len(_parts(source)))
    return of_set, at


def _seen(judge, fake, label, target, name, names, known):
    """What a classifier sees of an edit; `known`: whether `label` holds what the image is labelled by in its set."""
    label, target = (of[[names.index(own) for own in judge.names]] for of in (label, target))
    seen, k, same = judge(fake), judge.names.index(name), label == target
    found = {"accuracy": float(seen[k] == target[k]), "classification_error": float(seen[k] != target[k])}
    return found | ({"kept": float(np.mean(seen[same] == target[same]))} if known and same.any() else {})


def _mean(rows):
    """{metric: mean} over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
