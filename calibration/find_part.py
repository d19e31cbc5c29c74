"""Where the part lies in pictures of good parts, if it lies in one place before a background that the border shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.area import Area
from edge.vision.part_box import PartBox

SIDE = 96
"""Pixels a side that a picture is made small to."""

RING = 4
"""Of these, how many along each edge are taken for background."""

LEAST_DIFFERENCE = 20.0
"""In CIE Lab, of a part from every colour of the border."""

MARGIN = 0.05
"""Of the picture, on each side of the parts' common box."""

MOST_AREA = 0.5
LEAST_AGREEMENT = 0.6
LEAST_AREA = 0.03
LEAST_WHOLENESS = 0.5


def closer_box(pictures: Sequence[Pixels], area: Area | None) -> PartBox | None:
    """Where to look closer: at all of a small area, else at the part as `find_part` sees it within the area.

    pictures: [H, W, 3] uint8 RGB each, as they are encoded;  area: what of them counts, None: all
    """
    if area is not None and area.box.area <= MOST_AREA:
        return area.box
    return find_part(pictures)


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
