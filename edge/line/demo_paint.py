"""Brushes for the demo's boards: a canvas at twice the camera's resolution, drawn on in camera pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2

SCALE = 2
"""Canvas pixels a camera pixel: halving the canvas smooths every edge."""

Color = tuple[int, int, int]
"""RGB, 0..255."""

Point = tuple[float, float]
"""x, y in camera pixels."""

Cover = NDArray[np.float32]
"""[h, w], 0..1: how much of a canvas pixel is covered."""

Value = TypeVar("Value", bound=np.generic)
FRACTION_BITS = 4


@dataclass(frozen=True)
class Box:
    """A rectangle in camera pixels: x0, y0 inside, x1, y1 just outside."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def center(self) -> Point:
        """The middle of the box."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def grown(self, by: float) -> "Box":
        """The box with `by` camera pixels more on every side."""
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def moved(self, dx: float, dy: float) -> "Box":
        """The box somewhere else."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def holds(self, point: Point) -> bool:
        """Whether the point lies inside."""
        return self.x0 <= point[0] < self.x1 and self.y0 <= point[1] < self.y1

    def of(self, canvas: NDArray[Value]) -> NDArray[Value]:
        """The view of a canvas under the box."""
        return canvas[round(self.y0 * SCALE) : round(self.y1 * SCALE), round(self.x0 * SCALE) : round(self.x1 * SCALE)]


def box_at(center: Point, width: float, height: float) -> Box:
    """The box of that size around a point."""
    return Box(center[0] - width / 2, center[1] - height / 2, center[0] + width / 2, center[1] + height / 2)


def fixed(value: float) -> int:
    """Camera pixels -> canvas pixels in OpenCV's fixed-point numbers; pixel centres lie on whole numbers there."""
    return round((value * SCALE - 0.5) * (1 << FRACTION_BITS))


def polygon(canvas: Pixels, points: Sequence[Point], color: Color) -> None:
    """A filled polygon with smooth edges."""
    corners = np.array([[fixed(x), fixed(y)] for x, y in points], np.int32)
    cv2.fillPoly(canvas, [corners], color, cv2.LINE_AA, FRACTION_BITS)


def rectangle(canvas: Pixels, box: Box, color: Color) -> None:
    """A filled rectangle."""
    polygon(canvas, [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)], color)


def rounded(canvas: Pixels, box: Box, color: Color, *, radius: float) -> None:
    """A filled rectangle with round corners."""
    turns = np.linspace(0, np.pi / 2, 6)
    corners = [(box.x1, box.y1, 0), (box.x0, box.y1, 1), (box.x0, box.y0, 2), (box.x1, box.y0, 3)]
    points = []
    for x, y, quarter in corners:
        cx = x - radius if x == box.x1 else x + radius
        cy = y - radius if y == box.y1 else y + radius
        angles = turns + quarter * np.pi / 2
        points += [(float(cx + radius * np.cos(a)), float(cy + radius * np.sin(a))) for a in angles]
    polygon(canvas, points, color)


def disc(canvas: Pixels, center: Point, radius: float, color: Color) -> None:
    """A filled circle with a smooth edge."""
    middle = fixed(center[0]), fixed(center[1])
    cv2.circle(canvas, middle, round(radius * SCALE * (1 << FRACTION_BITS)), color, -1, cv2.LINE_AA, FRACTION_BITS)


def stroke(canvas: Pixels, points: Sequence[Point], color: Color, *, width: float, closed: bool = False) -> None:
    """A line through the points, `width` camera pixels wide."""
    path = np.array([[fixed(x), fixed(y)] for x, y in points], np.int32)
    thickness = max(1, round(width * SCALE))
    cv2.polylines(canvas, [path], closed, color, thickness, cv2.LINE_AA, FRACTION_BITS)


def text(canvas: Pixels, label: str, center: Point, color: Color, *, height: float, upright: bool = False) -> None:
    """A label around a point, its capitals `height` camera pixels tall; `upright` turns it by 90 degrees."""
    size = height * SCALE / 21  # the font's capitals are 21 pixels tall at scale 1
    (width, tall), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    ink = np.zeros((tall + 8, width + 8), np.uint8)
    cv2.putText(ink, label, (4, tall + 4), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    ink = np.ascontiguousarray(np.rot90(ink)) if upright else ink
    y = round(center[1] * SCALE - ink.shape[0] / 2)
    x = round(center[0] * SCALE - ink.shape[1] / 2)
    target = canvas[y : y + ink.shape[0], x : x + ink.shape[1]]
    target[:] = blend(target, color, np.asarray(ink / 255, np.float32))


def blend(under: Pixels, over: Color | Pixels, cover: Cover) -> Pixels:
    """Lay `over` on `under` where `cover` [h, w] (0..1) says so."""
    share = cover[..., None]
    mixed = under * (1 - share) + np.asarray(over, np.float32) * share
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def shadow(canvas: Pixels, box: Box, *, depth: float, strength: float = 0.45) -> None:
    """Darken what lies to the lower right of a part that stands `depth` camera pixels tall."""
    area = box.grown(depth * 2 + 2)
    view = area.of(canvas)
    cover: Cover = np.zeros(view.shape[:2], np.float32)
    cast = box.moved(depth * 0.7 - area.x0, depth * 0.7 - area.y0)
    cast.of(cover)[:] = strength
    view[:] = blend(view, (0, 6, 2), blurred(cover, max(1.0, depth * SCALE * 0.45)))


def blurred(cover: Cover, sigma: float) -> Cover:
    """The cover with soft edges; `sigma` in canvas pixels."""
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma), np.float32)


def shade(canvas: Pixels, box: Box, *, top: float, bottom: float) -> None:
    """Multiply the brightness under a box from `top` to `bottom`, a soft gradient as of a curved surface."""
    view = box.of(canvas)
    gains = np.linspace(top, bottom, view.shape[0], dtype=np.float32)[:, None, None]
    view[:] = np.clip(view * gains, 0, 255).astype(np.uint8)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], *, size: float) -> NDArray[np.float32]:
    """[h, w] float32 noise of mean 0 and standard deviation 1 with blots of about `size` canvas pixels."""
    small = max(2, int(shape[0] / size)), max(2, int(shape[1] / size))
    coarse = rng.standard_normal(small).astype(np.float32)
    noise = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)
