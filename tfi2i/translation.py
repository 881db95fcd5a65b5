"""Translating picture files with a run or an export, each back in the form it came: name, size, grey, alpha, depth."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfi2i.data import images
from tfi2i.data.pipeline import to_float, to_pixels
from tfi2i.errors import UserError


class Summary(NamedTuple):
    """How many pictures were translated, were there already, and could not be read ({path: reason})."""

    done: int
    skipped: int
    failed: dict


class Network(NamedTuple):
    """call: float32 (1, H, W, input_nc) in [-1, 1] -> (1, H, W, C); stride: H and W must be multiples of it; size: the
    one (H, W) it takes, or None for any."""

    call: Callable
    stride: int
    input_nc: int
    size: tuple | None = None


def translate(source, pictures, output, stochastic=False, overwrite=False, progress=True):
    """Translates a file, a folder or a glob pattern of pictures into the folder `output`, under the same names.

    What exists already is skipped, so an interrupted call can be repeated; every file is written aside and renamed. A
    picture that can't be read is counted and named, and the others go on.

    Args:
        source: a run, or an artefact that `tfi2i export` wrote.
        stochastic: keep dropout on, the noise of the papers that have it (runs only).
        overwrite: translate again what exists.

    Returns: `Summary`. Raises: `UserError` where the source or the pictures are not there.
    """
    paths = images.listing(pictures)
    network, output = open_network(source, stochastic), Path(output)
    if output.exists() and not output.is_dir():
        raise UserError(f"not a folder: {output}; name a folder for the results")
    if paths[0].parent.resolve() == output.resolve():
        raise UserError(f"the results would replace the pictures: {output}; name another folder")
    output.mkdir(parents=True, exist_ok=True)
    done, skipped, failed = 0, 0, {}
    for path in tqdm(paths, unit="picture", disable=not progress, dynamic_ncols=True):
        target = output / (path.name if path.suffix.lower() != ".gif" else f"{path.stem}.png")
        if target.exists() and not overwrite:
            skipped += 1
            continue
        try:
            picture = images.read_picture(path)
        except UserError as error:
            failed[str(path)] = str(error)
            continue
        images.write(target, translated(network, picture), picture.alpha)
        done += 1
    return Summary(done, skipped, failed)


def translated(network, picture):
    """A `Picture` translated: pixels of its size and depth; grey again unless the network adds colour."""
    pixels = picture.pixels if picture.alpha is None else images.on_white(picture.pixels, picture.alpha)
    x = to_float(images.with_channels(pixels, network.input_nc))
    y = to_pixels(_at_any_size(network, x), picture.pixels.dtype)
    if y.shape[-1] == network.input_nc:
        y = images.with_channels(y, picture.pixels.shape[-1])
    return y


def open_network(source, stochastic=False):
    """The `Network` in a run's folder or an exported artefact."""
    source = Path(source)
    if (source / "config.json").exists():
        from tfi2i.run import load

        model = load(source)
        G = model.generators(stochastic)["G"]
        return Network(lambda x: np.asarray(G(x, training=False)), model.config.stride, model.config.input_nc)
    from tfi2i.exporting import open_artefact

    if not source.exists():
        raise UserError(f"no such run or export: {source}")
    if stochastic:
        raise UserError(f"--stochastic needs a run: {source} is an export, which has no noise")
    artefact = open_artefact(source)
    return Network(artefact, artefact.stride, artefact.channels, artefact.size)


def _at_any_size(network, x):
    """Mirrors the right and the bottom up to what the network takes, and cuts the result back: size in is size out."""
    height, width = x.shape[:2]
    if network.size:
        tall, wide = network.size
        if height > tall or width > wide:
            raise UserError(
                f"a picture of {width} x {height} is larger than the export's {wide} x {tall}; export with --size"
            )
    else:
        tall, wide = (-(-side // network.stride) * network.stride for side in (height, width))
    mode = "reflect" if min(height, width) > 1 else "edge"
    padded = np.pad(x, ((0, tall - height), (0, wide - width), (0, 0)), mode)
    return network.call(padded[None])[0, :height, :width]
