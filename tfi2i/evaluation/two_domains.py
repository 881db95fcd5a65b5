"""Models that translate between two domains, with pairs to learn from or without.

Where A and B of an example belong together: L1, PSNR and SSIM against the other one, and `l1_copy`, the L1 of the input
itself, which a translation must beat. A model of many styles is given the style of the truth; `l1_random` is its L1
with a random one. Where they don't belong together there is no truth: `l1_change` is how far the translation is from
its input. For models of many styles `diversity` is the L1 between the answers to two random styles. Where there is a
way back, `l1_cycle` is how far it ends from where it began, and for models that code and decode an image within its own
domain `l1_reconstruction` is how far that is from it.

Where B is A with an attribute that A lacks, `accuracy` is how often a classifier that was trained on the real images
sees it in a translation, `classification_error` how often it doesn't, `accuracy_A` and `accuracy_B` how often it is
right about real images of either kind that it was not trained on. If the truth is known, `l1_edit` is the L1 where it
differs from the input, `l1_copy` now what the input has there, and `l1_rest` the L1 where nothing changes.

Where both domains have the same labels, such as digits, `accuracy` is how often a classifier that was trained on real
images of the domain that was translated to tells the label of a translation (Taigman et al. 2017, table 1),
`accuracy_copy` that of the input itself, and `accuracy_real` that of real images of its own domain that it was not
trained on.

An image that stands in for one more of the smaller domain isn't judged again.
"""

import dataclasses
from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.folders import domains
from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.data.sources import open_source
from tfi2i.directions import directions_of
from tfi2i.evaluation.answers import Answers, Pictures
from tfi2i.evaluation.classifier import independent, words
from tfi2i.evaluation.similarity import METRICS, around_the_edit, l1

SAMPLES = 6  # columns of the sample grid
SAMPLE_STYLES = 3  # rows of it in each direction, for models of many styles
VALIDATION = 32  # test images whose L1 decides which checkpoint is the best


def samples(model, testing):
    """In each direction a row of inputs, one of outputs a style, one of truths if known."""
    rows = []
    for direction in directions_of(model).values():
        styles = direction.random_styles(SAMPLE_STYLES)
        columns = []
        for i in range(min(SAMPLES, len(testing))):
            example = testing[i]
            image = example[direction.source]
            fakes = [to_pixels(direction(to_float(image), style)) for style in styles]
            truth = [example[direction.target]] if testing.aligned else []
            columns.append([image, *fakes, *truth])
        rows += zip(*columns, strict=True)
    return rows


def score(model, testing):
    """Mean L1 in [-1, 1] of the first test images in all directions, or None where there is no truth.

    A model of many styles is given the truth's, so that it is not blamed for another answer that is as good.
    """
    if not testing.aligned:
        return None
    errors = []
    for direction in directions_of(model).values():
        for i in range(min(VALIDATION, len(testing))):
            example = [to_float(image) for image in testing[i]]
            image, truth = example[direction.source], example[direction.target]
            errors.append(np.abs(direction(image, direction.style_of(truth)) - truth).mean())
    return float(np.mean(errors))


def answers(model, examples, stochastic=False):
    """{direction: `Answers`}."""
    counts = [len(part) for part in domains(examples.source)]
    ways = directions_of(model, stochastic)
    return {name: _answers(direction, examples, counts) for name, direction in ways.items()}


def _answers(direction, examples, counts):
    def answered(i, style):
        return to_pixels(direction(to_float(examples[i][direction.source]), style))

    def in_style(i, k):
        return answered(i, direction.random_styles(k + 1, seed=i)[k])

    def in_style_of_truth(i):
        return answered(i, direction.style_of(to_float(examples[i][direction.target])))

    inputs, reals = counts[direction.source], counts[direction.target]
    return Answers(
        fakes=Pictures(inputs, lambda i: in_style(i, 0)),
        reals=Pictures(reals, lambda i: images.to_uint8(examples[i][direction.target])),
        inputs=Pictures(inputs, lambda i: images.to_uint8(examples[i][direction.source])),
        paired=Pictures(inputs, in_style_of_truth) if examples.aligned else None,
        styled=in_style if direction.style_dim else None,
    )


def measurement(model, examples, job, run, stochastic):
    directions, recoded = directions_of(model, stochastic), model.reconstructions()
    judged, judges = _by_attribute(examples, job, run) or _by_label(directions, examples, job, run) or (None, [])

    def measure(i):
        example = [to_float(image) for image in examples[i]]
        found = {}
        for name, direction in directions.items():
            image, other = example[direction.source], example[direction.target]
            if examples.aligned:
                found[name] = _against_truth(direction, image, other, seed=i)
            else:
                found[name] = _without_truth(direction, image, seed=i)
            back = next((d for d in directions.values() if d.source == direction.target), None)
            if back:
                found[name] |= _there_and_back(direction, back, recoded.get(name), image, seed=i)
            if judged:
                found[name] |= judged(direction, example, i)
        return found

    styles = any(direction.style_dim for direction in directions.values())
    protocol = _protocol(examples, model.statistics, stochastic, styles)
    return measure, f"{protocol} {words(judges)}" if judges else protocol


def _by_attribute(examples, job, run):
    """(what a classifier sees of an attribute and L1 by regions, the classifiers); None without an attribute."""
    if not getattr(job.config, "attribute", None):
        return None
    source, training = examples.source, open_source(job.dataset, "train", job.config)
    folder = Path(run) / "evaluation"
    judge = independent(training.labelled, source.labelled, examples.preprocess, folder, job.dataset)
    wanted = float(not job.config.without)

    def judged(direction, example, i):
        image, other = example
        found = {}
        if i < len(source.a):
            fake = direction(image)
            found["accuracy"] = float(judge(fake)[0] == wanted)
            found["classification_error"] = 1.0 - found["accuracy"]
            if source.a.indices[i] in judge.unseen:
                found["accuracy_A"] = float(judge(image)[0] != wanted)
            if examples.aligned:
                found |= around_the_edit(image, fake, other)
        if i < len(source.b) and source.b.indices[i] in judge.unseen:
            found["accuracy_B"] = float(judge(other)[0] == wanted)
        return found

    return judged, [judge]


def _by_label(directions, examples, job, run):
    """(what classifiers see of labels, the classifiers); None where the domains don't have the same ones."""
    parts, channels = domains(examples.source), examples.channels
    attributes = [getattr(part, "attributes", None) for part in parts]
    if attributes[0] is None or attributes[0] != attributes[1] or channels[0] != channels[1] or not examples.size:
        return None
    training, folder = domains(open_source(job.dataset, "train", job.config)), Path(run) / "evaluation"
    preprocess = dataclasses.replace(examples.preprocess, no_flip=True)  # no mirrored digit has its label
    judges = {
        name: independent(training[to.target], parts[to.target], preprocess, folder, job.dataset)
        for name, to in directions.items()
    }
    labels = [part.labels() for part in parts]

    def judged(direction, example, i):
        return _seen(judges[direction.name], direction, example, labels, i)

    return judged, list(judges.values())


def _seen(judge, direction, example, labels, i):
    """What a classifier sees."""
    image, other = example[direction.source], example[direction.target]
    of_image, of_other = labels[direction.source], labels[direction.target]
    found = {}
    if i < len(of_image):
        fake = direction(image, *direction.random_styles(1, seed=i))
        found["accuracy"] = float(np.array_equal(judge(fake), of_image[i]))
        found["accuracy_copy"] = float(np.array_equal(judge(image), of_image[i]))
    if i < len(of_other) and i in judge.unseen:
        found["accuracy_real"] = float(np.array_equal(judge(other), of_other[i]))
    return found


def _against_truth(direction, image, truth, seed):
    fake = direction(image, direction.style_of(truth))
    measured = {name: METRICS[name](fake, truth) for name in ("L1", "PSNR", "SSIM")}
    if image.shape == truth.shape:
        measured["l1_copy"] = l1(image, truth)
    if direction.style_dim:
        one, other = (direction(image, style) for style in direction.random_styles(2, seed))
        measured |= {"l1_random": l1(one, truth), "diversity": l1(one, other)}
    return measured


def _without_truth(direction, image, seed):
    one, *other = (direction(image, style) for style in direction.random_styles(2, seed))
    measured = {"l1_change": l1(one, image)} if one.shape == image.shape else {}
    return measured | ({"diversity": l1(one, *other)} if other else {})


def _there_and_back(direction, back, recode, image, seed):
    """`recode` codes and decodes the image within its domain, if the model can."""
    own = back.style_of(image)
    answer = direction(image, direction.random_styles(1, seed)[0])
    measured = {"l1_cycle": l1(back(answer, own), image)}
    if recode:
        inputs = image[None] if own is None else [image[None], own[None]]
        measured["l1_reconstruction"] = l1(np.asarray(recode(inputs, training=False))[0], image)
    return measured


def _protocol(examples, statistics, stochastic, styles):
    height, width = examples[0][1].shape[:2]
    random = "; random styles are the same for the same image number" if styles else ""
    normalised = {"image": "each image normalised by its own", "running": "normalised by the training's"}[statistics]
    return (
        f"{width} x {height} px ({examples.preprocess.preprocess}, nothing random{random}); {normalised} "
        f"statistics, dropout {'on' if stochastic else 'off'}; output not quantised. L1 on [-1, 1]; PSNR in dB over "
        "RGB; SSIM on luma, 7 x 7 uniform window."
    )
