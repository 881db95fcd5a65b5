"""What notebooks show: pictures side by side, and curves of losses. Each call draws one figure with Matplotlib."""

from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import to_pixels
from tfi2i.training.records import grid

INCHES = 1.5  # of an image's side


def sheet(rows, title=None):
    """Shows images in rows, smaller ones enlarged to the largest by repeating their pixels.

    Args:
        rows: {what stands before the row: images (N, H, W, 1 or 3) on [-1, 1], an array or a tensor}.
        title: what stands above.
    """
    pixels = [np.broadcast_to(to_pixels(row), (*np.shape(row)[:3], 3)) for row in rows.values()]
    side = max(row.shape[1] for row in pixels)
    pixels = [row.repeat(side // row.shape[1], 1).repeat(side // row.shape[1], 2) for row in pixels]
    figure, axes = _figure(max(map(len, pixels)) * INCHES + 1, len(pixels) * INCHES, axis="on")
    picture = grid(pixels)
    axes.imshow(picture)
    axes.set(xticks=[], title=title or "")
    axes.set_yticks((np.arange(len(rows)) + 0.5) * picture.shape[0] / len(rows), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _show(figure)


def files(*paths):
    """Shows picture files side by side, each below its name."""
    figure, places = _figure(2 * INCHES * len(paths), 2 * INCHES, 1, len(paths))
    for axes, path in zip(np.ravel(places), map(Path, paths), strict=True):
        axes.imshow(images.to_uint8(images.read(path, 3)))
        axes.set_title(path.name, fontsize=9)
    _show(figure)


def curves(history, *panels):
    """Draws what `fit` recorded: {name: a number an epoch}.

    Args:
        panels: lists of names, one a panel; all names in one, if there are none.
    """
    panels = panels or [list(history)]
    figure, places = _figure(5 * len(panels), 3, 1, len(panels), axis="on")
    for axes, names in zip(np.ravel(places), panels, strict=True):
        for name in names:
            axes.plot(range(1, len(history[name]) + 1), history[name], ".-", label=name)
        axes.set_xlabel("epoch")
        axes.legend(fontsize=8)
    _show(figure)


def _figure(width, height, rows=1, columns=1, axis="off"):
    import matplotlib.pyplot as plt

    figure, places = plt.subplots(rows, columns, figsize=(width, height))
    for axes in np.ravel(places):
        axes.axis(axis)
    return figure, places


def _show(figure):
    import matplotlib.pyplot as plt

    figure.tight_layout()
    plt.show()
