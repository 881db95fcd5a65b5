"""Sets drawn by the package, so that every command can be tried before anything is downloaded.

`SyntheticFacades` has pairs; `SyntheticSeasons` and `SyntheticAnimals` have none to learn from, but their test images
have their truth.
"""

from tfi2i.data.synthetic.animals import SyntheticAnimals
from tfi2i.data.synthetic.facades import PALETTE, SyntheticFacades
from tfi2i.data.synthetic.seasons import SyntheticSeasons

__all__ = ["PALETTE", "SyntheticAnimals", "SyntheticFacades", "SyntheticSeasons"]
