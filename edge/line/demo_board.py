"""One demo board as drawn: the fixture, the bare board, its parts in place."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.demo_connectors import draw_fingers, draw_header, draw_mounting_hole, draw_terminals, draw_usb
from edge.line.demo_layout import layout
from edge.line.demo_paint import SCALE, Box, Point, disc, polygon, rounded, shadow, smooth_noise, stroke, text
from edge.line.demo_parts import CROWDED, GOLD, HOLE, SILK, Part, draw_pad, outline

WIDTH, HEIGHT = 640, 480
BOARD = Box(44, 38, 596, 446)
MASK = (20, 94, 54)
TRACE = (38, 126, 74)
MOUNTING_HOLES: tuple[Point, ...] = ((70, 64), (570, 64), (70, 420), (570, 420))


@dataclass(frozen=True, eq=False)
class Drawing:
    """A board at SCALE times the camera's resolution, [HEIGHT * SCALE, WIDTH * SCALE, 3] uint8 RGB.

    bare: fixture, board, pads and connectors
    full: the same with every part in place
    """

    bare: Pixels
    full: Pixels
    parts: tuple[Part, ...]


@cache
def draw_board() -> Drawing:
    """Draw the one product of the demo; the same picture every time."""
    rng = np.random.default_rng(20)
    bare = draw_fixture(rng)
    draw_laminate(bare, rng)
    parts = layout()
    draw_vias(bare, rng, parts)
    for part in parts:
        draw_footprint(bare, part)
    draw_lettering(bare)
    for hole in MOUNTING_HOLES:
        draw_mounting_hole(bare, hole)
    for draw_connector in (draw_header, draw_usb, draw_terminals, draw_fingers):
        draw_connector(bare)
    full = bare.copy()
    for part in parts:
        part.draw(full, part)
    light = illumination()
    return Drawing(lit(bare, light), lit(full, light), parts)


def draw_fixture(rng: np.random.Generator) -> Pixels:
    """A brushed grey carrier plate with clamps and screws; the board lies in it."""
    shape = (HEIGHT * SCALE, WIDTH * SCALE)
    brushed = np.repeat(rng.standard_normal((shape[0], shape[1] // 32)), 32, axis=1)
    grey = 112 + 3.0 * smooth_noise(rng, shape, size=160) + 2.2 * brushed
    canvas = np.clip(np.stack([grey, grey + 1, grey + 4], axis=2), 0, 255).astype(np.uint8)
    rounded(canvas, BOARD.grown(9), (70, 72, 75), radius=7)
    rounded(canvas, BOARD.grown(7.5), (88, 90, 93), radius=6)
    for x, y in ((20, 20), (620, 20), (20, 462), (620, 462)):
        disc(canvas, (x, y), 10, (74, 76, 79))
        disc(canvas, (x, y), 8.6, (150, 152, 155))
        disc(canvas, (x, y), 4.4, (58, 60, 62))
    return canvas


def draw_laminate(canvas: Pixels, rng: np.random.Generator) -> None:
    """The green board with its traces under the solder mask."""
    shadow(canvas, BOARD, depth=5)
    rounded(canvas, BOARD, (148, 150, 92), radius=6)
    rounded(canvas, BOARD.grown(-1.5), MASK, radius=5)
    draw_pours(canvas)
    draw_traces(canvas)
    view = BOARD.grown(-2).of(canvas)
    grain = 1 + 0.022 * smooth_noise(rng, view.shape[:2], size=90) + 0.018 * smooth_noise(rng, view.shape[:2], size=3)
    view[:] = np.clip(view * grain[..., None], 0, 255).astype(np.uint8)


def draw_vias(canvas: Pixels, rng: np.random.Generator, parts: tuple[Part, ...]) -> None:
    """Small plated holes, none of them under a part or its name."""
    for x, y in rng.uniform((100, 108), (580, 372), (140, 2)):
        if all(not part.footprint.grown(13).holds((x, y)) for part in parts):
            disc(canvas, (x, y), 2.6, GOLD)
            disc(canvas, (x, y), 1.3, HOLE)


def draw_pours(canvas: Pixels) -> None:
    """Large copper areas, a little lighter through the mask."""
    for corners in (
        [(398, 290), (590, 290), (590, 370), (500, 378), (398, 378)],
        [(50, 280), (200, 280), (214, 300), (214, 372), (50, 372)],
        [(240, 164), (384, 164), (384, 308), (240, 308)],
    ):
        polygon(canvas, corners, (29, 111, 64))


def draw_traces(canvas: Pixels) -> None:
    """Buses from the header and from the big chip to the rest, with the usual 45 degree bends."""
    for i in range(13):
        x, target = 178 + 15 * i, 272 + 6.2 * i
        bend = 100 + abs(6 - i) * 2.2
        stroke(canvas, [(x, 84), (x, bend), (target, bend + abs(target - x) * 0.55), (target, 180)], TRACE, width=1.8)
    for i in range(10):
        y = 204 + 6.2 * i
        far = 404 - 3.4 * i if i < 5 else 440
        stroke(
            canvas,
            [(366, y), (far - 14, y), (far, y - 14 if i < 5 else y), (far, 160 if i < 5 else y)],
            TRACE,
            width=1.6,
        )
        stroke(
            canvas, [(258, y), (240 - 4 * i, y), (224 - 4 * i, y + 18), (224 - 4 * i, 300 + 3 * i)], TRACE, width=1.6
        )
    for i in range(8):
        x = 440 + 11 * i
        stroke(canvas, [(x, 150), (x, 168 + 2 * i), (x + 10, 178 + 2 * i), (x + 10, 192)], TRACE, width=1.8)
        stroke(canvas, [(92, 192 + 7 * i), (120 + 3 * i, 192 + 7 * i), (138 + 3 * i, 210 + 7 * i)], TRACE, width=2.2)
    for i in range(14):
        x = 392 + 11 * i
        stroke(canvas, [(x, 420), (x, 410 - (i % 3) * 3), (x - 14, 396), (x - 14, 366)], TRACE, width=1.8)
    for y in (110, 116, 122):
        stroke(canvas, [(140, y), (168, y), (176, y + 8), (176, y + 60)], TRACE, width=2.2)
    stroke(canvas, [(556, 60), (556, 100), (572, 116), (572, 380)], TRACE, width=5)


def draw_footprint(canvas: Pixels, part: Part) -> None:
    """Pads, silkscreen frame and name of a part."""
    small = part.kind in CROWDED
    if not small:
        outline(canvas, part)
    for pad in part.pads:
        draw_pad(canvas, pad)
    if small and part.body.x1 - part.body.x0 > part.body.y1 - part.body.y0:
        return
    if small:
        text(canvas, part.label, (part.body.center[0], part.footprint.y1 + 6), SILK, height=4.4)
    else:
        text(canvas, part.label, (part.body.x0 + 6, part.footprint.y0 - 9), SILK, height=6)


def draw_lettering(canvas: Pixels) -> None:
    """What is printed on the board."""
    text(canvas, "EDGE DEMO PCB", (496, 68), SILK, height=8)
    text(canvas, "REV 1.2", (524, 84), SILK, height=5.4)
    text(canvas, "J1", (160, 66), SILK, height=6)
    text(canvas, "USB", (108, 220), SILK, height=6, upright=True)
    for number, name in enumerate(("+5V", "GND", "A", "B")):
        text(canvas, name, (214 + 36 * number, 378), SILK, height=6)
    for x in (178, 373):
        text(canvas, "1" if x == 178 else "26", (x - 4, 50), SILK, height=4.6)


def illumination() -> NDArray[np.float32]:
    """[h, w, 1] float32 gains of a lamp above the upper left of the middle: bright there, darker to the corners."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * SCALE * 1j, -1 : 1 : WIDTH * SCALE * 1j]
    return np.asarray(1.07 - 0.16 * ((x + 0.15) ** 2 + (y + 0.2) ** 2), np.float32)[..., None]


def lit(canvas: Pixels, light: NDArray[np.float32]) -> Pixels:
    """The canvas under that light."""
    return np.asarray(np.clip(canvas * light, 0, 255), np.uint8)
