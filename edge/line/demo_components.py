"""What each kind of part on a demo board looks like."""

from edge.frame import Pixels
from edge.line.demo_paint import Box, Color, Point, box_at, disc, polygon, rectangle, rounded, shade, shadow, text
from edge.line.demo_parts import CERAMIC, STEEL, Part, draw_legs


def chip(label: str, marking: tuple[str, ...], center: Point, size: Point, pads: tuple[Box, ...]) -> Part:
    """A black package with legs, lettering and a dot at leg 1."""

    def draw(canvas: Pixels, part: Part) -> None:
        body = part.body
        shadow(canvas, body, depth=4)
        draw_legs(canvas, part)
        rounded(canvas, body, (28, 29, 31), radius=2)
        rounded(canvas, body.grown(-1.5), (47, 48, 51), radius=2)
        shade(canvas, body.grown(-1.5), top=1.12, bottom=0.86)
        disc(canvas, (body.x0 + 7, body.y1 - 7), 2.6, (24, 25, 26))
        for row, line in enumerate(marking):
            x, y = body.center
            text(canvas, line, (x, y + 9 * (row - (len(marking) - 1) / 2)), (158, 160, 160), height=5.2)

    return Part("chip", label, box_at(center, *size), pads, draw)


def small_part(kind: str, label: str, center: Point, *, long: float, wide: float, upright: bool) -> Part:
    """A chip resistor or capacitor with two metal ends."""
    size = (wide, long) if upright else (long, wide)
    reach = long / 2
    ends = [(center[0], center[1] + s * reach) if upright else (center[0] + s * reach, center[1]) for s in (-1, 1)]
    pad_size = (wide + 3, 8.0) if upright else (8.0, wide + 3)
    pads = tuple(box_at(end, *pad_size) for end in ends)
    draw = draw_resistor if kind == "resistor" else draw_capacitor
    return Part(kind, label, box_at(center, *size), pads, draw)


def draw_metal_ends(canvas: Pixels, part: Part) -> Box:
    """The tinned ends of a small part; returns the box between them."""
    body = part.body
    shadow(canvas, body, depth=2)
    rounded(canvas, body, (202, 205, 206), radius=1.2)
    if body.x1 - body.x0 > body.y1 - body.y0:
        return Box(body.x0 + 5, body.y0 - 0.3, body.x1 - 5, body.y1 + 0.3)
    return Box(body.x0 - 0.3, body.y0 + 5, body.x1 + 0.3, body.y1 - 5)


def draw_resistor(canvas: Pixels, part: Part) -> None:
    """Black with its value in white."""
    middle = draw_metal_ends(canvas, part)
    rectangle(canvas, middle, (38, 38, 42))
    shade(canvas, middle, top=1.25, bottom=0.9)
    upright = middle.y1 - middle.y0 > middle.x1 - middle.x0
    text(canvas, "103", middle.center, (214, 214, 208), height=4.4, upright=upright)


def draw_capacitor(canvas: Pixels, part: Part) -> None:
    """Brown ceramic."""
    middle = draw_metal_ends(canvas, part)
    rectangle(canvas, middle, CERAMIC)
    shade(canvas, middle, top=1.14, bottom=0.86)


def can(label: str, center: Point) -> Part:
    """An aluminium electrolytic capacitor from above: black foot, bright can, dark mark on the minus side."""

    def draw(canvas: Pixels, part: Part) -> None:
        x, y = part.body.center
        body = part.body
        shadow(canvas, body.grown(-3), depth=8)
        cut = 9
        corners = [(body.x0 + cut, body.y0), (body.x1 - cut, body.y0), (body.x1, body.y0 + cut), (body.x1, body.y1)]
        polygon(canvas, [*corners, (body.x0, body.y1), (body.x0, body.y0 + cut)], (42, 42, 45))
        radius = (body.x1 - body.x0) / 2 - 2
        disc(canvas, (x, y), radius, (138, 142, 146))
        disc(canvas, (x - 0.8, y - 0.8), radius - 1.5, (206, 209, 212))
        disc(canvas, (x, y), radius - 4, (188, 192, 196))
        edge = [
            (x - 8, y - 16.5),
            (x - 12.5, y - 13),
            (x - 17, y - 7),
            (x - 18.5, y),
            (x - 17, y + 7),
            (x - 12.5, y + 13),
        ]
        polygon(canvas, [*edge, (x - 8, y + 16.5)], (52, 54, 60))
        for row, line in enumerate(("100", "25V", "UT")):
            text(canvas, line, (x + 5, y - 8 + 8 * row), (66, 68, 74), height=4.6)

    body = box_at(center, 46, 46)
    pads = (box_at((center[0], body.y0 - 1), 9, 7), box_at((center[0], body.y1 + 1), 9, 7))
    return Part("can", label, body, pads, draw)


def led(label: str, center: Point, color: Color) -> Part:
    """A small light: white case, coloured lens, tinned ends left and right."""

    def draw(canvas: Pixels, part: Part) -> None:
        shadow(canvas, part.body, depth=2)
        rounded(canvas, part.body, (222, 220, 208), radius=1.5)
        x, y = part.body.center
        disc(canvas, (x, y), 6.2, tuple(int(c * 0.62) for c in color))  # type: ignore[arg-type]
        disc(canvas, (x, y), 5.2, color)
        disc(canvas, (x - 1.6, y - 1.8), 1.7, (255, 250, 240))

    body = box_at(center, 18, 15)
    pads = tuple(box_at((center[0] + side * 11, center[1]), 8, 12) for side in (-1, 1))
    return Part("led", label, body, pads, draw)


def crystal(label: str, center: Point) -> Part:
    """A quartz in a steel case with round ends."""

    def draw(canvas: Pixels, part: Part) -> None:
        body = part.body
        shadow(canvas, body, depth=5)
        rounded(canvas, body, (140, 145, 149), radius=9.5)
        rounded(canvas, body.grown(-2), STEEL, radius=8)
        shade(canvas, body.grown(-2), top=1.22, bottom=0.9)
        text(canvas, "16.000", body.center, (88, 92, 96), height=5.4)

    body = box_at(center, 50, 20)
    return Part("crystal", label, body, tuple(box_at((center[0] + s * 27, center[1]), 9, 9) for s in (-1, 1)), draw)


def coil(label: str, center: Point) -> Part:
    """A shielded power inductor."""

    def draw(canvas: Pixels, part: Part) -> None:
        body = part.body
        shadow(canvas, body, depth=6)
        rounded(canvas, body, (50, 50, 54), radius=9)
        rounded(canvas, body.grown(-2), (72, 72, 77), radius=8)
        shade(canvas, body.grown(-2), top=1.15, bottom=0.85)
        disc(canvas, body.center, 17, (50, 51, 54))
        disc(canvas, (body.center[0] - 0.8, body.center[1] - 0.8), 15.5, (88, 88, 92))
        text(canvas, "220", body.center, (206, 206, 200), height=7.5)

    body = box_at(center, 52, 52)
    return Part("coil", label, body, tuple(box_at((center[0] + s * 27, center[1]), 9, 22) for s in (-1, 1)), draw)


def button(label: str, center: Point) -> Part:
    """A push button: steel frame, black plunger, four legs."""

    def draw(canvas: Pixels, part: Part) -> None:
        body = part.body
        shadow(canvas, body, depth=6)
        draw_legs(canvas, part)
        rounded(canvas, body, (46, 47, 50), radius=2)
        rounded(canvas, body.grown(-1.5), (178, 182, 186), radius=2)
        shade(canvas, body.grown(-1.5), top=1.15, bottom=0.9)
        disc(canvas, (body.center[0] + 1, body.center[1] + 1), 11.5, (96, 99, 102))
        disc(canvas, body.center, 11, (40, 41, 44))
        disc(canvas, (body.center[0] - 1, body.center[1] - 1), 8.5, (62, 63, 67))
        for x, y in ((-13, -13), (13, -13), (-13, 13), (13, 13)):
            disc(canvas, (body.center[0] + x, body.center[1] + y), 2, (84, 87, 90))

    body = box_at(center, 36, 36)
    pads = tuple(box_at((center[0] + x * 22, center[1] + y * 12), 10, 7) for x in (-1, 1) for y in (-1, 1))
    return Part("button", label, body, pads, draw)
