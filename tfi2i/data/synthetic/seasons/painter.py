"""The landscape from the sky to the nearest tree, in the colours of a season."""

import numpy as np

from tfi2i.data.synthetic.picture import UNITS, Frame, Picture, blend
from tfi2i.data.synthetic.seasons.landscape import Hut, Lake, Landscape, Tree, course
from tfi2i.data.synthetic.seasons.season import Season

WALLS = {"red": (158, 54, 44), "ochre": (206, 150, 66), "blue": (66, 96, 148)}
WOOD = (96, 70, 54)
TILES = (128, 52, 42)
LAMPLIGHT = (255, 214, 110)


def paint(land: Landscape, season: Season, size: int) -> np.ndarray:
    picture = Picture(size)
    _paint_sky(picture, land, season)
    _paint_mountains(picture, land, season)
    _paint_hills(picture, land, season)
    _paint_meadow(picture, land, season)
    _paint_water(picture, land, season)
    for tree in (t for t in land.trees if t.y <= land.hut.y):
        _paint_tree(picture, tree, season)
    _paint_hut(picture, land.hut, season)
    for tree in (t for t in land.trees if t.y > land.hut.y):
        _paint_tree(picture, tree, season)
    picture.rgb *= season.light
    return picture.pixels()


def _paint_sky(picture: Picture, land: Landscape, season: Season):
    picture.fill(np.ones_like(picture.x * picture.y), blend(*season.sky, np.clip(picture.y / land.horizon, 0, 1)))
    x, y = land.sun
    picture.fill(picture.ellipse(x, y, 7, 7, blur=10), season.sun, 0.35)
    picture.fill(picture.ellipse(x, y, 3.6, 3.6), season.sun)
    for x, y, length in land.clouds:
        puffs = [
            picture.ellipse(x - 0.3 * length, y, 0.3 * length, 0.11 * length, blur=1),
            picture.ellipse(x + 0.3 * length, y + 0.3, 0.34 * length, 0.1 * length, blur=1),
            picture.ellipse(x, y - 0.1 * length, 0.28 * length, 0.17 * length, blur=1),
        ]
        picture.fill(np.maximum.reduce(puffs), season.cloud, 0.9)


def _paint_mountains(picture: Picture, land: Landscape, season: Season):
    for x, top, reach in land.peaks:
        foot = land.horizon
        lit = [(x, top), (x - 0.12 * reach, foot), (x - reach, foot)]
        shaded = [(x, top), (x + reach, foot), (x - 0.12 * reach, foot)]
        snowline = top + season.peak_share * (foot - top) + 0.8 * np.sin(1.1 * picture.x + x)
        above = 1 - picture.under(snowline)
        picture.fill(picture.convex([(x, top), (x + reach, foot), (x - reach, foot)]), season.rock[0])
        picture.fill(picture.convex(shaded), season.rock[1])
        picture.fill(picture.convex(lit) * above, season.peak[0])
        picture.fill(picture.convex(shaded) * above, season.peak[1])


def _paint_hills(picture: Picture, land: Landscape, season: Season):
    x = picture.x
    a, b, c, d = land.hills
    far = land.horizon - 4.5 + 2.2 * np.sin(0.11 * x + a) + 0.8 * np.sin(0.31 * x + b)
    near = land.horizon - 1.5 + 1.6 * np.sin(0.09 * x + c) + 0.6 * np.sin(0.37 * x + d)
    picture.fill(picture.under(far), season.hills[0])
    picture.fill(picture.under(near), season.hills[1])


def _paint_meadow(picture: Picture, land: Landscape, season: Season):
    nearness = np.clip((picture.y - land.horizon) / (UNITS - land.horizon), 0, 1)
    picture.fill(picture.under(_meadow_edge(picture, land)), blend(*season.meadow, nearness))


def _meadow_edge(picture: Picture, land: Landscape) -> np.ndarray:
    return land.horizon + 0.8 * np.sin(0.13 * picture.x + land.hills[1])


def _paint_water(picture: Picture, land: Landscape, season: Season):
    water = land.water
    if isinstance(water, Lake):
        shore = picture.ellipse(water.x, water.y, water.rx + 1, water.ry + 0.8)
        surface = picture.ellipse(water.x, water.y, water.rx, water.ry)
        depth = np.clip((picture.y - water.y) / (2 * water.ry) + 0.5, 0, 1)
    else:
        y = np.maximum(picture.y, land.horizon)
        middle, width = course(water, y, land.horizon)
        below = picture.under(_meadow_edge(picture, land))
        aside = np.abs(picture.x - middle) - width / 2
        shore, surface = picture.cover(aside - 0.6) * below, picture.cover(aside) * below
        depth = np.clip((picture.y - land.horizon) / (UNITS - land.horizon), 0, 1)
    picture.fill(shore, season.shore)
    picture.fill(surface, blend(*season.water, depth))


def _paint_hut(picture: Picture, hut: Hut, season: Season):
    at = picture.placed(hut.x, hut.y, hut.scale)
    wall = np.array(WALLS[hut.wall], np.float32)
    picture.fill(at.ellipse(0.8, 0.2, 8, 1.0, blur=1), (40, 50, 60), 0.35)
    picture.fill(at.box(2.6, -11.5, 4.2, -7), WOOD)
    picture.fill(at.box(2.3, -12.1, 4.5, -11), season.roof)
    picture.fill(at.box(-6, -5.5, 6, 0), wall)
    picture.fill(at.box(2, -5.5, 6, 0), 0.78 * wall)
    picture.fill(at.convex([(-4.8, -10.2), (4.8, -10.2), (7.6, -4.8), (-7.6, -4.8)]), TILES)
    picture.fill(at.convex([(-4.4, -10.2), (4.4, -10.2), (6.2, -6.0), (-6.2, -6.0)]), season.roof)
    picture.fill(at.box(-1.2, -4.0, 1.2, 0), WOOD)
    for x in (-3.6, 3.9):
        picture.fill(at.box(x - 1.2, -3.9, x + 1.2, -1.7), (240, 236, 226))
        picture.fill(at.box(x - 0.8, -3.5, x + 0.8, -2.1), LAMPLIGHT)


def _paint_tree(picture: Picture, tree: Tree, season: Season):
    """A tree is one unit high in its own frame; its top is what light or snow lies on."""
    at = picture.placed(tree.x, tree.y, tree.height)
    picture.fill(at.ellipse(0.05, 0, 0.24, 0.04, blur=0.05), (40, 50, 60), 0.35)
    picture.fill(at.box(-0.035, -0.3, 0.035, 0), WOOD)
    (_paint_conifer if tree.kind == "conifer" else _paint_crown)(picture, at, season)


def _paint_conifer(picture: Picture, at: Frame, season: Season):
    for foot, width, height in ((-0.12, 0.27, 0.42), (-0.36, 0.22, 0.38), (-0.6, 0.16, 0.4)):
        tier = at.convex([(0, foot - height), (width, foot), (-width, foot)])
        shade = at.convex([(0, foot - height), (width, foot), (0.2 * width, foot)])
        # The edge of the snow hangs lower at the sides, as branches do.
        edge = foot - height * (1 - season.top_share) + 0.35 * np.abs(at.x) - 0.05
        picture.fill(tier, season.conifer)
        picture.fill(shade, 0.75 * season.conifer)
        picture.fill(tier * at.cover(at.y - edge, blur=0.03), season.conifer_top)


def _paint_crown(picture: Picture, at: Frame, season: Season):
    puffs = ((-0.17, -0.47, 0.17), (0.17, -0.47, 0.17), (0, -0.36, 0.18), (0, -0.68, 0.24))
    for x, y, radius in puffs:
        body = at.ellipse(x, y, radius, radius)
        edge = y + radius * (2 * season.top_share - 1) * 0.8 + 0.25 * at.x
        picture.fill(body, season.crown)
        picture.fill(body * at.cover(at.y - edge, blur=0.1), season.crown_top)
