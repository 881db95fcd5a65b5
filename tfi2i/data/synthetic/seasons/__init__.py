"""SyntheticSeasons: one landscape in summer and in winter, in which the appearance changes and nothing else.

Sky, mountains, meadow, water, a hut and trees keep their places and their outlines. What a season tells alone is its
style: of summer how dry the foliage and how warm the light is, of winter the hour and how much snow the trees carry.
"""

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.domains import Domain, DrawnDomains
from tfi2i.data.synthetic.seasons.landscape import Landscape, plan
from tfi2i.data.synthetic.seasons.painter import paint
from tfi2i.data.synthetic.seasons.season import summer, winter


class SyntheticSeasons(DrawnDomains):
    """Landscapes, A in summer and B in winter; everything else is said of `DrawnDomains`."""

    title = "synthetic_seasons"
    _plan = staticmethod(plan)

    @staticmethod
    def _paint(scene: Landscape, domain: Domain, dice: Dice, size: int) -> np.ndarray:
        return paint(scene, {"A": summer, "B": winter}[domain](dice), size)
