"""Sets drawn by the package, so that every command can be tried before anything is downloaded.

`SyntheticFacades` has pairs; `SyntheticSeasons`, `SyntheticAnimals` and `SyntheticDigits` have two domains and no pairs
to learn from, but their test images have their truth. `SyntheticFaces` and `SyntheticExpressions` have labels, and the
right answer of every edit. `SyntheticTextures` are single images of fine detail, for super-resolution.
"""

from tfi2i.data.synthetic.animals import SyntheticAnimals
from tfi2i.data.synthetic.digits import SyntheticDigits
from tfi2i.data.synthetic.facades import PALETTE, SyntheticFacades
from tfi2i.data.synthetic.faces import SyntheticExpressions, SyntheticFaces
from tfi2i.data.synthetic.seasons import SyntheticSeasons
from tfi2i.data.synthetic.textures import SyntheticTextures

__all__ = [
    "PALETTE",
    "SyntheticAnimals",
    "SyntheticDigits",
    "SyntheticExpressions",
    "SyntheticFacades",
    "SyntheticFaces",
    "SyntheticSeasons",
    "SyntheticTextures",
]
