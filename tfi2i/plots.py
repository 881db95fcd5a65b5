"""What notebooks show: pictures side by side, and curves of losses. Each call draws one figure with Matplotlib."""

from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import to_pixels
from tfi2i.training.records import grid

INCHES = 1.5  # of an image's side


def sheet(title, *columns):
    """Shows images side by side.

    Args:
        title: what stands above, such as "x | G(x) | y".
        columns: arrays or tensors (N, H, W, 1 or 3) on [-1, 1]; the images of one example are a row.
    """
    columns = [np.broadcast_to(to_pixels(column), (*np.shape(column)[:3], 3)) for column in columns]
    rows = list(zip(*columns, strict=True))
    figure, axes = _figure(len(columns) * INCHES, len(rows) * INCHES)
    axes.imshow(grid(rows))
    axes.set_title(title, fontsize=10)
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
