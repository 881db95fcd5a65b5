"""Numbers for a run, or for a folder of pictures, each with the protocol it was measured by."""

import dataclasses
import hashlib
import importlib
import json
from pathlib import Path

from tqdm import tqdm

from tfi2i.data.prepared import kind_of_data
from tfi2i.errors import UserError
from tfi2i.evaluation.result import Evaluation, over_images
from tfi2i.evaluation.settings import Settings


def evaluate(run, split="test", dataset=None, stochastic=False, settings=None, progress=True):
    """How good a run's answers are, by the protocol of its kind of model; also written to RUN/evaluation.json.

    Two domains (`two_domains`): distances to the truth where it is known. Attributes (`attributes`): single edits
    against the truth, and what an independent classifier sees. Super-resolution (`super_resolution`): PSNR and SSIM on
    Y. Generation (`generation`): the log-likelihood of test images under a Parzen window on samples. For all of them
    what networks see of the answers (`learned`): FID, KID, LPIPS and others.

    Args:
        run: the run's folder.
        split: "test", "val" or "train"; for single images also "all", every one of a folder.
        dataset: a name or folder other than the one the run was trained on.
        stochastic: with dropout on, the paper's noise.
        settings: `Settings`.

    Returns: `Evaluation`. Raises: `UserError` where run or data are not there, or a metric by name can't be had.
    """
    import keras

    from tfi2i.data.prepared import prepared
    from tfi2i.data.sources import open_source
    from tfi2i.run import Job, load
    from tfi2i.training.records import write_text

    job, settings = Job.load(run), settings or Settings()
    keras.utils.set_random_seed(settings.seed)  # of the judges that are trained here
    dataset = dataset or job.dataset
    if not dataset:
        raise UserError(f"which data? {run} was imported and knows none; give --dataset=NAME or a folder")
    source = open_source(dataset, split, job.config, task=job.task)
    examples = prepared(source, job.config, training=False, multiple=job.config.stride, cache_bytes=2**29)
    found = measured(load(run), examples, job, run, settings, stochastic, progress)
    found["sha256"] |= {"networks": _networks(run), "pictures": _pictures(examples)}
    result = Evaluation(str(run), dataset, split, len(examples), **found)
    write_text(Path(run) / "evaluation.json", json.dumps(result.as_dict(), indent=2) + "\n")
    return result


def measured(model, examples, job, run, settings, stochastic=False, progress=False, count=None):
    """Measures a model on the first `count` of the examples of a split, or on all.

    Args:
        model: a translator.
        examples: a prepared source, for testing.
        job: its `Job`.
        run: the folder where judges that are trained here are kept.

    Returns: {"values", "not_measured", "protocol", "settings", "seed", "sha256"}, fields of `Evaluation`.
    """
    from tfi2i.evaluation import learned

    protocol, words = protocol_of(job.config), settings.words
    count = min(count or len(examples), len(examples))
    values, texts = {}, []
    if set(words) - learned.METRICS.keys():
        measure, text = protocol.measurement(model, examples, job, run, stochastic)
        first = measure(0)
        chosen = _chosen({name for metrics in first.values() for name in metrics}, words, learned.METRICS)
        rows = {}
        for i in tqdm(range(count), unit="image", disable=not progress, dynamic_ncols=True):
            for way, found in (measure(i) if i else first).items():
                rows.setdefault(way, []).append(found)
        values = {way: _summary(rows, chosen, settings.seed) for way, rows in rows.items()}
        texts.append(text)
    judged = learned.judged(lambda: protocol.answers(model, examples, stochastic), job, run, settings, count)
    for way, metrics in judged.values.items():
        values.setdefault(way, {}).update(metrics)
    return {
        "values": values,
        "not_measured": judged.not_measured,
        "protocol": " ".join([*texts, *judged.protocol]),
        "settings": dataclasses.asdict(settings) | {"stochastic": stochastic},
        "seed": settings.seed,
        "sha256": judged.sha256,
    }


def protocol_of(config):
    """The module that says, for models of a config's kind, what a run shows of them and how they are measured.

    samples(model, testing) -> rows of pixels: the sample grid of a run.
    score(model, testing) -> what decides which checkpoint is the best, the lower the better, or None.
    measurement(model, examples, job, run, stochastic) -> (function from the number of an example to
        {way: {metric: number}}, the protocol in words).
    answers(model, examples, stochastic) -> {way: `Answers`}.
    """
    return importlib.import_module(f"tfi2i.evaluation.{_PROTOCOLS[kind_of_data(config)]}")


_PROTOCOLS = {
    "pairs": "two_domains",
    "domains": "two_domains",
    "labelled": "attributes",
    "images": "generation",
    "high_resolution": "super_resolution",
}


def _chosen(names, words, others):
    """The metrics of `names` that `words` ask for. Raises `UserError` for a word that asks for none at all."""
    by_word = {name.lower().replace("-", "_"): name for name in names}
    for word in words:
        if word not in ("basic", "all", *by_word, *others):
            raise UserError(
                f"--metrics={word} (expected basic, all, {', '.join(others)}, or one of {', '.join(sorted(names))})"
            )
    return set(names) if {"basic", "all"} & set(words) else {by_word[word] for word in words if word in by_word}


def _summary(rows, chosen, seed):
    """{metric: measured} over images; a metric that an image has no number for is left out of its mean."""
    names = {name: None for row in rows for name in row}  # in the order in which they come
    columns = {name: [row[name] for row in rows if name in row] for name in names if name in chosen}
    return {name: over_images(column, seed) for name, column in columns.items()}


def _networks(run):
    """SHA-256 over the run's list of its networks' SHA-256."""
    return hashlib.sha256((Path(run) / "networks" / "SHA256SUMS").read_bytes()).hexdigest()


def _pictures(examples):
    """SHA-256 over the examples as the model sees them."""
    total = hashlib.sha256()
    for i in range(len(examples)):
        for part in examples[i]:
            total.update(f"{part.dtype}{part.shape}".encode() + part.tobytes())
    return total.hexdigest()
