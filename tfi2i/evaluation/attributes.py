"""Models that edit the attributes of labelled images, measured one edit at a time: an attribute set, or turned over.

`accuracy` is how often a classifier that was trained on the real images sees the attribute as it was asked for, `kept`
which share of the others it sees as they were, and `accuracy_real` how often it is right about the real images.
`l1_cycle` is how far the edit back ends from the image. Where the truth of an edit is known, `l1_edit` is the L1 to it
where it differs from the image, `l1_copy` what the image itself has there, and `l1_rest` the L1 where nothing changes.
"""

from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import PreparedLabelled, to_float, to_pixels
from tfi2i.data.sources import open_source
from tfi2i.edits import Edits
from tfi2i.evaluation.answers import Answers, Pictures
from tfi2i.evaluation.classifier import independent
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
    training = open_source(job.dataset, "train", job.config)
    judges = [
        independent(PreparedLabelled(part, examples.preprocess, True), Path(run) / "evaluation")
        for part in getattr(training, "parts", [training])
    ]

    def measure(i):
        image, label = to_float(examples[i][0]), label_of_example(edits, examples, i)
        found, before = {}, {judge: judge(image) for judge in judges}
        for name, target in edits.targets(label).items():
            fake, truth = edits(image, target, name), truth_of(examples.source, i, target, name)
            judge = next(judge for judge in judges if name in judge.names)
            found[name] = _seen(judge, before[judge], fake, label, target, name, edits.names)
            found[name]["l1_cycle"] = l1(edits(fake, label, name), image)
            if truth is not None:
                found[name] |= around_the_edit(image, fake, to_float(truth))
        return found

    size = examples.preprocess.crop_size
    protocol = (
        f"{size} x {size} px, the central square; each image with one attribute edited at a time; L1 on [-1, 1]; "
        f"classifier of the training images: 4 convolutions, trained by `tfi2i evaluate`."
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
    parts = getattr(source, "parts", [source])
    k, at = source.place(i) if len(parts) > 1 else (0, i)
    if name not in parts[k].attributes or not hasattr(parts[k], "edited"):
        return None
    start = sum(len(other.attributes) for other in parts[:k])
    return parts[k].edited(at, target[start : start + len(parts[k].attributes)])


def _seen(judge, before, fake, label, target, name, names):
    """What a classifier sees of an edit; `before`, what it saw of the image itself."""
    label, target = (of[[names.index(own) for own in judge.names]] for of in (label, target))
    seen, k, same = judge(fake), judge.names.index(name), label == target
    found = {"accuracy": float(seen[k] == target[k]), "accuracy_real": float(before[k] == label[k])}
    return found | ({"kept": float(np.mean(seen[same] == target[same]))} if same.any() else {})
