"""The colours of summer and winter; what of them is a style, which the other season doesn't tell."""

from dataclasses import dataclass

import numpy as np

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.picture import blend


@dataclass(frozen=True)
class Season:
    """Everything that is not geometry. Pairs of colours are gradients: of the sky and the meadow from far to near."""

    light: np.ndarray  # factor on all colours
    sky: tuple[np.ndarray, np.ndarray]
    sun: np.ndarray
    cloud: np.ndarray
    rock: tuple[np.ndarray, np.ndarray]  # in the light, in the shade
    peak: tuple[np.ndarray, np.ndarray]
    peak_share: float  # of a mountain's height that has the colour of its peak
    hills: tuple[np.ndarray, np.ndarray]  # the far range, the near one
    meadow: tuple[np.ndarray, np.ndarray]
    water: tuple[np.ndarray, np.ndarray]
    shore: np.ndarray
    conifer: np.ndarray
    crown: np.ndarray
    conifer_top: np.ndarray
    crown_top: np.ndarray
    top_share: float  # of a tree that has the colour of its top
    roof: np.ndarray  # what lies on its tiles, or the tiles in the light


def summer(dice: Dice) -> Season:
    """Style: the foliage from fresh green to dry gold, the light from cool to warm."""
    dryness, warmth = dice.uniform(0, 1), dice.uniform(0, 1)
    crown = blend((60, 146, 50), (214, 152, 40), dryness)
    meadow = blend((84, 170, 62), (216, 182, 84), dryness)
    conifer = blend((26, 92, 58), (62, 98, 44), dryness)
    return Season(
        light=blend((0.88, 0.96, 1.04), (1.12, 1.00, 0.84), warmth),
        sky=(blend((46, 122, 224), (112, 172, 214), warmth), blend((160, 208, 244), (250, 230, 190), warmth)),
        sun=_c(255, 240, 150),
        cloud=_c(250, 250, 248),
        rock=(_c(146, 142, 150), _c(104, 104, 122)),
        peak=(_c(238, 242, 248), _c(188, 198, 218)),
        peak_share=0.22,
        hills=(blend((92, 136, 112), (136, 138, 96), dryness), blend((58, 122, 62), (132, 130, 56), dryness)),
        meadow=(blend(meadow, (255, 250, 200), 0.18), 0.86 * meadow),
        water=(_c(116, 182, 226), _c(36, 104, 176)),
        shore=blend((150, 150, 92), (196, 170, 100), dryness),
        conifer=conifer,
        crown=crown,
        conifer_top=blend(conifer, (160, 190, 90), 0.35),
        crown_top=blend(crown, (250, 236, 130), 0.4),
        top_share=0.4,
        roof=_c(176, 78, 58),
    )


def winter(dice: Dice) -> Season:
    """Style: the hour from cold blue to a pink evening, the snow on the trees from a dusting to a load."""
    hour, snowfall = dice.uniform(0, 1), dice.uniform(0, 1)
    snow = _c(240, 244, 252)
    return Season(
        light=blend((0.80, 0.93, 1.06), (1.08, 0.90, 0.88), hour),
        sky=(blend((140, 170, 206), (190, 168, 192), hour), blend((214, 226, 238), (255, 214, 188), hour)),
        sun=blend((252, 250, 240), (255, 196, 140), hour),
        cloud=blend((226, 234, 242), (255, 236, 222), hour),
        rock=(_c(222, 226, 236), _c(158, 168, 192)),
        peak=(_c(250, 251, 255), _c(198, 208, 230)),
        peak_share=0.22,
        hills=(_c(186, 198, 214), _c(206, 216, 228)),
        meadow=(_c(246, 248, 252), _c(224, 231, 244)),
        water=(_c(176, 202, 222), _c(134, 170, 204)),
        shore=_c(204, 214, 230),
        conifer=_c(58, 84, 84),
        crown=_c(128, 112, 112),
        conifer_top=snow,
        crown_top=snow,
        top_share=0.25 + 0.6 * snowfall,
        roof=_c(244, 247, 253),
    )


def _c(*rgb: int) -> np.ndarray:
    return np.array(rgb, np.float32)
