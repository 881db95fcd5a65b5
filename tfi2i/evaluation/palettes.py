"""The colours of label maps: which colour means which class.

Label maps are pictures, and most of them were JPEG once, so a pixel belongs to the class whose colour is the nearest.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfi2i.data.images import to_uint8, with_channels
from tfi2i.data.synthetic.facades import PALETTE as DRAWN_FACADES
from tfi2i.errors import UserError

IGNORED = -1  # the class of pixels that count for nothing
# How far half of the pixels of a label map may be from its palette. Of CMP's JPEGs it is 5, at 64 px 8; of photos
# 22 and more from the colours of Cityscapes, which are as dull as streets. The mean doesn't tell them apart: around
# the edges of a JPEG with halved chroma the colours are far off, and it is 19 for CMP's label maps.
FITS = 16.0
LOOKED_AT = 8  # label maps by which a palette is guessed


@dataclass(frozen=True)
class Palette:
    """names: of the K classes; colours: (r, g, b) of each, 0..255; ignored: colours that mean no class.

    Raises: `UserError` where these don't make a palette.
    """

    name: str
    names: tuple
    colours: tuple
    ignored: tuple = ()

    def __post_init__(self):
        every = (*self.colours, *self.ignored)
        if len(self.names) < 2 or len(self.names) != len(self.colours):
            raise UserError(
                f"palette {self.name}: expected a colour for each of two classes or more, received {len(self.names)} "
                f"names and {len(self.colours)} colours; add what is missing"
            )
        for colour in every:
            if len(colour) != 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in colour):
                raise UserError(f"palette {self.name}: a colour is three whole numbers from 0 to 255, not {colour}")
        twice = next((colour for k, colour in enumerate(every) if colour in every[:k]), None)
        if twice:
            raise UserError(f"palette {self.name}: the colour {twice} stands for two things; give each its own")

    def __len__(self):
        return len(self.names)

    def classes(self, pixels, ignore=True):
        """The class of each pixel, int32 (H, W), by the nearest colour: 0..K-1, or `IGNORED`.

        Args:
            pixels: (H, W, 3 or 1), uint8 or uint16.
            ignore: whether there are ignored colours; a translation has none, for it must decide.
        """
        nearest = self._nearest(pixels, self.colours + (self.ignored if ignore else ()))[0]
        return np.where(nearest < len(self), nearest, IGNORED).astype(np.int32)

    def distance(self, pixels):
        """How far half of the pixels are from their nearest colours, or less: a median, in levels of 0..255."""
        return float(np.median(self._nearest(pixels, self.colours + self.ignored)[1]))

    def check(self, label_maps):
        """Raises `UserError` where a set of pictures, of which a few are looked at, isn't in these colours."""
        distance = _mean_distance(self, _some(label_maps))
        if distance > FITS:
            raise UserError(
                f"these pictures are no label maps in the colours of {self.name} (expected half of the pixels within "
                f"{FITS:g} levels of them, received {distance:.0f}); give the palette of your label maps, one of "
                f"{', '.join(PALETTES)} or a .json or .csv file"
            )

    def paint(self, classes):
        """uint8 (H, W, 3) of classes (H, W); `IGNORED` is the first ignored colour, or black."""
        ground = self.ignored[0] if self.ignored else (0, 0, 0)
        return np.array([*self.colours, ground], np.uint8)[classes]

    def _nearest(self, pixels, colours):
        """The number of the nearest colour and the distance to it, both (H, W)."""
        rgb, colours = with_channels(to_uint8(pixels), 3).astype(np.int32), np.array(colours, np.int32)
        packed = (rgb[..., 0] << 16) + (rgb[..., 1] << 8) + rgb[..., 2]
        # A label map of 2 million pixels has few colours: the table of distances stays small.
        found, where = np.unique(packed, return_inverse=True)
        found = np.stack([found >> 16, found >> 8 & 255, found & 255], -1)
        squares = np.stack([np.square(found - colour).sum(-1) for colour in colours], -1)
        nearest, where = squares.argmin(-1), where.reshape(packed.shape)
        return nearest[where], np.sqrt(squares.min(-1))[where]


# The 19 classes of Cityscapes' benchmark in its order (trainId), in its colours; pix2pix' label maps are these. Ignored
# are the colours of its other labels, but for license plates and groups of poles, which look like cars and poles.
CITYSCAPES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
CITYSCAPES_IGNORED = (
    (0, 0, 0),
    (111, 74, 0),  # dynamic
    (81, 0, 81),  # ground
    (250, 170, 160),  # parking
    (230, 150, 140),  # rail track
    (180, 165, 180),  # guard rail
    (150, 100, 100),  # bridge
    (150, 120, 90),  # tunnel
    (0, 0, 90),  # caravan
    (0, 0, 110),  # trailer
)

# CMP's classes in the colours of pix2pix' facades: the medians of the flat parts of its 500 label maps.
FACADES = {
    "background": (0, 0, 222),
    "facade": (0, 48, 255),
    "window": (0, 128, 255),
    "door": (0, 207, 255),
    "cornice": (32, 255, 224),
    "sill": (112, 255, 143),
    "balcony": (192, 255, 63),
    "blind": (255, 240, 0),
    "deco": (255, 159, 0),
    "molding": (255, 80, 0),
    "pillar": (254, 0, 0),
    "shop": (174, 0, 0),
}

PALETTES = {
    "cityscapes": Palette("cityscapes", tuple(CITYSCAPES), tuple(CITYSCAPES.values()), CITYSCAPES_IGNORED),
    "facades": Palette("facades", tuple(FACADES), tuple(FACADES.values())),
    "synthetic_facades": Palette("synthetic_facades", tuple(DRAWN_FACADES), tuple(DRAWN_FACADES.values())),
}


def open_palette(name):
    """The `Palette` of a name in `PALETTES`, or of a user's file.

    A JSON file holds {"road": [128, 64, 128], ..., "ignored": [[0, 0, 0], ...]}, a CSV file a line `road,128,64,128` a
    class; those that begin with `ignored` are ignored.

    Raises: `UserError` where there is none, or the file isn't one.
    """
    if str(name) in PALETTES:
        return PALETTES[str(name)]
    path = Path(name)
    if path.suffix.lower() not in (".json", ".csv"):
        raise UserError(f"no palette {name} (expected one of {', '.join(PALETTES)}, or a .json or .csv file)")
    try:
        rows = (_rows_of_json if path.suffix.lower() == ".json" else _rows_of_csv)(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: cannot be read as a palette ({error}); expected a name, red, green, blue for each class"
        ) from error
    named = [(name, colour) for name, colour in rows if name != "ignored"]
    ignored = tuple(colour for name, colour in rows if name == "ignored")
    return Palette(str(path), tuple(name for name, _ in named), tuple(colour for _, colour in named), ignored)


def _rows_of_json(text):
    held = json.loads(text)
    ignored = [("ignored", tuple(colour)) for colour in held.pop("ignored", [])]
    return [(name, tuple(colour)) for name, colour in held.items()] + ignored


def _rows_of_csv(text):
    rows = [row for row in csv.reader(text.splitlines()) if row]
    return [(name.strip(), tuple(int(value) for value in colour)) for name, *colour in rows]


def guessed(label_maps):
    """The named `Palette` that is nearest to the colours of a set of pictures.

    Raises: `UserError` where none is near.
    """
    looked = _some(label_maps)
    if not looked:
        raise UserError("no label maps to guess a palette from (expected one at least); name the palette")
    best = min(PALETTES.values(), key=lambda palette: _mean_distance(palette, looked))
    best.check(looked)
    return best


def labels_of_pairs(source, palette=None):
    """Which half of the pairs are label maps: ("A" or "B", `Palette`).

    Args:
        source: of {"A", "B"}.
        palette: a `Palette`; None: the named one that fits.

    Raises: `UserError` where neither half, or both, are in a palette's colours.
    """
    examples = _some(source)
    if not examples:
        raise UserError("the data set holds no images: its label maps cannot be told from its photos")
    palettes = [palette] if palette else list(PALETTES.values())
    best = {}
    for side in "AB":
        looked = [example[side] for example in examples]
        best[side] = min(((_mean_distance(p, looked), k) for k, p in enumerate(palettes)))
    fitting = [side for side in "AB" if best[side][0] <= FITS]
    if len(fitting) != 1:
        raise UserError(
            f"{'both halves' if fitting else 'neither half'} of the pairs look like label maps (expected half of the "
            f"pixels of one of them within {FITS:g} levels of the colours of {', '.join(p.name for p in palettes)}, "
            f"received {best['A'][0]:.0f} for A and {best['B'][0]:.0f} for B); give the palette of your label maps, a "
            ".json or .csv file"
        )
    return fitting[0], palettes[best[fitting[0]][1]]


def _mean_distance(palette, pictures):
    return float(np.mean([palette.distance(pixels) for pixels in pictures]))


def _some(pictures):
    """At most `LOOKED_AT` of a sequence, evenly spread."""
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), LOOKED_AT)).round().astype(int)
    return [pictures[i] for i in places.tolist()]
