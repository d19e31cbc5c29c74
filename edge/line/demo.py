"""demo:pcb, a camera for a machine that has none: pictures of one product, some of them with a known defect."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.demo_board import HEIGHT, WIDTH, Drawing, draw_board
from edge.line.demo_defects import DEFECTS
from edge.line.demo_paint import SCALE
from edge.line.opencv import cv2

FIRST_GOOD = 8
"""The shift starts with so many good boards."""

DEFECT_RATE = 0.12
SHIFT_PX = 2.0
TURN_DEG = 0.3
BRIGHTNESS = 0.03
TINT = 0.03
NOISE = 2.4
NOISE_TILES = 4
NOISE_MARGIN = 32


@dataclass(frozen=True, eq=False)
class Board:
    """One board in front of the demo camera.

    pixels: [480, 640, 3] uint8 RGB
    truth:  the kind of its defect, a key of DEFECTS; None if it is good. The camera never sends it.
    """

    pixels: Pixels
    truth: str | None


@dataclass(frozen=True, eq=False)
class Look:
    """How one board differs from the next although both are good.

    shift:   x, y in camera pixels
    turn:    degrees
    gain:    brightness, 1 is the drawing's
    tints:   [parts] gains of each part's own brightness
    noise:   [480, 640, 3] uint8 sensor noise around 128
    """

    shift: tuple[float, float]
    turn: float
    gain: float
    tints: NDArray[np.float64]
    noise: Pixels


def demo_boards(*, seed: int = 0) -> Iterator[Board]:
    """Boards without end, the same for the same seed: FIRST_GOOD good ones, then each defective with DEFECT_RATE.

    The camera moves by up to SHIFT_PX and TURN_DEG, the light by BRIGHTNESS, each part's brightness by TINT.
    """
    drawing = draw_board()
    tiles = noise_tiles(np.random.default_rng((seed, 0)))
    for number, truth in enumerate(production_order(np.random.default_rng((seed, 1))), start=2):
        rng = np.random.default_rng((seed, number))
        look = draw_look(rng, tiles, parts=len(drawing.parts))
        yield Board(render(drawing, look, truth=truth, rng=rng), truth)


def production_order(rng: np.random.Generator) -> Iterator[str | None]:
    """What is wrong with one board after the other, None for good; every kind has come before one comes again."""
    yield from repeat(None, FIRST_GOOD)
    kinds: list[str] = []
    while True:
        if rng.random() >= DEFECT_RATE:
            yield None
            continue
        kinds = kinds or [str(kind) for kind in rng.permutation(list(DEFECTS))]
        yield kinds.pop()


def draw_look(rng: np.random.Generator, tiles: list[Pixels], *, parts: int) -> Look:
    """A random look."""
    x, y = rng.uniform(-SHIFT_PX, SHIFT_PX, 2)
    left, top = rng.integers(0, NOISE_MARGIN, 2)
    return Look(
        shift=(float(x), float(y)),
        turn=float(rng.uniform(-TURN_DEG, TURN_DEG)),
        gain=float(1 + rng.uniform(-BRIGHTNESS, BRIGHTNESS)),
        tints=1 + rng.uniform(-TINT, TINT, parts),
        noise=tiles[rng.integers(len(tiles))][top : top + HEIGHT, left : left + WIDTH],
    )


def render(drawing: Drawing, look: Look, *, truth: str | None, rng: np.random.Generator) -> Pixels:
    """[480, 640, 3] uint8 RGB of the board with that look and, unless None, that defect, whose place `rng` decides."""
    canvas = drawing.full.copy()
    for part, tint in zip(drawing.parts, look.tints, strict=True):
        view = part.body.of(canvas)
        view[:] = cv2.convertScaleAbs(view, alpha=float(tint))
    if truth is not None:
        DEFECTS[truth](canvas, drawing, rng)
    seen = cv2.warpAffine(canvas, placement(look), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.addWeighted(seen, look.gain, look.noise, 1.0, -128.0), np.uint8)


def placement(look: Look) -> NDArray[np.float64]:
    """[2, 3] affine transform: canvas -> camera pixels, turned about the middle and shifted."""
    middle = ((WIDTH * SCALE - 1) / 2, (HEIGHT * SCALE - 1) / 2)
    transform = cv2.getRotationMatrix2D(middle, look.turn, 1 / SCALE)
    shift = (WIDTH - 1) / 2 - middle[0] + look.shift[0], (HEIGHT - 1) / 2 - middle[1] + look.shift[1]
    transform[:, 2] = transform[:, 2] + np.array(shift)
    return np.asarray(transform, np.float64)


def noise_tiles(rng: np.random.Generator) -> list[Pixels]:
    """Sensor noise around 128, made once: tiles larger than a picture, so that every cut-out differs."""
    shape = (HEIGHT + NOISE_MARGIN, WIDTH + NOISE_MARGIN, 3)
    return [np.rint(128 + NOISE * rng.standard_normal(shape, np.float32)).astype(np.uint8) for _ in range(NOISE_TILES)]
