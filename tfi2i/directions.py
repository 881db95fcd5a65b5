"""The ways in which a model translates: one for pix2pix, both for two domains, each with styles or without."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfi2i.errors import UserError


@dataclass(frozen=True)
class Direction:
    """One way in which a model translates; single images, float32 (H, W, C) in [-1, 1].

    Attributes:
        name: "AtoB" or "BtoA".
        network: image (B, H, W, C), and for a model of many styles style (B, S), -> image.
        style_encoder: image of the domain that this leads to -> its style (B, S); None without styles.
        source, target: where in an example of the data set (x, y) the input and its truth are.
    """

    name: str
    network: Any
    style_encoder: Any
    source: int
    target: int

    @property
    def style_dim(self):
        """How many numbers make a style; 0: the network has none."""
        return style_dim(self.network)

    def __call__(self, image, style=None):
        inputs = [image[None]] if style is None else [image[None], np.asarray(style, np.float32)[None]]
        return np.asarray(self.network(inputs if len(inputs) > 1 else inputs[0], training=False))[0]

    def style_of(self, reference):
        """The style (S,) of an image of the domain that this leads to; None for a network without styles."""
        return np.asarray(self.style_encoder(reference[None], training=False))[0] if self.style_dim else None

    def random_styles(self, count, seed=0):
        """`count` styles (S,) drawn from N(0, 1), the same for the same seed; one None for a network without styles."""
        return random_styles(self.style_dim, count, seed)


def random_styles(style_dim, count, seed=0):
    """`count` styles (style_dim,) drawn from N(0, 1), the same for the same seed; one None if style_dim is 0."""
    if not style_dim:
        return [None]
    return list(np.random.default_rng(seed).standard_normal((count, style_dim), np.float32))


def style_dim(network):
    """The length of a generator's style, 0 if it takes none."""
    return next((tensor.shape[-1] for tensor in network.inputs if tensor.name == "style"), 0)


def directions_of(model, stochastic=False):
    """{name: Direction} of a translator."""
    # A model of one direction sees its data turned so that the input comes first.
    first = getattr(model.config, "direction", "AtoB")
    encoders = model.style_encoders()
    return {
        name: Direction(name, network, encoders.get(name), *((0, 1) if name == first else (1, 0)))
        for name, network in model.generators(stochastic).items()
    }


def direction_of(model, name=None, stochastic=False):
    """One `Direction` of a translator; None stands for its only one, or for AtoB. Raises `UserError` for any other."""
    directions = directions_of(model, stochastic)
    if name is None:
        return next(iter(directions.values()))
    if name not in directions:
        raise UserError(f"--direction={name} (this model translates {' and '.join(directions)})")
    return directions[name]
