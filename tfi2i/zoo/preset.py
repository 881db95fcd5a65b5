"""A preset: a named, complete choice of data set and hyper-parameters."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """What `--preset=NAME` means.

    Args:
        config: the paper's `Config`.
        dataset: name of the data set in the catalog, or None where the user must bring one.
        task: for derived pairs, the name of the task that makes them out of single photos.
        steps: optimisation steps; None for the config's `n_epochs + n_epochs_decay` epochs.
        bfloat16: was it seen to learn as well in bfloat16 as in float32? (`tfi2i benchmark learning --precision`.)
        note: one line: where the numbers come from, what it cost and what came out; "not yet run" is an honest note.
    """

    config: Any
    dataset: str | None = None
    task: str | None = None
    steps: int | None = None
    bfloat16: bool = False
    note: str = "not yet run"
