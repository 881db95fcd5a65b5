"""What an export says of itself: in export.json, in each LiteRT file and beside it."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tfi2i.data.catalog import CATALOG
from tfi2i.exporting.network import is_image, output_names


@dataclass(frozen=True)
class About:
    """What is known of the networks of an export, besides themselves.

    Attributes:
        name: of the export; that of the run.
        model, task: its name in the zoo, and one line.
        stride: height and width of images must be multiples of it.
        scale: of super-resolution, how many times larger the answer is.
        labels, exclusive, sets: of a StarGAN, the names of its labels in order; the groups of which one holds; and the
            labels of each data set, for several of which a mask follows the labels.
        data: what it was trained on.
        licence: of the weights, as whoever exports them says.
    """

    name: str
    model: str = "unknown"
    task: str = "an image to an image"
    stride: int = 1
    scale: int = 1
    labels: tuple = ()
    exclusive: tuple = ()
    sets: tuple = ()
    data: str = "unknown"
    licence: str = "unknown"


def about(model, job, name, licence):
    """The `About` of a trained model; `job` is its run's."""
    from tfi2i import zoo

    config = model.config
    labelled = hasattr(config, "attribute_sets")
    return About(
        name,
        job.model,
        zoo.MODELS[job.model].task,
        config.stride,
        getattr(config, "scale", 1),
        config.names if labelled else (),
        config.groups if labelled else (),
        tuple(config.attribute_sets) if labelled else (),
        called(job.dataset) if job.dataset else "unknown",
        licence,
    )


def called(dataset):
    """A data set's name in the catalog; of folders and files on this machine the last part of their names alone."""
    parts = [dataset] if Path(dataset).exists() else dataset.split(",")
    return ",".join(part if part in CATALOG else Path(part).name for part in parts)


def metadata(about, number, way, network, size, quantization):
    """The description of one LiteRT file: what it is, what it takes and gives, and in which range.

    Args:
        number: of the version.
        size: (H, W) of its images, or (None, None).
    """
    shape = network.compute_output_shape([(1, *(size if is_image(x) else ()), x.shape[-1]) for x in network.inputs])
    shapes = shape if isinstance(shape, dict) else {"image": shape}
    return {
        "tfi2i": version("tfi2i"),
        "name": about.name,
        "version": str(number),
        "model": about.model,
        "way": way,
        "task": about.task,
        "quantization": quantization,
        "inputs": [_input(x, size, about) for x in network.inputs],
        "outputs": [_image("image", shapes["image"])]
        + [_described(name, "heatmap", shapes[name]) for name in output_names(network)[1:]],
        "stride": about.stride,
        "scale": about.scale,
        "data": about.data,
        "licence": about.licence,
    }


def _input(tensor, size, about):
    if is_image(tensor):
        return _image(tensor.name, (1, *size, tensor.shape[-1]))
    described = _described(tensor.name, tensor.name, (1, tensor.shape[-1]))
    if tensor.name == "label":
        return described | {"labels": about.labels, "exclusive": about.exclusive, "sets": about.sets}
    return described | {"distribution": "normal"}


def _image(name, shape):
    return _described(name, "image", shape) | {"range": [-1, 1], "colours": "RGB" if shape[-1] == 3 else "grey"}


def _described(name, kind, shape):
    return {"name": name, "kind": kind, "shape": list(shape), "dtype": "float32"}
