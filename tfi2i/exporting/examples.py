"""What networks are given to be proven, quantised and timed: images of the run's own data, or of a folder."""

import sys

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import kind_of_data, prepared, to_float
from tfi2i.errors import UserError
from tfi2i.exporting.about import called
from tfi2i.exporting.network import is_image

RANDOM = "random numbers"  # instead of images


def examples(networks, model, job, size, split, count, folder=None):
    """`count` inputs of each network: ({way: {name: float32 array (count, ...)}}, where they are from).

    Images are of the split of the data set that the run was trained on, or of a folder; styles and noise are drawn.

    Args:
        networks: {way: network}.
        model, job: of the run; None for networks that belong to none, which then get random images.
        size: (H, W) that images are brought to, their middle cut to its proportions.
        split: "train" or "test".
    """
    if all(not any(map(is_image, network.inputs)) for network in networks.values()):
        pictures, labels, source = {}, None, "noise"
    elif folder:
        paths = images.listing(folder)
        chosen = [images.read(paths[k]) for k in _spread(len(paths), count)]
        pictures, labels, source = {way: chosen for way in networks}, None, called(str(folder))
    else:
        pictures, labels, source = _of_run(model, job, split, count) if job else (None, None, RANDOM)
    random = np.random.default_rng(0)
    found = {}
    for way, network in networks.items():
        inputs = {}
        for tensor in network.inputs:
            if not is_image(tensor):
                inputs[tensor.name] = _vectors(tensor, labels, model, count, random)
            elif pictures is None:
                pixels = random.integers(0, 256, (count, *size, tensor.shape[-1]), np.uint8)
                inputs[tensor.name] = to_float(pixels)
            else:
                brought = [_brought(pixels, size, tensor.shape[-1]) for pixels in pictures[way]]
                inputs[tensor.name] = to_float(np.stack([brought[k % len(brought)] for k in range(count)]))
        found[way] = inputs
    return found, source


def random_inputs(network, size, count=1):
    """[float32 array (count, ...)]: random images of `size` and vectors, in the order in which a network takes them."""
    return list(examples({"": network}, None, None, size, "test", count)[0][""].values())


def _of_run(model, job, split, count):
    from tfi2i.data.sources import open_source
    from tfi2i.directions import directions_of

    try:
        if not job.dataset:
            raise UserError("the run was imported and knows no data")
        source = open_source(job.dataset, split, job.config, task=job.task)
        # As for testing, whole and without chance, whichever the split.
        data = prepared(source, job.config, training=False, multiple=job.config.stride, cache_bytes=0)
    except UserError as error:
        print(f"tfi2i: warning: random numbers instead of images ({error}); give --images=FOLDER", file=sys.stderr)
        return None, None, RANDOM
    chosen, source = [data[k] for k in _spread(len(data), count)], f"{called(job.dataset)}, {split}"
    if kind_of_data(job.config) == "labelled":
        others = chosen[1:] + chosen[:1]  # each is given the label of another, which is one that occurs
        return {way: [each[0] for each in chosen] for way in model.generators()}, [each[1:] for each in others], source
    return {way: [each[d.source] for each in chosen] for way, d in directions_of(model).items()}, None, source


def _spread(available, count):
    """The numbers of `count` examples, evenly over those there are."""
    return np.unique(np.linspace(0, available - 1, count).astype(int)).tolist()


def _vectors(tensor, labels, model, count, random):
    width = tensor.shape[-1]
    if tensor.name != "label":
        return random.standard_normal((count, width), np.float32)
    if labels is None:  # of the first set, one label each
        label = np.zeros((count, width), np.float32)
        known = len(model.config.attribute_sets[0]) if model else width
        label[np.arange(count), np.arange(count) % known] = 1
        if model and len(model.config.attribute_sets) > 1:
            label[:, len(model.config.names)] = 1
        return label
    return np.stack([np.concatenate(labels[k % len(labels)]) for k in range(count)]).astype(np.float32)


def _brought(pixels, size, channels):
    """uint8 (H, W, channels) of the middle of an image, resized."""
    pixels = images.with_channels(images.to_uint8(pixels), channels)
    (height, width), (tall, wide) = size, pixels.shape[:2]
    if tall * width > wide * height:
        tall = max(1, round(wide * height / width))
    else:
        wide = max(1, round(tall * width / height))
    top, left = (pixels.shape[0] - tall) // 2, (pixels.shape[1] - wide) // 2
    return images.resize(pixels[top : top + tall, left : left + wide], height, width)
