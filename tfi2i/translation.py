"""Translating picture files with a run or an export, each back in the form it came: name, size, grey, alpha, depth.

Super-resolution makes the size a multiple of what it was.
"""

import contextlib
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfi2i import tiles
from tfi2i.data import images
from tfi2i.data.collection import Manifest, collection, read_ahead, remove_strays
from tfi2i.data.prepared import kind_of_data, to_float, to_pixels
from tfi2i.directions import direction_of, random_styles
from tfi2i.edits import Edits
from tfi2i.errors import UserError

MUCH_LARGER = 1.5  # times as large as the pictures that a run learned from: from there on it shows


class Summary(NamedTuple):
    """How many pictures were translated, were there already, and failed ({path: reason}); where these are listed."""

    done: int
    skipped: int
    failed: dict
    manifest: str | None


class Network(NamedTuple):
    """What translates one picture.

    call: float32 (1, H, W, input_nc) in [-1, 1], and where style_dim is not 0 a style (1, style_dim), -> (1, H, W, C),
        or in super-resolution (1, s H, s W, C).
    stride: H and W must be multiples of it. size: the one (H, W) it takes, or None for any.
    style_of: reads the style (style_dim,) off a picture (H, W, C) of the domain it leads to; None where that can't be.
    attention: (1, H, W, input_nc) -> {name: heat map (1, h, w, 1)}; None for a network that has none.
    answers_at: the (H, W) that its answers have whatever the picture's, to which pictures are brought; None: theirs.
    edits: `Edits`, of a network that is told which attributes to change; it is then called with a label (1, label_dim).
    """

    call: Callable
    stride: int
    input_nc: int
    size: tuple | None = None
    style_dim: int = 0
    style_of: Callable | None = None
    attention: Callable | None = None
    edits: Edits | None = None
    answers_at: tuple | None = None


def translate(
    source,
    pictures,
    output,
    direction=None,
    styles=None,
    style_image=None,
    seed=0,
    target=None,
    attention=False,
    tile=None,
    overlap=None,
    stochastic=False,
    overwrite=False,
    shard=None,
    progress=True,
):
    """Translates a file, a folder or a glob pattern of pictures into the folder `output`, under the same names.

    What exists already is skipped, so an interrupted call can be repeated; every file is written aside and renamed. A
    picture that can't be read or translated is counted, named, and listed in OUTPUT/failed.csv (of a shard
    failed_I_of_N.csv), and the others go on. What a pattern finds in several folders keeps its path below the
    pattern's fixed part.

    Args:
        source: a run, or an artefact that `tfi2i export` wrote.
        direction, styles, style_image, seed, target, attention, tile, overlap, stochastic: see `Translation`.
        overwrite: translate again what exists.
        shard: (i, n): of the sorted names every n-th from the i-th on, for n processes on one output folder.

    Returns: `Summary`. Raises: `UserError` where the source or the pictures are not there.
    """
    paths = collection(pictures, shard)
    root = paths.folder
    translation = Translation(
        source, direction, styles, style_image, seed, target, attention, tile, overlap, stochastic
    )
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise UserError(f"not a folder: {output}; name a folder for the results")
    if root.resolve() == output.resolve():
        raise UserError(f"the results would replace the pictures: {output}; name another folder")
    output.mkdir(parents=True, exist_ok=True)
    remove_strays(output)

    bar = tqdm(total=len(paths), unit="picture", disable=not progress, dynamic_ncols=True)
    done, skipped, failed = 0, 0, {}

    def wanted():
        """The paths of those that are to be done; the others are counted here."""
        nonlocal skipped
        for name in map(os.fsdecode, paths.names()):
            if overwrite or not all(os.path.exists(os.path.join(output, made)) for made in translation.names(name)):
                yield root / name
            else:
                skipped += 1
                bar.update()

    manifest = Manifest(output / ("failed_{}_of_{}.csv".format(*shard) if shard else "failed.csv"))
    with bar, manifest, contextlib.closing(read_ahead(wanted())) as coming:
        for path, picture in coming:
            try:
                for result, content in translation(picture.result(), str(path.relative_to(root))):
                    (output / result).parent.mkdir(parents=True, exist_ok=True)
                    images.replace(output / result, content)
                done += 1
            except Translation.failures() as error:
                failed[str(path)] = reason_of(error)
                manifest.add(str(path), reason_of(error))
            bar.update()
    return Summary(done, skipped, failed, str(manifest.path) if failed else None)


class Translation:
    """What is made of each picture: the network, and what was asked of it.

    Args:
        source: a run, or an artefact that `tfi2i export` wrote.
        direction: "AtoB" or "BtoA", for runs of models that translate both ways; default: AtoB.
        styles: for models of many styles, how many to draw; the k-th answer is named NAME_k.
        style_image: a picture whose style is taken instead.
        seed: of the styles, which are the same for all pictures.
        target: for models of attributes (StarGAN), those to change, "Blond_Hair,Young=0", the others as the model's D
            sees them; "all" writes NAME_all.png: the picture, and beside it one edit of each attribute.
        attention: also write NAME_attention.png, with what the networks looked at (U-GAT-IT).
        tile: translate large pictures in tiles of so many pixels, for networks that look at a neighbourhood only, such
            as srgan's; one that normalises by a whole image's statistics makes tiles that differ.
        overlap: of the tiles, in pixels; default: 32, or half of `tile`.
        stochastic: keep dropout on, the noise of the papers that have it (runs only).

    Raises: `UserError` where the source isn't there or lacks what is asked for.
    """

    def __init__(
        self,
        source,
        direction=None,
        styles=None,
        style_image=None,
        seed=0,
        target=None,
        attention=False,
        tile=None,
        overlap=None,
        stochastic=False,
    ):
        tiles.check(tile, overlap)
        self.network = open_network(source, stochastic, direction)
        self.styles = _styles(self.network, styles, style_image, seed)
        self.edit = _edit(self.network, target)
        self.sheet, self.attention, self.tile, self.overlap = target == "all", attention, tile, overlap
        if attention and self.network.attention is None:
            raise UserError(f"--attention: {source} has no attention maps (expected a run of ugatit with its networks)")

    def names(self, name):
        """The names of the files that are made of the picture `name`, "folder/1.jpg" say, relative as it is."""
        stem, suffix = os.path.splitext(name)
        results = [stem + number + self._suffix(suffix) for number in self._numbers()]
        return [*results, f"{stem}_attention.png"] if self.attention else results

    def __call__(self, picture, name):
        """Yields (name, bytes) of each file that is made of a `Picture`."""
        places = self.names(name)
        if self.sheet:
            yield places[0], images.encoded(places[0], edit_sheet(self.network, picture))
        else:
            conditions = self.edit(picture) if self.edit else self.styles
            for place, condition in zip(places, conditions, strict=False):  # the attention's comes after them
                answer = translated(self.network, picture, condition, self.tile, self.overlap)
                yield place, images.encoded(place, *answer)
        if self.attention:
            yield places[-1], images.encoded(places[-1], attention_sheet(self.network, picture))

    @staticmethod
    def failures():
        """The errors that are one picture's: it can't be read, doesn't fit the network, or is too large for memory."""
        import tensorflow as tf

        return UserError, MemoryError, tf.errors.OpError

    def _numbers(self):
        if self.sheet:
            return ["_all"]
        return [""] if len(self.styles) == 1 else [f"_{k + 1}" for k in range(len(self.styles))]

    def _suffix(self, suffix):
        return ".png" if self.sheet or suffix.lower() == ".gif" else suffix


def another_scale(run, picture):
    """What to say where a run learned from pictures brought to a much smaller size than this file has; else None.

    A picture is translated at its own size, and what a network knows of windows has one size in pixels.
    """
    from tfi2i.run import Job

    config = Job.load(run).config if (Path(run) / "config.json").exists() else None
    mode, load_size = getattr(config, "preprocess", "none"), getattr(config, "load_size", None)
    if load_size is None or mode in ("none", "crop", "square"):
        return None
    height, width = images.size(picture)
    side = {"scale_shortside_and_crop": min(height, width)}.get(mode, width)
    if side < MUCH_LARGER * load_size:
        return None
    return (
        f"the run learned from pictures brought to {load_size} px, and this one has {width}x{height}: what it shows is "
        f"larger there; make pictures smaller, or train with a larger --load_size and --crop_size ({picture})"
    )


def reason_of(error):
    """A picture's failure in one line."""
    text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0]


def translated(network, picture, style=None, tile=None, overlap=None):
    """(pixels, alpha or None) of a `Picture` translated, of its depth; grey again unless the network adds colour.

    Where the network enlarges, alpha is enlarged too.
    """

    def call(x):
        return _at_any_size(network, x, style)

    x = _input(network, picture)
    y = to_pixels(tiles.in_tiles(call, x, tile, overlap) if tile else call(x), picture.pixels.dtype)
    if y.shape[-1] == network.input_nc:
        y = images.with_channels(y, picture.pixels.shape[-1])
    alpha = picture.alpha
    if alpha is not None and alpha.shape[:2] != y.shape[:2]:
        alpha = images.resize(alpha, *y.shape[:2])
    return y, alpha


def edit_sheet(network, picture):
    """The picture and, side by side, each attribute edited: uint8 (H, n W, 3)."""
    edits, image = network.edits, _input(network, picture)
    label = edits.label_of(image)
    panels = [image]
    for name, target in edits.targets(label).items():
        panels.append(_at_any_size(network, image, edits.condition(target, name)[None]))
    return np.concatenate([images.with_channels(to_pixels(panel), 3) for panel in panels], axis=1)


def _edit(network, target):
    """A function from a `Picture` to the one label that was asked for, (1, label_dim); None for other networks."""
    if network.edits is None:
        if target:
            raise UserError("--target needs a run of a model of attributes, such as stargan")
        return None
    if not target:
        raise UserError(f"which attributes? --target=NAME,NAME=0 or --target=all, of {', '.join(network.edits.names)}")
    if target == "all":
        return None
    asked = network.edits.asked(target)

    def labels(picture):
        label = network.edits.label_of(_input(network, picture))
        for name, present in asked:
            label = network.edits.config.edited(label, name, present)
        return [network.edits.condition(label, asked[0][0])[None]]

    return labels


def attention_sheet(network, picture):
    """The picture, and each heat map over what its network looked at: G at the picture, each D at the translation.

    Returns: uint8 (H, n W, 3), the panels side by side, as in figure 2 of the paper on U-GAT-IT.
    """
    x = _input(network, picture)
    padded = _padded(network, x)
    y = network.call(padded[None])[0]
    panels = [x]
    for name, heat in network.attention(padded[None]).items():
        seen = padded if name == "G" else y
        panels.append(heat_over(seen, np.asarray(heat)[0, ..., 0])[: x.shape[0], : x.shape[1]])
        if name == "G":
            panels.append(y[: x.shape[0], : x.shape[1]])
    return np.concatenate([images.with_channels(to_pixels(panel), 3) for panel in panels], axis=1)


def heat_over(image, heat):
    """A heat map (h, w), brought to [0, 1] and to the size of `image`, as colours mixed half and half with it."""
    from matplotlib import colormaps

    span = heat.max() - heat.min()
    heat = (heat - heat.min()) / span if span else np.zeros_like(heat)
    height, width = image.shape[:2]
    heat = images.resize(np.round(heat[..., None] * 255).astype(np.uint8), height, width)[..., 0]
    colours = to_float(np.round(colormaps["jet"](heat)[..., :3] * 255).astype(np.uint8))
    return 0.5 * images.with_channels(image, 3) + 0.5 * colours


def open_network(source, stochastic=False, direction=None):
    """The `Network` in a run's folder or an exported artefact."""
    source = Path(source)
    if (source / "config.json").exists():
        from tfi2i.run import load

        model = load(source)
        return network_of(model, direction, stochastic)
    from tfi2i.exporting import open_artefact

    if not source.exists():
        raise UserError(f"no such run or export: {source}")
    if stochastic:
        raise UserError(f"--stochastic needs a run: {source} is an export, which has no noise")
    artefact = open_artefact(source, direction)
    if artefact.image is None or "label" in artefact.inputs:
        raise UserError(f"{source} takes {', '.join(artefact.inputs)}; translate with the run it was exported from")

    def call(image, *style):
        return artefact(image=image, **dict(zip(["style"], style, strict=False)))["image"]

    return Network(
        call,
        artefact.stride,
        artefact.channels,
        artefact.size,
        artefact.style_dim,
        answers_at=artefact.answers_at,
    )


def network_of(model, direction=None, stochastic=False):
    """The `Network` of a translator. Raises `UserError` for a direction in which it does not translate."""
    if kind_of_data(model.config) == "images":
        raise UserError("this model makes images of noise; see `tfi2i sample --help`")
    way = direction_of(model, direction, stochastic)
    _, height, width, input_nc = way.network.inputs[0].shape

    def call(*inputs):
        return np.asarray(way.network(inputs if len(inputs) > 1 else inputs[0], training=False))

    maps = functools.cache(lambda: model.attention(way.name))  # built when first asked for
    return Network(
        call,
        model.config.stride,
        input_nc,
        (height, width) if height else None,
        way.style_dim,
        way.style_of if way.style_encoder else None,
        (lambda x: maps()(x, training=False)) if hasattr(model, "attention") else None,
        Edits(model) if kind_of_data(model.config) == "labelled" else None,
        None if height else _own_size(way.network),
    )


def _own_size(network):
    """The (H, W) of a network's answers, or None where they are as large as its input."""
    _, height, width, _ = network.outputs[0].shape
    return (height, width) if height else None


def _styles(network, count, style_image, seed):
    """The styles that were asked for, (1, S) each; one None for a network without styles."""
    if count is not None and count < 1:
        raise UserError(f"--styles={count} (expected at least 1)")
    if not network.style_dim:
        if count or style_image:
            raise UserError("--styles and --style_image need a model of many styles, such as munit or drit")
        return [None]
    if style_image:
        if network.style_of is None:
            raise UserError("--style_image needs a run, which has the style encoder; an export has not")
        reference = images.read_picture(images.listing(style_image)[0])
        return [network.style_of(_padded(network, _input(network, reference)))[None]]
    return [style[None] for style in random_styles(network.style_dim, count or 1, seed)]


def _input(network, picture):
    """The pixels of a `Picture` as the network takes them: transparency on white, float32 (H, W, input_nc)."""
    pixels = picture.pixels if picture.alpha is None else images.on_white(picture.pixels, picture.alpha)
    return to_float(images.with_channels(pixels, network.input_nc))


def _at_any_size(network, x, style):
    """Size in is size out, or a multiple of it: what had to be added for the network is cut off again.

    An answer of the network's own size is resized.
    """
    padded = images.resize(x, *network.answers_at) if network.answers_at else _padded(network, x)
    y = network.call(padded[None])[0] if style is None else network.call(padded[None], style)[0]
    if network.answers_at:
        return images.resize(y, *x.shape[:2])
    scale = y.shape[0] // padded.shape[0]
    return y[: scale * x.shape[0], : scale * x.shape[1]]


def _padded(network, x):
    """Mirrors the right and the bottom up to what the network takes."""
    height, width = x.shape[:2]
    if network.size:
        tall, wide = network.size
        if height > tall or width > wide:
            raise UserError(
                f"a picture of {width} x {height} is larger than the network's {wide} x {tall}; make it smaller, or "
                "export with --size"
            )
    else:
        tall, wide = (-(-side // network.stride) * network.stride for side in (height, width))
    mode = "reflect" if min(height, width) > 1 else "edge"
    return np.pad(x, ((0, tall - height), (0, wide - width), (0, 0)), mode)
