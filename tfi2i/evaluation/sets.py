"""Numbers of whole sets of pictures on the Inception network: FID, KID and IS."""

from tfi2i.errors import UserError
from tfi2i.evaluation.features import features_of
from tfi2i.evaluation.frechet import fid
from tfi2i.evaluation.inception import Inception
from tfi2i.evaluation.inception_score import inception_score
from tfi2i.evaluation.kernel_distance import kid

SET_METRICS = ("fid", "kid", "is")


def set_metrics(
    real, fake, metrics=("fid", "kid"), inception=None, cache=None, fake_cache=None, seed=0, progress=False
):
    """How far a set of pictures is from the real ones.

    Args:
        real, fake: sets of pictures, of any number and of any sizes.
        metrics: of `SET_METRICS`.
        inception: an `Inception`; None: pytorch-fid's weights and clean-fid's resize.
        cache, fake_cache: folders in which the features of the real and of the fake set are kept, or None. To look
            there costs reading the set once; don't give one for a set whose pictures a model makes when they are read.

    Returns: {"FID": measured, "KID": measured, "IS": measured}, those that were asked for; see `fid`, `kid`,
    `inception_score`. KID is 100 times the distance.
    Raises: `UserError` for unknown metrics, sets that are empty or too small, and pictures that are none.
    """
    unknown = [metric for metric in metrics if metric not in SET_METRICS]
    if unknown or not metrics:
        raise UserError(
            f"metrics of sets (expected some of {', '.join(SET_METRICS)}, received {', '.join(unknown) or 'none'})"
        )
    for name, pictures in (("real", real), ("fake", fake)):
        if len(pictures) < 2:
            raise UserError(f"the {name} set (expected at least 2 pictures, received {len(pictures)}); give more")
    inception = inception or Inception()
    fake_features, fake_logits = features_of(fake, inception, fake_cache, progress=progress)
    found = {}
    if {"fid", "kid"} & set(metrics):
        real_features, _ = features_of(real, inception, cache, progress=progress)
    if "fid" in metrics:
        found["FID"] = fid(real_features, fake_features, seed)
    if "kid" in metrics:
        found["KID"] = kid(real_features, fake_features, seed=seed)
    if "is" in metrics:
        found["IS"] = inception_score(fake_logits, seed=seed)
    return found
