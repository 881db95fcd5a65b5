"""The parts of a facade: windows, doors and shops in the wall, and what stands out of it."""

from tfi2i.data.synthetic.dice import Dice
from tfi2i.data.synthetic.facades.building import Box, Building
from tfi2i.data.synthetic.facades.canvas import Canvas
from tfi2i.data.synthetic.facades.colours import Colour, Look, mix, shade

_IRON = (42, 44, 50)
_NIGHT = (36, 44, 56)


def paint_window(canvas: Canvas, box: Box, look: Look, dice: Dice):
    left, top, right, bottom = box
    style = look.style
    canvas.fill((left - 0.7, top - 0.7, right + 0.7, bottom), shade(style.trim, 0.97))
    canvas.fill((right, top, right + 0.7, bottom), shade(style.trim, 0.86))
    canvas.fill(box, style.frame)
    glass = (left + 0.45, top + 0.45, right - 0.45, bottom - 0.45)
    _paint_glass(canvas, glass, look, dice)
    middle = (left + right) / 2
    transom = top + 0.36 * (bottom - top)
    canvas.fill((middle - 0.2, top, middle + 0.2, bottom), style.frame)
    canvas.fill((left, transom - 0.2, right, transom + 0.2), style.frame)
    canvas.label(box, "window")
    canvas.shadow((left, top, right, top + 0.9), 0.45)
    canvas.shadow((left, top, left + 0.6, bottom), 0.4)


def _paint_glass(canvas: Canvas, box: Box, look: Look, dice: Dice):
    """Sky above and the dark room below, a streak of light, and perhaps curtains."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    bright = mix(mix(*look.sky, 0.4), _NIGHT, 0.3)
    canvas.gradient(box, bright, _NIGHT)
    streak = dice.uniform(0.25, 0.6)
    canvas.polygon(
        [
            (left + streak * width, top),
            (min(left + (streak + 0.35) * width, right), top),
            (left + streak * width * 0.6, bottom),
            (left, bottom),
            (left, top + streak * 1.6 * height),
        ],
        mix(bright, (255, 255, 255), 0.18),
    )
    canvas.gradient((left, top + 0.6 * height, right, bottom), mix(bright, _NIGHT, 0.6), _NIGHT)
    if dice.chance(0.65):
        cloth = mix((244, 236, 220), bright, 0.15)
        drop = top + dice.uniform(0.7, 1.0) * height
        canvas.polygon([(left, top), (left + 0.34 * width, top), (left + 0.16 * width, drop), (left, drop)], cloth)
        canvas.polygon([(right, top), (right - 0.34 * width, top), (right - 0.16 * width, drop), (right, drop)], cloth)


def paint_door(canvas: Canvas, box: Box, look: Look):
    left, top, right, bottom = box
    trim, wood = look.style.trim, look.accent
    middle = (left + right) / 2
    canvas.fill((left - 1, top - 1, right + 1, bottom), trim)
    canvas.fill((right, top, right + 1, bottom), shade(trim, 0.86))
    canvas.fill(box, shade(wood, 0.7))
    canvas.gradient((left + 0.4, top + 0.4, right - 0.4, top + 2), mix(look.sky[1], _NIGHT, 0.4), _NIGHT)
    canvas.fill((middle - 0.15, top, middle + 0.15, top + 2), shade(wood, 1.1))
    for leaf_left, leaf_right in ((left + 0.3, middle - 0.1), (middle + 0.1, right - 0.3)):
        canvas.gradient((leaf_left, top + 2.3, leaf_right, bottom), shade(wood, 1.12), shade(wood, 0.92))
        for share in (0.0, 0.36, 0.7):
            y = top + 2.7 + share * (bottom - top - 3)
            panel = (leaf_left + 0.4, y, leaf_right - 0.4, y + 0.25 * (bottom - top - 3))
            canvas.fill(panel, shade(wood, 0.68))
            canvas.fill((panel[0] + 0.2, panel[1] + 0.25, panel[2], panel[3]), shade(wood, 1.25))
            canvas.fill((panel[0] + 0.2, panel[1] + 0.25, panel[2] - 0.2, panel[3] - 0.2), wood)
    knob_y = top + 0.6 * (bottom - top)
    canvas.fill((middle + 0.3, knob_y, middle + 0.7, knob_y + 0.5), (232, 196, 96))
    canvas.fill((left - 1.2, bottom - 0.7, right + 1.2, bottom), shade(trim, 0.88))
    canvas.label(box, "door")
    canvas.shadow((left, top, right, top + 1), 0.5)
    canvas.shadow((left, top, left + 0.7, bottom), 0.4)


def paint_shop(canvas: Canvas, box: Box, look: Look, dice: Dice):
    left, top, right, bottom = box
    canvas.fill(box, shade(look.accent, 0.8))
    pane = (left + 0.7, top + 3, right - 0.7, bottom - 2.2)
    canvas.gradient(pane, (110, 92, 66), (250, 214, 148))
    goods = ((196, 72, 60), (70, 128, 138), (240, 232, 208), (92, 120, 70), (222, 158, 70))
    x = pane[0] + 0.3
    while x < pane[2] - 1.4:
        height = dice.uniform(0.8, 2.6)
        canvas.fill((x, pane[3] - height, x + 1.1, pane[3]), dice.choice(goods))
        x += dice.uniform(1.3, 2.0)
    canvas.polygon(
        [(pane[0] + 2, pane[1]), (pane[0] + 3.2, pane[1]), (pane[0] + 1.2, pane[3]), (pane[0], pane[3])],
        (226, 208, 172),
    )
    middle = (left + right) / 2
    canvas.fill((middle - 0.25, pane[1], middle + 0.25, pane[3]), shade(look.accent, 0.8))
    canvas.fill((left + 0.5, bottom - 1.7, right - 0.5, bottom - 0.5), shade(look.accent, 1.05))
    canvas.label(box, "shop")


def paint_dormer(canvas: Canvas, box: Box, look: Look, dice: Dice):
    left, top, right, bottom = box
    middle, trim = (left + right) / 2, look.style.trim
    canvas.fill((left - 0.7, top - 0.2, right + 0.7, bottom + 0.4), trim)
    paint_window(canvas, box, look, dice)
    canvas.polygon([(left - 1.2, top), (middle, top - 1.6), (right + 1.2, top)], trim)
    canvas.polygon([(left - 0.2, top - 0.3), (middle, top - 1.1), (right + 0.2, top - 0.3)], shade(trim, 0.8))
    canvas.label((left - 1, top - 1, right + 1, top), "cornice")
    canvas.shadow((right + 0.7, top, right + 1.9, bottom), 0.45)


def cast_shadows(canvas: Canvas, b: Building):
    """The sun stands high on the left: shadows fall downwards and a little to the right."""

    def beneath(box: Box, length: float, depth: float):
        left, _, right, bottom = box
        canvas.shadow((left + 0.4, bottom, right + 0.4 * length, bottom + length), depth)

    for left, top, right, bottom in b.cornices():
        beneath((max(left, b.left), top, min(right, b.right) - 1, bottom), 0.8 * (bottom - top), 0.42)
    for box in b.window_heads():
        beneath(box, 1.0, 0.45)
    for box in b.sills():
        beneath(box, 1.2, 0.4)
    for box in b.balconies():
        beneath(box, 1.8, 0.5)
    for _, top, right, bottom in b.shutters():
        canvas.shadow((right, top + 0.5, right + 0.6, bottom + 0.5), 0.35)
    for left, top, right, _ in b.shop_fronts():
        canvas.shadow((left, top + 3, right + 0.5, top + 5), 0.5)
    canvas.cast_shadows()


def paint_reliefs(canvas: Canvas, b: Building, look: Look):
    trim = look.style.trim
    for box in b.shutters():
        _paint_shutter(canvas, box, look.accent)
    for box in b.window_heads() + b.cornices():
        _paint_moulding(canvas, box, trim, "cornice")
    _paint_dentils(canvas, b.top_cornice(), trim)
    for box in b.sills():
        _paint_moulding(canvas, box, trim, "sill")
    for box in b.balconies():
        _paint_balcony(canvas, box, trim)
    for box in b.shop_fronts():
        _paint_awning(canvas, box, look.accent)


def _paint_moulding(canvas: Canvas, box: Box, trim: Colour, name: str):
    left, top, right, bottom = box
    height = bottom - top
    canvas.gradient(box, shade(trim, 1.02), shade(trim, 0.84))
    canvas.fill((left, top, right, top + 0.25 * height), shade(trim, 1.06))
    canvas.fill((left, bottom - 0.2 * height, right, bottom), shade(trim, 0.68))
    canvas.label(box, name)


def _paint_dentils(canvas: Canvas, box: Box, trim: Colour):
    left, _, right, bottom = box
    x = left + 0.75
    while x < right - 1:
        canvas.fill((x, bottom - 0.9, x + 0.5, bottom - 0.3), shade(trim, 0.6))
        x += 1.0


def _paint_shutter(canvas: Canvas, box: Box, colour: Colour):
    left, top, right, bottom = box
    canvas.fill(box, shade(colour, 0.85))
    y = top + 0.4
    while y < bottom - 0.4:
        canvas.fill((left + 0.3, y, right - 0.3, y + 0.35), shade(colour, 1.28))
        y += 0.7
    canvas.fill((left, top, right, top + 0.25), shade(colour, 1.2))
    canvas.label(box, "shutter")


def _paint_balcony(canvas: Canvas, box: Box, trim: Colour):
    left, top, right, bottom = box
    x = left + 0.2
    while x < right - 0.2:
        canvas.fill((x, top, x + 0.25, bottom - 1), _IRON)
        x += 0.75
    canvas.fill((left, top, right, top + 0.4), _IRON)
    canvas.fill((left, bottom - 1.4, right, bottom - 1.1), _IRON)
    canvas.gradient((left - 0.3, bottom - 1, right + 0.3, bottom), shade(trim, 1.04), shade(trim, 0.74))
    canvas.label(box, "balcony")


def _paint_awning(canvas: Canvas, shop: Box, colour: Colour):
    left, top, right, _ = shop
    cream = (246, 240, 224)
    stripes = int(right - left)
    for i in range(stripes):
        stripe = colour if i % 2 == 0 else cream
        x0, x1 = left + i * (right - left) / stripes, left + (i + 1) * (right - left) / stripes
        canvas.gradient((x0, top, x1, top + 3), shade(stripe, 1.12), shade(stripe, 0.92))
        canvas.half_disc((x0, top + 2.6, x1, top + 3), shade(stripe, 0.9))
    canvas.fill((left, top, right, top + 0.4), shade(colour, 0.7))
