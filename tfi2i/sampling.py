"""Images of noise, from a run of a model that makes them."""

import itertools
from pathlib import Path

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import kind_of_data, to_pixels
from tfi2i.errors import UserError


def sample(run, output, count=64, grid=False, interpolate=None, seed=0):
    """Writes images that a run makes of noise into the folder `output`: 0001.png, 0002.png, ...

    Args:
        run: the folder of a run of a GAN.
        count: how many images; with `interpolate`, how many codes.
        grid: also write grid.png, all images on one sheet.
        interpolate: go in so many steps from each of `count` codes to the next, on the sphere on which codes lie
            (White 2016); the sheet then has a row for each way.
        seed: of the codes; code number k is the same whatever the count.

    Returns: the paths written. Raises: `UserError` for a run that is none of a GAN, or a number below one.
    """
    from tfi2i.run import Job, load
    from tfi2i.training.records import grid as sheet

    for option, value, least in (("count", count, 1), ("interpolate", interpolate, 2)):
        if value is not None and value < least:
            raise UserError(f"--{option}={value} (expected at least {least})")
    if kind_of_data(Job.load(run).config) != "images":
        raise UserError(f"{run} translates pictures and samples none; see `tfi2i translate --help`")
    (G,) = load(run).generators().values()
    z = np.random.default_rng(seed).standard_normal((count + bool(interpolate), G.inputs[0].shape[-1]), np.float32)
    if interpolate:
        z = np.concatenate([between(a, b, interpolate) for a, b in itertools.pairwise(z)])
    made = np.concatenate([to_pixels(G(z[k : k + 256], training=False)) for k in range(0, len(z), 256)])
    files = [Path(output) / f"{k:04d}.png" for k in range(1, len(made) + 1)]
    Path(output).mkdir(parents=True, exist_ok=True)
    for file, pixels in zip(files, made, strict=True):
        images.write(file, pixels)
    if grid or interpolate:
        across = interpolate or int(np.ceil(np.sqrt(len(made))))
        shown = [images.with_channels(pixels, 3) for pixels in made]
        images.write(Path(output) / "grid.png", sheet([shown[k : k + across] for k in range(0, len(shown), across)]))
    return files


def between(a, b, steps):
    """`steps` codes from a to b, both included, along the great circle; (steps, nz)."""
    cosine = np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    t = np.linspace(0.0, 1.0, steps)[:, None]
    return ((np.sin((1.0 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)).astype(np.float32)
