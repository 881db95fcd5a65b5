"""SyntheticAnimals: a cat and a dog that sit for the same portrait; shapes change as well as colours.

They share place, size and tilt of the head, the gaze, how light the coat is, and the wall behind. What an animal tells
alone is its style: of the cat stripes, eyes and scarf, of the dog markings and scarf. Cats are cool in colour and dogs
warm; a dark cat is a dark dog, and as dark ones are more frequent in both domains, that can be learned without pairs.
"""

import numpy as np

from tfi2i.data.synthetic.animals.cat import paint_cat
from tfi2i.data.synthetic.animals.dog import paint_dog
from tfi2i.data.synthetic.animals.face import Face, plan
from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.domains import Domain, DrawnDomains


class SyntheticAnimals(DrawnDomains):
    """Portraits, A of cats and B of dogs; everything else is said of `DrawnDomains`."""

    title = "synthetic_animals"
    _plan = staticmethod(plan)

    @staticmethod
    def _paint(scene: Face, domain: Domain, dice: Dice, size: int) -> np.ndarray:
        return {"A": paint_cat, "B": paint_dog}[domain](scene, dice, size)
