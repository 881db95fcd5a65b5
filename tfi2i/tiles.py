"""A network applied to a large picture in overlapping tiles, so that memory doesn't limit the picture's size."""

import numpy as np

from tfi2i.errors import UserError


def check(tile, overlap):
    """Raises `UserError` for a size of tiles, or an overlap, that can't be."""
    if tile is None and overlap is not None:
        raise UserError(f"--overlap={overlap} is that of tiles; give --tile too")
    if tile is not None and tile < 1:
        raise UserError(f"--tile={tile} (expected at least 1)")
    if overlap is not None and not 0 <= overlap < tile:
        raise UserError(f"--overlap={overlap} (expected 0 to {tile - 1}, less than --tile={tile})")


def in_tiles(call, x, tile, overlap=None):
    """What `call` makes of x, a tile at a time.

    In the outer three eighths of an overlap, where the network misses what lies beyond, a tile's answer counts for
    nothing; over the middle quarter it passes to its neighbour's. So a network that looks at most 3/8 overlap far makes
    the same of tiles as of the whole. Those of super-resolution look further, but hardly: an SRResNet of 8 blocks was
    within 0.01 of 255 levels at an overlap of 32, and within 2 at 16.

    Args:
        call: float32 (h, w, C) -> (s h, s w, D), s a whole number.
        x: float32 (H, W, C).
        tile: the largest h and w.
        overlap: of neighbours, in pixels of x, less than `tile`; default: 32, or half of `tile`.

    Returns: float32 (s H, s W, D).
    """
    overlap = min(32, tile // 2) if overlap is None else overlap
    answer = weight = None
    for top, bottom in _spans(x.shape[0], tile, overlap):
        for left, right in _spans(x.shape[1], tile, overlap):
            part = call(x[top:bottom, left:right])
            scale = part.shape[0] // (bottom - top)
            if answer is None:
                answer = np.zeros((scale * x.shape[0], scale * x.shape[1], part.shape[2]), np.float32)
                weight = np.zeros((*answer.shape[:2], 1), np.float32)
            rows = _weights(top, bottom, x.shape[0], scale, overlap)
            columns = _weights(left, right, x.shape[1], scale, overlap)
            counts = (rows[:, None] * columns)[..., None]
            at = np.s_[scale * top : scale * bottom, scale * left : scale * right]
            answer[at] += counts * part
            weight[at] += counts
    return answer / weight


def _spans(size, tile, overlap):
    """(start, stop) of the tiles along one side; the last one ends where the picture does."""
    starts = range(0, max(1, size - overlap), tile - overlap)
    return sorted({(max(0, min(start, size - tile)), min(size, max(start, 0) + tile)) for start in starts})


def _weights(start, stop, size, scale, overlap):
    """How much each pixel of an answer counts along one side: (scale (stop - start),)."""
    place = (np.arange(scale * (stop - start), dtype=np.float32) + 0.5) / scale
    weights = np.ones_like(place)
    for distance, inside in ((place, start > 0), (stop - start - place, stop < size)):
        if inside and overlap:
            weights *= np.clip((distance - 0.375 * overlap) / (0.25 * overlap), 0.0, 1.0)
    return weights
