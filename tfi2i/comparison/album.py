"""What a page of comparison is made of: pictures in files, rows of them beside one another, and single-file sheets."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfi2i.data import images

DIFFERENCE = "inferno"  # even in lightness, and so in grey and to the colour-blind
DIFFERENCE_AT = 1.0  # the difference, of images on [-1, 1], that has the colours' bright end
SHEET_CELL = (128, 256)  # the least and the largest side of a picture on a sheet
SHEET_INK = (119, 119, 132, 255)  # to be read on white and on dark


@dataclass(frozen=True)
class Picture:
    """A picture in the report's folder; file: its path from there."""

    file: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Cell:
    """A picture in a row; run: the `Run` that made it; notes: numbers below it; difference: the map below these."""

    label: str
    picture: Picture | None
    run: object = None
    notes: tuple = ()
    difference: Picture | None = None


@dataclass
class Section:
    """rows: [(name, cells)]; sheet: the same in one file; means: {run's label: {metric: mean over the rows}}; matrix:
    columns must stay below one another, on a narrow page too."""

    id: str
    title: str
    lead: str
    rows: list = field(default_factory=list)
    sheet: Picture | None = None
    means: dict = field(default_factory=dict)
    matrix: bool = False

    @property
    def has_differences(self):
        return any(cell.difference for _, cells in self.rows for cell in cells)


class Album:
    """Writes pictures below the report's folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def picture(self, place, name, pixels, alt):
        """uint8 or uint16 (H, W, 1 or 3) -> the `Picture` at pictures/PLACE/NAME.png; names may hold any sign."""
        return self._written(f"pictures/{as_file(place)}/{as_file(name)}.png", pixels, alt)

    def difference(self, place, name, fake, truth, alt):
        """The `Picture` of the absolute difference of two images (H, W, C) in [-1, 1], averaged over channels."""
        return self.picture(place, f"{name}_difference", difference_map(fake, truth), alt)

    def sheet(self, name, rows, alt):
        """All rows of a section in one file, SHEET.png; None where there is but one picture."""
        if sum(len(cells) for _, cells in rows) < 2:
            return None
        labels = [cell.label for cell in rows[0][1]]
        pixels = sheet(labels, [(name, [self._pixels(cell.picture) for cell in cells]) for name, cells in rows])
        return self._written(f"{as_file(name)}.png", pixels, alt)

    def _pixels(self, picture):
        return None if picture is None else images.read(self.folder / picture.file, channels=3)

    def _written(self, file, pixels, alt):
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if pixels.shape[-1] == 4:
            images.write(path, pixels[..., :3], pixels[..., 3:])
        else:
            images.write(path, images.to_uint8(pixels))
        return Picture(file, pixels.shape[1], pixels.shape[0], alt)


def as_file(name):
    """A name as one that every file system takes, and every address without escapes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", str(name)).strip("-") or "x"


def difference_map(x, y):
    """uint8 (H, W, 3) of two images (H, W, C) in [-1, 1]: 0 dark, `DIFFERENCE_AT` and more bright."""
    from matplotlib import colormaps

    distance = np.abs(np.asarray(x, np.float32) - y).mean(-1) / DIFFERENCE_AT
    return colormaps[DIFFERENCE](np.clip(distance, 0.0, 1.0), bytes=True)[..., :3]


def sheet(columns, rows, gap=6):
    """Rows of pictures under the names of their columns, on a transparent ground: uint8 (H, W, 4).

    Args:
        columns: the names.
        rows: [(name, [uint8 (H, W, 3), or None for an empty place])].
    """
    rows = [(name, [None if pixels is None else _for_sheet(pixels) for pixels in row]) for name, row in rows]
    found = [pixels for _, row in rows for pixels in row if pixels is not None]
    width = max(pixels.shape[1] for pixels in found)
    heights = [max((pixels.shape[0] for pixels in row if pixels is not None), default=0) for _, row in rows]
    font = ImageFont.load_default(13)
    left = round(max(font.getlength(_fitting(name, font, 160)) for name, _ in rows)) + 2 * gap
    top = 22
    across = max(len(row) for _, row in rows)
    canvas = Image.new("RGBA", (left + across * (width + gap), top + sum(heights) + gap * len(rows)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    for column, name in enumerate(columns):
        middle = left + column * (width + gap) + width / 2
        draw.text((middle, top / 2), _fitting(name, font, width), SHEET_INK, font, anchor="mm")
    for (name, row), height in zip(rows, heights, strict=True):
        draw.text((gap, top + height / 2), _fitting(name, font, 160), SHEET_INK, font, anchor="lm")
        for column, pixels in enumerate(row):
            if pixels is not None:
                canvas.paste(Image.fromarray(pixels), (left + column * (width + gap), top))
        top += height + gap
    return np.asarray(canvas)


def _for_sheet(pixels):
    """Small pictures in whole multiples, each pixel a square; large ones smaller."""
    least, most = SHEET_CELL
    factor = -(-least // max(pixels.shape[:2]))
    if factor > 1:
        return pixels.repeat(factor, 0).repeat(factor, 1)
    share = min(1.0, most / max(pixels.shape[:2]))
    return images.resize(pixels, *(max(1, round(share * side)) for side in pixels.shape[:2]))


def _fitting(text, font, width):
    """The text, cut where it is longer than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
