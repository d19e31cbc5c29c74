"""The connectors of a demo board: pin header, USB socket, screw terminals, gold fingers."""

from edge.frame import Pixels
from edge.line.demo_paint import Box, Point, box_at, disc, polygon, rectangle, rounded, shade, shadow, stroke
from edge.line.demo_parts import BLACK_PLASTIC, GOLD, GOLD_LIGHT, HOLE, STEEL

HEADER_PITCH = 15.0
HEADER_PINS = tuple(
    (178.0 + HEADER_PITCH * column, 62.0 + HEADER_PITCH * row) for row in range(2) for column in range(13)
)
"""Where the header's pins stand, camera pixels."""


def draw_header(canvas: Pixels) -> None:
    """A black 2 x 13 pin header with gold pins."""
    (x0, y0), (x1, y1) = HEADER_PINS[0], HEADER_PINS[-1]
    body = Box(x0 - 8, y0 - 8, x1 + 8, y1 + 8)
    shadow(canvas, body, depth=7)
    rounded(canvas, body, (22, 23, 24), radius=2)
    rounded(canvas, body.grown(-1.2), BLACK_PLASTIC, radius=2)
    for pin in HEADER_PINS:
        draw_socket(canvas, pin)
        draw_pin(canvas, pin)


def draw_socket(canvas: Pixels, center: Point) -> None:
    """The place of one pin in the header's plastic: a chamfered well."""
    rectangle(canvas, box_at(center, 13, 13), (46, 47, 50))
    rectangle(canvas, box_at((center[0] + 0.5, center[1] + 0.5), 11.4, 11.4), (26, 27, 28))


def draw_pin(canvas: Pixels, center: Point) -> None:
    """One gold pin from above, leaning towards the light."""
    x, y = center
    polygon(canvas, [(x - 3.8, y + 3.8), (x + 3.8, y + 3.8), (x + 3.8, y - 3.8)], (134, 98, 34))
    rectangle(canvas, box_at((x - 0.4, y - 0.4), 6.6, 6.6), GOLD)
    rectangle(canvas, box_at((x - 1.1, y - 1.1), 3.4, 3.4), GOLD_LIGHT)


def draw_usb(canvas: Pixels) -> None:
    """A steel USB socket that reaches over the board's left edge."""
    body = Box(24, 186, 92, 254)
    shadow(canvas, body, depth=7)
    rounded(canvas, body, (132, 136, 140), radius=3)
    rounded(canvas, body.grown(-1.5), STEEL, radius=3)
    shade(canvas, body.grown(-1.5), top=1.16, bottom=0.92)
    for y in (204, 236):
        rounded(canvas, Box(48, y - 5, 70, y + 5), (112, 116, 120), radius=2)
        rounded(canvas, Box(50, y - 3.5, 70, y + 4.5), (170, 174, 178), radius=2)
    rectangle(canvas, Box(24, 188, 30, 252), (150, 154, 158))
    stroke(canvas, [(80, 189), (80, 251)], (150, 154, 158), width=1)


def draw_terminals(canvas: Pixels) -> None:
    """A blue block of four screw terminals at the board's lower edge."""
    body = Box(196, 386, 340, 440)
    shadow(canvas, body, depth=9)
    rounded(canvas, body, (16, 52, 104), radius=2)
    rectangle(canvas, Box(198, 388, 338, 424), (30, 88, 168))
    shade(canvas, Box(198, 388, 338, 424), top=1.12, bottom=0.9)
    for number in range(4):
        center = (214.0 + 36 * number, 406.0)
        disc(canvas, center, 13.5, (14, 44, 90))
        disc(canvas, center, 12, (146, 150, 154))
        disc(canvas, (center[0] - 0.8, center[1] - 0.8), 10.5, (204, 207, 210))
        angle_x, angle_y = ((8.2, 4.2), (6.0, -7.0), (9.0, 1.0), (3.4, 8.6))[number]
        x, y = center
        stroke(canvas, [(x - angle_x, y - angle_y), (x + angle_x, y + angle_y)], (82, 86, 92), width=3)
        rectangle(canvas, box_at((center[0], 432), 24, 12), (9, 28, 62))
        rectangle(canvas, box_at((center[0], 434), 16, 8), (120, 122, 124))


def draw_fingers(canvas: Pixels) -> None:
    """Gold contacts at the board's lower edge."""
    for number in range(14):
        finger = box_at((392.0 + 11 * number, 431), 7.5, 24)
        rounded(canvas, finger, GOLD, radius=2)
        rectangle(canvas, Box(finger.x0 + 1.2, finger.y0 + 3, finger.x0 + 3.2, finger.y1 - 4), (236, 202, 122))


def draw_mounting_hole(canvas: Pixels, center: Point) -> None:
    """A plated hole through which a fixture pin is seen."""
    disc(canvas, center, 13, (150, 122, 62))
    disc(canvas, center, 12, GOLD)
    disc(canvas, (center[0] - 0.6, center[1] - 0.6), 10.4, (228, 192, 108))
    disc(canvas, center, 8.4, HOLE)
    disc(canvas, (center[0] + 0.6, center[1] + 0.6), 6.8, (92, 95, 98))
    disc(canvas, (center[0] - 0.6, center[1] - 0.6), 5.2, (136, 139, 142))
