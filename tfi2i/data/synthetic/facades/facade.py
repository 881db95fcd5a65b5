"""The picture as a whole: sky, pavement, roof and wall, then the parts, then the camera."""

import numpy as np
from PIL import Image, ImageDraw

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facades.building import UNITS, Box, Building, Points
from tfi2i.data.synthetic.facades.canvas import Canvas
from tfi2i.data.synthetic.facades.colours import SKIES, STYLES, Look, mix, shade
from tfi2i.data.synthetic.facades.parts import (
    cast_shadows,
    paint_door,
    paint_dormer,
    paint_reliefs,
    paint_shop,
    paint_window,
)


def paint(b: Building, dice: Dice, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Photo and label map of a building, from the sky to what stands out of the wall."""
    canvas = Canvas(size)
    style = STYLES[b.style]
    look = Look(
        wall=mix(*style.walls, dice.uniform(0, 1)),
        accent=dice.choice(style.accents),
        sky=dice.choice(SKIES),
        style=style,
    )
    _paint_sky(canvas, look, dice)
    _paint_pavement(canvas, b, dice)
    _paint_roof(canvas, b, look, dice)
    _paint_wall(canvas, b, look, dice)
    for window in b.upper_windows() + b.ground_windows():
        paint_window(canvas, window, look, dice)
    for shop in b.shop_fronts():
        paint_shop(canvas, shop, look, dice)
    for dormer in b.dormers():
        paint_dormer(canvas, dormer, look, dice)
    paint_door(canvas, b.door(), look)
    cast_shadows(canvas, b)
    paint_reliefs(canvas, b, look)
    return canvas.reduced()


def _paint_sky(canvas: Canvas, look: Look, dice: Dice):
    everywhere = (0, 0, UNITS, UNITS)
    canvas.gradient(everywhere, *look.sky)
    box = (0, 0, UNITS, 48)
    clouds = canvas.noise(box, dice, 4, 8, 16, 32)
    fade = np.linspace(1.2, 0.0, len(clouds), dtype=np.float32)[:, None]
    cover = np.clip((1.1 * clouds + dice.uniform(-0.3, 0.15)) * fade, 0, 0.85)
    canvas.photo.paste((252, 250, 246), (0, 0), Image.fromarray((255 * cover).astype(np.uint8)))
    for distance, green in ((0.35, (88, 118, 98)), (0.6, (72, 108, 70))):
        heights = 8 - 7 * distance + 2.5 * dice.array(24)
        crowns = [(3 * i - 2, 50 + 7 * distance - h / 2) for i, h in enumerate(heights)]
        canvas.polygon([(-4, UNITS), *crowns, (UNITS + 8, UNITS)], mix(look.sky[1], green, distance))
    canvas.label(everywhere, "sky")


def _paint_pavement(canvas: Canvas, b: Building, dice: Dice):
    box = (0, b.ground, UNITS, UNITS)
    blocks, joints = canvas.masonry(box, dice, course=1.5, block=4.0)
    canvas.texture(box, (172, 168, 162), np.where(joints, 0.8, 1.0 + 0.05 * blocks))
    canvas.fill((0, UNITS - 1.5, UNITS, UNITS - 1.1), (206, 202, 194))
    canvas.fill((0, UNITS - 1.1, UNITS, UNITS), (84, 84, 90))
    canvas.label(box, "pavement")
    canvas.shadow((b.left, b.ground, b.right + 1.5, b.ground + 1.2), 0.45)


def _roof_outline(b: Building) -> Points:
    if b.roof == "mansard":
        knee = b.ridge + 2
        return [
            (b.left, b.eaves),
            (b.left + 2, knee),
            (b.left + 5, b.ridge),
            (b.right - 5, b.ridge),
            (b.right - 2, knee),
            (b.right, b.eaves),
        ]
    return [(b.left - 1, b.eaves), (b.left + 6, b.ridge), (b.right - 6, b.ridge), (b.right + 1, b.eaves)]


def _paint_roof(canvas: Canvas, b: Building, look: Look, dice: Dice):
    for x in b.chimneys:
        _paint_chimney(canvas, (x - 1.5, b.ridge - (4 if b.roof == "parapet" else 2), x + 1.5, b.eaves))
    if b.roof == "parapet":
        return
    box = (b.left - 1, b.ridge, b.right + 1, b.eaves)
    left, top, right, bottom = canvas.pixels(box)
    outline = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(outline).polygon(
        [(x * canvas.scale - left, y * canvas.scale - top) for x, y in _roof_outline(b)], fill=255
    )
    blocks, joints = canvas.masonry(box, dice, course=1.0, block=1.5)
    fade = np.linspace(1.1, 0.9, bottom - top, dtype=np.float32)[:, None]
    canvas.texture(box, look.style.roof, fade * np.where(joints, 0.78, 1.0 + 0.1 * blocks), outline)
    canvas.label_polygon(_roof_outline(b), "roof")


def _paint_chimney(canvas: Canvas, box: Box):
    left, top, right, _ = box
    canvas.fill(box, (150, 92, 74))
    canvas.fill(((left + right) / 2 + 0.5, top, right, box[3]), (122, 72, 58))
    canvas.fill((left - 0.4, top, right + 0.4, top + 0.8), (196, 180, 164))
    canvas.label(box, "roof")


def _paint_wall(canvas: Canvas, b: Building, look: Look, dice: Dice):
    box = (b.left, b.ridge if b.roof == "parapet" else b.eaves, b.right, b.ground)
    tone = 1.0 + 0.045 * canvas.noise(box, dice, 6, 24, 96)
    tone *= np.linspace(1.03, 0.97, tone.shape[1], dtype=np.float32)
    style = look.style
    if style.masonry:
        blocks, joints = canvas.masonry(box, dice, style.masonry.course, style.masonry.block)
        canvas.texture(box, look.wall, tone * (1 + style.masonry.unevenness * blocks))
        canvas.photo.paste(
            style.masonry.joint, canvas.pixels(box)[:2], Image.fromarray((130 * joints).astype(np.uint8))
        )
    else:
        canvas.texture(box, look.wall, tone)
    canvas.label(box, "wall")
    if style.rusticated:
        for y in range(b.storey + 3, b.ground, 2):
            canvas.fill((b.left, y, b.right, y + 0.3), shade(look.wall, 0.74))
            canvas.fill((b.left, y + 0.3, b.right, y + 0.55), shade(look.wall, 1.08))
    canvas.fill((b.left, b.ground - 2, b.right, b.ground), shade(style.trim, 0.72))
    canvas.fill((b.left, b.ground - 2, b.right, b.ground - 1.7), shade(style.trim, 0.9))


def expose(photo: np.ndarray, dice: Dice) -> np.ndarray:
    """The camera: a colour cast, light that falls off to the right, a little noise."""
    height, width = photo.shape[:2]
    cast = dice.uniform(0.96, 1.04) * (1 + 0.025 * dice.array(3))
    light = np.linspace(1.03, 0.96, width, dtype=np.float32)[None, :, None]
    grain = 2.5 * (dice.array(height, width, 1) + dice.array(height, width, 1))
    return np.clip(photo * (cast * light) + grain + 0.5, 0, 255).astype(np.uint8)
