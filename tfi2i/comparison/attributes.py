"""Edits of labelled pictures: a row a run, a column an attribute, the truth below where it is known."""

from tqdm import tqdm

from tfi2i.comparison.album import Cell, Section
from tfi2i.comparison.runs import open_for, spread
from tfi2i.data.prepared import PreparedLabelled, Preprocess, to_float, to_pixels
from tfi2i.edits import Edits
from tfi2i.evaluation.attributes import label_of_example, truth_of
from tfi2i.evaluation.similarity import around_the_edit


def sections(runs, options, album):
    """One section; each input has a row a run. Arguments as in `two_domains`."""
    preprocess = Preprocess.of(runs[0].job.config)
    columns = list(dict.fromkeys(name for run in runs for name in run.job.config.names))
    made = {}  # (run, k): [Cell]; ("truth", k): {attribute: Cell}
    for run in runs:
        edits = Edits(run.load())
        source = open_for(run, options.split, options.dataset, preprocess)
        examples = PreparedLabelled(source, preprocess, training=False, cache_bytes=0)
        indices = spread(options.count or 12, len(examples))
        for k, i in enumerate(tqdm(indices, run.label, disable=not options.progress, dynamic_ncols=True)):
            made[run, k] = _edited(run, edits, examples, i, k, columns, album, made)
    rows = []
    for k, i in enumerate(indices):
        name = examples.name(i)
        rows += [(f"{name}, {run.label}" if len(runs) > 1 else name, made[run, k]) for run in runs]
        truths = made.get(("truth", k))
        if truths:
            rows.append((f"{name}, truth", [Cell("", None), *(truths.get(name, Cell("", None)) for name in columns)]))
    lead = (
        f"{len(indices)} pictures, the same for all runs, with one attribute edited at a time: set, or cleared where "
        f"it was there; {preprocess.crop_size} x {preprocess.crop_size} px, the central square."
    )
    if any(key[0] == "truth" for key in made):
        lead += " Below an edit its L1 on [-1, 1]: where the truth of the edit differs from the input, and in the rest."
    sheet = album.sheet("sheet", rows, "all edits in one file")
    return [Section("edits", "Edits", lead, rows, sheet, matrix=True)]


def _edited(run, edits, examples, i, k, columns, album, made):
    pixels, label, name = examples[i][0], label_of_example(edits, examples, i), examples.name(i)
    image, targets = to_float(pixels), edits.targets(label)
    cells = [Cell("input", album.picture("edits", f"{k + 1:04d}_input", pixels, f"{name}, the input"))]
    for attribute in columns:
        if attribute not in targets:
            cells.append(Cell(attribute, None, run, ("not learned",)))
            continue
        fake = edits(image, targets[attribute], attribute)
        file = f"{k + 1:04d}_{run.color + 1}_{run.label}_{attribute}"
        picture = album.picture("edits", file, to_pixels(fake), f"{name} with {attribute} edited by {run.label}")
        truth, notes = truth_of(examples.source, i, targets[attribute], attribute), ()
        if truth is not None:
            numbers = around_the_edit(image, fake, to_float(truth))
            short = {"l1_edit": "edit", "l1_rest": "rest"}
            notes = tuple(f"{word} {numbers[key]:.3f}" for key, word in short.items() if key in numbers)
            right = album.picture("edits", f"{k + 1:04d}_truth_{attribute}", truth, f"{name}, {attribute}: the truth")
            made.setdefault(("truth", k), {})[attribute] = Cell(attribute, right)
        cells.append(Cell(attribute, picture, run, notes))
    return cells
