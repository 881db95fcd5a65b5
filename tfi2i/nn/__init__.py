"""Layers and networks that more than one paper uses; nothing here knows a loss, a data set or a run.

Importing it registers the layers with Keras, so that `keras.models.load_model` knows them.
"""

from tfi2i.nn import (
    adain,
    adalin,
    antialiasing,
    attention,
    blocks,
    class_activation,
    conditioning,
    content,
    image_layer_norm,
    layer_norm,
    maxout,
    multiscale,
    normalization,
    padding,
    spectral_norm,
    upsampling,
)

__all__ = [
    "adain",
    "adalin",
    "antialiasing",
    "attention",
    "blocks",
    "class_activation",
    "conditioning",
    "content",
    "image_layer_norm",
    "layer_norm",
    "maxout",
    "multiscale",
    "normalization",
    "padding",
    "spectral_norm",
    "upsampling",
]
