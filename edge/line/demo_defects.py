"""What can be wrong with a demo board. Each defect paints over one canvas, 12 to 60 camera pixels wide."""

from collections.abc import Callable

import numpy as np

from edge.frame import Pixels
from edge.line.demo_board import Drawing
from edge.line.demo_connectors import HEADER_PINS, draw_socket
from edge.line.demo_paint import (
    SCALE,
    Box,
    Color,
    Cover,
    Point,
    blend,
    blurred,
    box_at,
    disc,
    polygon,
    smooth_noise,
    stroke,
)
from edge.line.demo_parts import SOLDER, SOLDER_LIGHT, Part
from edge.line.opencv import cv2

OPEN_AREAS = (
    Box(82, 268, 128, 282),
    Box(500, 172, 550, 186),
    Box(392, 146, 420, 166),
    Box(356, 386, 384, 408),
    Box(106, 402, 150, 412),
)
"""Where the board shows its solder mask and little else."""

REMOVABLE = ("resistor", "capacitor", "led", "can", "coil", "crystal")
LOOSE = ("Y1", "R10", "R11", "R12", "R13", "R14", "R15", "C20", "C21", "C22", "C23", "R21", "C30", "R20")
"""Parts with room to float away."""


def pick(parts: tuple[Part, ...], kinds: tuple[str, ...], rng: np.random.Generator) -> Part:
    """One part of one of those kinds; every kind is as likely."""
    kind = kinds[rng.integers(len(kinds))]
    some = [part for part in parts if part.kind == kind]
    return some[rng.integers(len(some))]


def missing_part(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """Empty pads where a part should be."""
    area = pick(drawing.parts, REMOVABLE, rng).area
    area.of(canvas)[:] = area.of(drawing.bare)


def turned_part(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """A small part that floated off its pads in the oven: moved by 3 to 6 pixels and turned by 15 to 30 degrees."""
    loose = [part for part in drawing.parts if part.label in LOOSE]
    area = loose[rng.integers(len(loose))].area
    around = area.grown(14)
    placed = around.of(drawing.full)
    cover: Cover = np.zeros(placed.shape[:2], np.float32)
    changed = cv2.absdiff(area.of(drawing.full), area.of(drawing.bare)).max(axis=2) > 8
    closed = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    area.moved(-around.x0, -around.y0).of(cover)[:] = closed
    size = placed.shape[1], placed.shape[0]
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), float(rng.choice((-1, 1)) * rng.uniform(15, 30)), 1.0)
    turn[:, 2] = turn[:, 2] + rng.choice((-1, 1), 2) * rng.uniform(3, 6, 2) * SCALE
    moved = np.asarray(cv2.warpAffine(placed, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    moved_cover = np.asarray(cv2.warpAffine(blurred(cover, 0.8), turn, size), np.float32)
    area.of(canvas)[:] = area.of(drawing.bare)
    around.of(canvas)[:] = blend(around.of(canvas), moved, moved_cover)


def solder_bridge(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """A blob of solder that joins two or three legs of a chip."""
    part = pick(drawing.parts, ("chip",), rng)
    first = int(rng.integers(len(part.pads) - 2))
    joined = [pad.center for pad in part.pads[first : first + 3] if near(pad.center, part.pads[first].center)]
    if len(joined) < 2:
        joined = [pad.center for pad in part.pads[first + 1 : first + 3]]
    for color, width, offset in ((SOLDER, 9.0, 0.0), ((196, 201, 204), 6.0, -0.7), (SOLDER_LIGHT, 2.5, -1.8)):
        path = [(x + offset, y + offset) for x, y in joined]
        stroke(canvas, path, color, width=width)
        for point in path if width > 5 else ():
            disc(canvas, point, width * 0.62, color)


def near(a: Point, b: Point) -> bool:
    """Whether two pads lie on one side of a chip, at most two legs apart."""
    return (a[0] == b[0] or a[1] == b[1]) and abs(a[0] - b[0]) + abs(a[1] - b[1]) < 24


def scratch(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """The solder mask scraped off by a tool: a tapering line down to the copper, and a fainter one beside it."""
    x, y = open_place(rng)
    angle, length, bow = rng.uniform(0, np.pi), rng.uniform(36, 56), rng.uniform(-3, 3)
    score(canvas, (x, y), angle, length=length, bow=bow, width=3.0, color=(150, 186, 148))
    score(canvas, (x, y), angle, length=length * 0.9, bow=bow, width=1.7, color=(226, 172, 120))
    beside = (float(x - 4 * np.sin(angle) + 5 * np.cos(angle)), float(y + 4 * np.cos(angle) + 5 * np.sin(angle)))
    score(canvas, beside, angle + 0.05, length=length * 0.55, bow=bow, width=1.3, color=(118, 168, 124))


def score(
    canvas: Pixels, center: Point, angle: float, *, length: float, bow: float, width: float, color: Color
) -> None:
    """A slightly bent line around a point that is widest at a third of its length."""
    along = np.linspace(-0.5, 0.5, 13)
    half = width / 2 * np.sin(np.pi * (along + 0.5)) ** 0.6 * (1.15 - 0.6 * (along + 0.5))
    bent = bow * (1 - 4 * along**2)
    x = np.concatenate([along, along[::-1]]) * length
    y = np.concatenate([bent - half, (bent + half)[::-1]])
    turned = center[0] + x * np.cos(angle) - y * np.sin(angle), center[1] + x * np.sin(angle) + y * np.cos(angle)
    polygon(canvas, [(float(px), float(py)) for px, py in zip(*turned, strict=True)], color)


def burn(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """A scorched spot, black in the middle and brown around."""
    place = box_at(open_place(rng), 58, 58)
    view = place.of(canvas)
    y, x = np.mgrid[-1 : 1 : view.shape[0] * 1j, -1 : 1 : view.shape[1] * 1j]
    ragged = np.hypot(x * rng.uniform(1.0, 1.3), y) + 0.07 * smooth_noise(rng, view.shape[:2], size=18)
    brown, black = np.clip((0.86 - ragged) / 0.5, 0, 1), np.clip((0.5 - ragged) / 0.35, 0, 1)
    view[:] = blend(blend(view, (78, 52, 26), brown * 0.86), (22, 17, 14), black * 0.92)


def missing_pin(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """Two empty wells side by side in the pin header."""
    first = int(rng.integers(len(HEADER_PINS) // 2 - 1)) + (len(HEADER_PINS) // 2) * int(rng.integers(2))
    for pin in HEADER_PINS[first : first + 2]:
        draw_socket(canvas, pin)
        disc(canvas, pin, 2.6, (8, 8, 9))


def solder_ball(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """Splashes of solder, one large and some small, where none belongs."""
    x, y = open_place(rng)
    for radius in (6.2, *rng.uniform(1.4, 2.8, 4)):
        for color, share, lift in ((SOLDER, 1.0, 0.0), ((122, 128, 132), 0.86, 0.1), (SOLDER_LIGHT, 0.42, -0.3)):
            disc(canvas, (x + lift * radius, y + lift * radius), radius * share, color)
        x, y = x + rng.uniform(-14, 14), y + rng.uniform(-14, 14)


def cracked_part(canvas: Pixels, drawing: Drawing, rng: np.random.Generator) -> None:
    """A corner broken out of a chip or a coil, with a crack that runs from it."""
    body = pick(drawing.parts, ("chip", "coil"), rng).body
    size = min(20.0, (body.y1 - body.y0) * 0.45)
    right, low = bool(rng.integers(2)), bool(rng.integers(2))
    x, y = (body.x1 if right else body.x0), (body.y1 if low else body.y0)
    dx, dy = (-size if right else size), (-size if low else size)
    broken = [(x, y), (x + dx, y), (x + dx * 0.66, y + dy * 0.28), (x + dx * 0.3, y + dy * 0.5), (x, y + dy * 0.85)]
    polygon(canvas, broken, (104, 102, 99))
    polygon(canvas, [(x, y), *((px - dx * 0.16, py - dy * 0.12) for px, py in broken[1:])], (132, 129, 124))
    crack = [(x + dx * 0.5, y + dy * 0.4), (x + dx * 0.85, y + dy * 0.6), (x + dx * 1.05, y + dy * 1.0)]
    stroke(canvas, crack, (132, 130, 126), width=1.2)


def open_place(rng: np.random.Generator) -> Point:
    """A point where the board is empty."""
    area = OPEN_AREAS[rng.integers(len(OPEN_AREAS))]
    return float(rng.uniform(area.x0, area.x1)), float(rng.uniform(area.y0, area.y1))


DEFECTS: dict[str, Callable[[Pixels, Drawing, np.random.Generator], None]] = {
    "missing_part": missing_part,
    "turned_part": turned_part,
    "solder_bridge": solder_bridge,
    "solder_ball": solder_ball,
    "scratch": scratch,
    "burn": burn,
    "missing_pin": missing_pin,
    "cracked_part": cracked_part,
}
"""Kind of defect -> what paints it on a canvas [h, w, 3] uint8 RGB."""
