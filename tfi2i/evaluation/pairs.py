"""Two sets of pictures of which each real one has its fake, as of any program, and the metrics of pairs over them.

A set is a sequence with `len(s)` and `s[i]` -> uint8 (H, W, 3 or 1), read when it is asked for.
"""

import re

import numpy as np
from tqdm import tqdm

from tfi2i.data.folders import matched
from tfi2i.data.images import listing, read, to_uint8, with_channels
from tfi2i.errors import UserError
from tfi2i.evaluation import interval
from tfi2i.evaluation.similarity import METRICS

_RESULT = re.compile("_(real|fake)(_[AB])?$")


class Pictures:
    """The pictures of files, as a set; `name(i)` is the path of one. A broken file raises a `UserError` naming it."""

    def __init__(self, paths):
        self.paths = list(paths)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return to_uint8(read(self.paths[i]))

    def name(self, i):
        return str(self.paths[i])


def pairs_of_folders(real, fake):
    """Sets (real, fake) of the pictures of two folders or glob patterns, matched by their names without extensions.

    The endings of the official PyTorch program's results, NAME_real_B.png and NAME_fake_B.png, are not part of a name.

    Raises: `UserError` for a folder without pictures, for names without a partner, and for two files of one name.
    """
    partners = matched(listing(real), listing(fake), lambda path: _RESULT.sub("", path.stem))
    return Pictures(partners.keys()), Pictures(partners.values())


def pair_metrics(real, fake, metrics=("L1", "PSNR", "SSIM"), lpips=None, crop=0, seed=0, progress=False):
    """The metrics of pairs, each over all pairs; one pair is in memory at a time.

    Args:
        real, fake: sets of as many pictures. Where one of a pair is grey, its values are repeated.
        metrics: keys of `similarity.METRICS`.
        lpips: an `Lpips`, whose distance is measured as well, as "LPIPS".
        crop: pixels of border that are left out everywhere.

    Returns: {metric: {"value", "std", "low", "high", "n"}}: mean and standard deviation over pairs, the interval, and
    how many they are. An infinite PSNR, that of equal pictures, makes the mean infinite and the rest NaN.
    Raises: `UserError` for unknown metrics, sets of different or no length, and, naming it, for a pair of two sizes or
    too small.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise UserError(f"metrics of pairs (expected some of {', '.join(METRICS)}, received {', '.join(unknown)})")
    if len(real) != len(fake) or not len(real):
        raise UserError(f"pairs of pictures (expected as many real as fake ones, received {len(real)} and {len(fake)})")
    chosen = {name: METRICS[name] for name in metrics} | ({"LPIPS": lpips.metric} if lpips else {})
    found = {name: np.empty(len(real)) for name in chosen}
    for i in tqdm(range(len(real)), unit="pair", disable=not progress, dynamic_ncols=True):
        x, y = _pair(real, fake, i)
        for name, metric in chosen.items():
            try:
                found[name][i] = metric(x, y, crop)
            except UserError as error:
                raise UserError(f"{_name(fake, i)}: {error}") from error
    return {name: interval.measured(values, seed) for name, values in found.items()}


def _pair(real, fake, i):
    x, y = real[i], fake[i]
    if x.shape[:2] != y.shape[:2]:
        raise UserError(
            f"{_name(real, i)} and {_name(fake, i)}: the pictures of a pair differ in size (expected equal height x "
            f"width, received {x.shape[0]} x {x.shape[1]} and {y.shape[0]} x {y.shape[1]}); resize one"
        )
    channels = max(x.shape[-1], y.shape[-1])
    return with_channels(x, channels), with_channels(y, channels)


def _name(pictures, i):
    return pictures.name(i) if hasattr(pictures, "name") else f"picture {i}"
