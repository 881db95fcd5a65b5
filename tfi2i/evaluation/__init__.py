"""Numbers for a run, or for a folder of pictures, each with the protocol it was measured by."""

import dataclasses
import hashlib
import importlib
from pathlib import Path

from tqdm import tqdm

from tfi2i.data.prepared import kind_of_data
from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.result import Evaluation
from tfi2i.evaluation.settings import Settings, word_of


def evaluate(run, split="test", dataset=None, stochastic=False, settings=None, progress=True):
    """How good a run's answers are, by the protocol of its kind of model; also written to RUN/evaluation.json.

    Two domains (`two_domains`): distances to the truth where it is known. Attributes (`attributes`): single edits
    against the truth, and what an independent classifier sees. Super-resolution (`super_resolution`): PSNR and SSIM on
    Y. Generation (`generation`): the log-likelihood of test images under a Parzen window on samples. For all of them
    what networks see of the answers (`judges`): FID, KID, LPIPS and others.

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

    job, settings = Job.load(run), settings or Settings()
    keras.utils.set_random_seed(settings.seed)  # of the judges that are trained here
    dataset = dataset or job.dataset
    if not dataset:
        raise UserError(f"which data? {run} was imported and knows none; give --dataset=NAME or a folder")
    job = dataclasses.replace(job, dataset=job.dataset or dataset)  # what judges of an imported run are trained on
    source = open_source(dataset, split, job.config, task=job.task)
    examples = prepared(source, job.config, training=False, multiple=job.config.stride, cache_bytes=2**29)
    found = measured(load(run), examples, job, run, settings, stochastic, progress)
    found["sha256"] |= {"networks": _networks(run), "pictures": _pictures(examples)}
    result = Evaluation(str(run), dataset, split, len(examples), **found)
    result.write(Path(run) / "evaluation.json")
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
    from tfi2i.evaluation import judges

    protocol, words = protocol_of(job.config), settings.words
    count = min(count or len(examples), len(examples))
    values, texts, names = {}, [], set()
    if set(words) - judges.NETWORKS.keys():
        measure, text = protocol.measurement(model, examples, job, run, stochastic)
        first = [measure(i) for i in range(min(LOOKED_AT, count))]
        names = {name for found in first for metrics in found.values() for name in metrics}
        _check(words, names, judges.JUDGES)
        rows = {}
        for i in tqdm(range(count), unit="image", disable=not progress, dynamic_ncols=True):
            for way, found in (first[i] if i < len(first) else measure(i)).items():
                rows.setdefault(way, []).append(found)
        values = {way: _summary(rows, words, settings.seed) for way, rows in rows.items()}
        texts.append(text)
    case = judges.Case(job, run, settings)
    known = {word_of(name) for name in names}
    judged = judges.judged(lambda: protocol.answers(model, examples, stochastic), case, count, known)
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


def evaluate_folders(real, fake, settings=None, out=None, labels=None):
    """How good a folder of pictures is that a model made, of whatever program.

    FID, KID and IS compare the folders as sets. For all else each fake belongs to the real one of the same name.

    Args:
        real, fake: folders.
        settings: `Settings`; "basic" stands for L1, PSNR and SSIM.
        out: file of the result; default: FAKE/evaluation.json.
        labels: folder of the label maps that photos were made of, for the FCN score.

    Returns: `Evaluation`, of the way "fake". Raises: `UserError` where the folders hold no pictures, names have no
        partner, sizes differ in a pair, or a metric by name can't be had.
    """
    from tfi2i.data.images import listing
    from tfi2i.evaluation import judges
    from tfi2i.evaluation.answers import Answers
    from tfi2i.evaluation.pairs import Pictures, pairs_of_folders

    settings = settings or Settings()
    words = [w for word in settings.words for w in (BASIC_OF_FOLDERS if word == "basic" else [word])]
    _check(words, (), judges.JUDGES)
    settings = dataclasses.replace(settings, metrics=",".join(words))
    reals, fakes = Pictures(listing(real)), Pictures(listing(fake))
    paired = not set(words) <= {"fid", "kid", "is"}
    try:
        of_reals, of_fakes = pairs_of_folders(real, fake) if paired else (reals, None)
        inputs = pairs_of_folders(labels, fake)[0] if labels else None
        answers = Answers(fakes=of_fakes or fakes, reals=of_reals, inputs=inputs, paired=of_fakes)
    except UserError:
        if labels or "all" not in words:
            raise
        answers = Answers(fakes=fakes, reals=reals)  # two sets that don't belong together
    judged = judges.judged(lambda: {"fake": answers}, judges.Case(None, None, settings))
    result = Evaluation(
        run=None,
        dataset=str(fake),
        split=None,
        images=len(answers.fakes),
        values=judged.values,
        not_measured=judged.not_measured,
        protocol=" ".join(judged.protocol),
        settings=dataclasses.asdict(settings) | {"real": str(real), "fake": str(fake)},
        seed=settings.seed,
        sha256=judged.sha256 | {"real": _pictures(reals), "fake": _pictures(fakes)},
    )
    result.write(out or Path(fake) / "evaluation.json")
    return result


BASIC_OF_FOLDERS = ("l1", "psnr", "ssim")
LOOKED_AT = 16  # examples that say which metrics there are; the first one may lack some


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


def _check(words, names, others):
    """Raises `UserError` for a word that stands for none of `names`, the metrics of a protocol, or of `others`."""
    known = ("basic", "all", *others, *map(word_of, names))
    for word in words:
        if word not in known:
            extra = f", or one of {', '.join(sorted(names))}" if names else ""
            raise UserError(f"--metrics={word} (expected basic, all, {', '.join(others)}{extra})")


def _summary(rows, words, seed):
    """{metric: measured} over images; a metric that an image has no number for is left out of its mean."""
    names = {name: None for row in rows for name in row}  # in the order in which they come
    chosen = [name for name in names if {"basic", "all", word_of(name)} & set(words)]
    return {name: interval.measured([row[name] for row in rows if name in row], seed) for name in chosen}


def _networks(run):
    """SHA-256 over the run's list of its networks' SHA-256."""
    return hashlib.sha256((Path(run) / "networks" / "SHA256SUMS").read_bytes()).hexdigest()


def _pictures(examples):
    """SHA-256 over pictures, or over examples as the model sees them."""
    from tfi2i.evaluation.features import hash_of

    read = (examples[i] for i in range(len(examples)))
    return hash_of(part for example in read for part in (example if isinstance(example, tuple) else (example,)))
