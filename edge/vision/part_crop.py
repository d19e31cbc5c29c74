"""Where a part lies: the box that a second, closer look at every picture is taken of, found on good parts.

A small part in a large picture is few tokens to the encoder. Where the references show the part in one place, before
a background that the picture's border shows, the box around all of them is a crop worth encoding by itself. The whole
picture is still looked at, for what lies outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2

SIDE = 96
RING = 4
LEAST_DIFFERENCE = 20.0
MARGIN = 0.05
MOST_AREA = 0.5
LEAST_AGREEMENT = 0.6
LEAST_AREA = 0.03
LEAST_WHOLENESS = 0.5


@dataclass(frozen=True, slots=True)
class PartBox:
    """Edges as shares of the picture's width and height, 0..1, left < right and top < bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Share of the picture, 0..1."""
        return (self.right - self.left) * (self.bottom - self.top)


def find_part(pictures: Sequence[Pixels]) -> PartBox | None:
    """The box of all pictures' parts and MARGIN of the picture around it; None if a closer look is not worth while.

    pictures: [H, W, 3] uint8 RGB each, of good parts
    None if a picture shows no part before its border's colours, if the parts' own boxes fill less than
    LEAST_AGREEMENT of their common box (they lie about), or if the result covers more than MOST_AREA.
    """
    boxes = [box_of(foreground(pixels)) for pixels in pictures]
    found = [box for box in boxes if box is not None]
    if not found or len(found) < len(boxes):
        return None
    union = PartBox(
        min(box.left for box in found),
        min(box.top for box in found),
        max(box.right for box in found),
        max(box.bottom for box in found),
    )
    if min(box.area for box in found) < LEAST_AGREEMENT * union.area:
        return None
    wide = PartBox(
        max(0.0, union.left - MARGIN),
        max(0.0, union.top - MARGIN),
        min(1.0, union.right + MARGIN),
        min(1.0, union.bottom + MARGIN),
    )
    return wide if wide.area <= MOST_AREA else None


def cut(pixels: Pixels, box: PartBox) -> Pixels:
    """What the box shows of a picture: [H, W, 3] -> [h, w, 3] uint8, contiguous, at least one pixel."""
    height, width = pixels.shape[:2]
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = max(top + 1, round(box.bottom * height)), max(left + 1, round(box.right * width))
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def foreground(pixels: Pixels) -> NDArray[np.bool_]:
    """[SIDE, SIDE]: where the colour is further than LEAST_DIFFERENCE (CIE Lab) from all that the border shows."""
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    ring = np.ones((SIDE, SIDE), dtype=bool)
    ring[RING:-RING, RING:-RING] = False
    border = lab[ring]
    distance = np.linalg.norm(lab[:, :, None, :] - border[None, None, ::4, :], axis=-1).min(axis=-1)
    mask = (distance > LEAST_DIFFERENCE).astype(np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(opened, dtype=bool)


def box_of(mask: NDArray[np.bool_]) -> PartBox | None:
    """The box of a mask's largest connected area.

    None if it holds less than LEAST_WHOLENESS of the mask, as in a texture, or its box less than LEAST_AREA.
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, wide, high, cells = (int(value) for value in stats[largest])
    rows, columns = mask.shape
    box = PartBox(left / columns, top / rows, (left + wide) / columns, (top + high) / rows)
    return box if cells >= LEAST_WHOLENESS * mask.sum() and box.area >= LEAST_AREA else None
