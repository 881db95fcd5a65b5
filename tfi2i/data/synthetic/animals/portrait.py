"""What both portraits have: the wall behind, the frames of head and body, the scarf, and ramps of colours."""

import numpy as np

from tfi2i.data.synthetic.animals.face import Face
from tfi2i.data.synthetic.picture import UNITS, Frame, Picture, Points, blend

WALLS = {
    "sage": ((158, 190, 160), (104, 146, 118)),
    "sand": ((232, 212, 172), (190, 160, 118)),
    "rose": ((228, 178, 176), (180, 122, 132)),
    "sky": ((164, 204, 228), (102, 150, 190)),
}
DARK = (34, 28, 30)
WHITE = (255, 255, 255)
TONGUE = (232, 112, 122)


def paint_wall(picture: Picture, face: Face):
    above, below = WALLS[face.wall]
    picture.fill(np.ones_like(picture.x * picture.y), blend(above, below, picture.y / UNITS))
    for x, y, radius in face.lights:
        picture.fill(picture.ellipse(x, y, radius, radius, blur=1.5), WHITE, 0.22)


def head_of(picture: Picture, face: Face) -> Frame:
    """The head's own frame: the origin between the eyes and the mouth, 1 is half its width."""
    return picture.placed(face.x, face.y, face.scale, face.tilt)


def features_of(head: Frame, face: Face) -> Frame:
    """The frame of eyes, nose and mouth: a head that looks aside is turned a little."""
    return head.placed(0.07 * face.gaze[0], 0.05 * face.gaze[1])


def body_of(picture: Picture, face: Face) -> Frame:
    """The frame of chest and scarf, which stay upright; the origin is the head's."""
    return picture.placed(face.x, face.y, face.scale)


def paint_scarf(picture: Picture, body: Frame, colour: np.ndarray):
    picture.fill(body.ellipse(0, 0.95, 0.74, 0.32), colour)
    picture.fill(body.convex([(-0.6, 1.0), (0.6, 1.0), (0, 1.7)]), colour)


def ramp(colours, share: float) -> np.ndarray:
    """A colour on the way through several, from the first (0) to the last (1)."""
    stops = np.linspace(0, 1, len(colours))
    return np.array([np.interp(share, stops, channel) for channel in zip(*colours, strict=True)], np.float32)


def mirrored(points: Points) -> Points:
    """The polygon on the other side of the face, still clockwise."""
    return [(-x, y) for x, y in reversed(points)]
