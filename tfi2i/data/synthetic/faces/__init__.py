"""SyntheticFaces and SyntheticExpressions: labelled portraits whose every edit has its truth.

A person, with pose, light and wall, is planned from one random key, and each attribute of the look is drawn from a key
of its own: an attribute tells nothing of another, nor of the person. An edit changes only pixels of its own: no pixel
belongs to two attributes of `SyntheticFaces`.
"""

from tfi2i.data.synthetic.faces.labelled import SyntheticExpressions, SyntheticFaces

__all__ = ["SyntheticExpressions", "SyntheticFaces"]
