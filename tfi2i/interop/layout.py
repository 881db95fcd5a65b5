"""One weight in two layouts: ours, and the official checkpoint's."""

from typing import Any, NamedTuple

import numpy as np

from tfi2i.errors import UserError

# By number of axes: Conv2d (O, I, kH, kW) <-> (kH, kW, I, O), ConvTranspose2d (I, O, kH, kW) <-> (kH, kW, O, I) and
# Linear (O, I) <-> (I, O).
_TO_OFFICIAL = {4: (3, 2, 0, 1), 2: (1, 0)}
_FROM_OFFICIAL = {4: (2, 3, 1, 0), 2: (1, 0)}

_OFFICIAL_SUFFIX = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Parameter(NamedTuple):
    """key: its name in the official checkpoint; variable: our keras.Variable."""

    key: str
    variable: Any

    def to_official(self, array):
        """A NumPy array shaped like the variable (a value, a gradient), in the official layout."""
        axes = _TO_OFFICIAL.get(np.ndim(array))
        return np.transpose(array, axes) if axes else np.asarray(array)

    @property
    def official_shape(self):
        return self.to_official(np.empty(self.variable.shape, bool)).shape

    def load(self, array):
        """Sets the variable from an array in the official layout."""
        axes = _FROM_OFFICIAL.get(array.ndim)
        self.variable.assign(np.transpose(array, axes) if axes else array)


class ViewedParameter(NamedTuple):
    """One weight in two layouts, of which other axes must be told apart than either has.

    key: its official name; variable: ours. Seen with the axes `view`, transposed to the order `axes` and given the
    official shape, ours is `scale` times theirs plus `offset`.
    """

    key: str
    variable: Any
    view: tuple
    axes: tuple
    official_shape: tuple
    scale: float = 1.0
    offset: float = 0.0

    def to_official(self, array):
        """A NumPy array shaped like the variable (a value, a gradient of an unscaled one), in the official layout."""
        seen = np.transpose(np.reshape(array, self.view), self.axes).reshape(self.official_shape)
        return (seen - self.offset) / self.scale

    def load(self, array):
        """Sets the variable from an array in the official layout."""
        seen = np.reshape(self.scale * array + self.offset, [self.view[axis] for axis in self.axes])
        self.variable.assign(np.transpose(seen, np.argsort(self.axes)).reshape(self.variable.shape))


def parameters_of(network, modules):
    """Every weight of `network`, in the order of the official state dict.

    Args:
        network: a functional keras.Model.
        modules: {name of our layer: path of the official module}; layers without weights need no entry.
    """
    order = {path: number for number, path in enumerate(modules.values())}
    found = []
    for layer in network.layers:
        if layer.weights:
            path = modules[layer.name]
            found += [(order[path], Parameter(f"{path}.{_OFFICIAL_SUFFIX[v.name]}", v)) for v in layer.weights]
    return [parameter for _, parameter in sorted(found, key=lambda item: item[0])]


def load_state_dict(parameters, state_dict, source):
    """Loads every parameter; a missing, left-over or mis-shaped key is a `UserError` that names it and `source`."""
    wanted = {p.key: p for p in parameters}
    given = {k: v for k, v in state_dict.items() if not k.endswith("num_batches_tracked")}
    for word, keys in (("lacks", wanted.keys() - given.keys()), ("has besides", given.keys() - wanted.keys())):
        if keys:
            raise UserError(f"weights don't fit: {source} {word} {', '.join(sorted(keys)[:4])} ({len(keys)} in all)")
    for key, parameter in wanted.items():
        if tuple(given[key].shape) != tuple(parameter.official_shape):
            raise UserError(
                f"weights don't fit: {source}: {key} (expected shape {tuple(parameter.official_shape)}, "
                f"received {tuple(given[key].shape)})"
            )
    for key, parameter in wanted.items():
        parameter.load(given[key])


class StateDicts(dict):
    """{official network name: (state dict, source)}, as files are read; `source` is what errors call it."""

    def add(self, network, state_dict, source):
        """Raises `UserError` for a second file of one network."""
        if network in self:
            raise UserError(f"two files of network {network}: {self[network][1]} and {source}; give one of each")
        self[network] = state_dict, source

    def load_into(self, parameters):
        """Loads all into {network: [Parameter]}."""
        for network, (state_dict, source) in self.items():
            load_state_dict(parameters[network], state_dict, source)
