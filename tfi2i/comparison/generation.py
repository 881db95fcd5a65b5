"""Images of noise: a grid of each run, from the same noise, beside real ones."""

import math

from tfi2i.comparison.album import Cell, Section
from tfi2i.comparison.runs import open_for, spread
from tfi2i.data import images
from tfi2i.data.prepared import prepared, to_pixels
from tfi2i.evaluation.generation import sampled
from tfi2i.training.records import grid

COUNT = 36


def sections(runs, options, album):
    """One section of one row: real images, then each run's. Arguments as in `two_domains`."""
    count = options.count or COUNT
    first = runs[0]
    real = prepared(open_for(first, options.split, options.dataset), first.job.config, training=False, cache_bytes=0)
    shown = [images.to_uint8(real[i][0]) for i in spread(count, len(real))]
    cells = [Cell("real", album.picture("samples", "real", _square(shown), f"{len(shown)} real images"))]
    lengths = set()
    for run in runs:
        model = run.load()
        lengths.add(model.config.nz)
        pixels = _square(list(to_pixels(sampled(model, count, seed=0))))
        alt = f"{count} images that {run.label} makes of noise"
        cells.append(Cell(run.label, album.picture("samples", f"{run.color + 1}_{run.label}", pixels, alt), run))
    rows = [("samples", cells)]
    lead = f"{count} images of noise of each run, none picked; the real ones are of the split {options.split}."
    if len(lengths) == 1:
        lead += " The noise is the same for all runs."
    return [Section("samples", "Samples", lead, rows, album.sheet("sheet", rows, "all samples in one file"))]


def _square(pictures):
    across = math.isqrt(len(pictures) - 1) + 1
    shown = [images.with_channels(pixels, 3) for pixels in pictures]
    return grid([shown[k : k + across] for k in range(0, len(shown), across)], gap=2)
