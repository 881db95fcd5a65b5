"""The source's random numbers."""

from collections.abc import Sequence

import numpy as np


class Dice:
    """Random numbers from uniform doubles only: other NumPy versions may draw integers or normals differently."""

    def __init__(self, key: np.random.SeedSequence):
        self._generator = np.random.Generator(np.random.PCG64(key))

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._generator.random()

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + int(self._generator.random() * (high - low + 1))

    def choice(self, options: Sequence):
        return options[self.integer(0, len(options) - 1)]

    def chance(self, probability: float) -> bool:
        return self._generator.random() < probability

    def array(self, *shape: int) -> np.ndarray:
        """Uniform in [-1, 1), float32."""
        return (2.0 * self._generator.random(shape) - 1.0).astype(np.float32)
