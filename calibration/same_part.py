"""Whether two pictures show one and the same part: four pictures of one part are one reference.

What tells parts apart is their fine detail: where components sit to the tenth of a pixel, how a surface is brushed. So
two pictures are laid on each other, light and blur are filtered out, and the rest is correlated.
"""

from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2

SIDE = 256
"""Pixels a side that a picture is squashed to."""

FINEST_PX, COARSEST_PX = 1.0, 16.0
"""Standard deviations of the two blurs between which detail lies: noise is finer, light and shadow are coarser."""

FURTHEST_PX = 6.0
"""Of SIDE: how far a part may have moved between two pictures; further counts as lying elsewhere."""

COARSE_SIDE = 32
SHORTLIST = 8
"""Earlier pictures that a new one is compared with, those whose coarse view is most like it."""

SAME = 0.015
"""Unlikeness below which two pictures show one part, whatever the parts are; calibration/README.md says what that
finds."""

SAME_OF_TYPICAL = 0.07
"""The same as a share of the median unlikeness of different parts, once that is known; the larger limit counts."""

PAIRS_FOR_TYPICAL = 3


@dataclass(frozen=True, slots=True)
class SamePart:
    """A candidate that shows a part shown before.

    key:        of the earlier picture;  unlikeness: of the two
    typical:    the median unlikeness of different parts, None as long as it is not known
    """

    key: int
    unlikeness: float
    typical: float | None


class PartsSeen:
    """The parts shown so far, by key; 70 kB each, and a new one is compared with SHORTLIST of them at most."""

    def __init__(self) -> None:
        self._details: dict[int, NDArray[np.int8]] = {}
        self._coarse: dict[int, NDArray[np.float32]] = {}
        self._different: list[float] = []

    def find(self, pixels: Pixels) -> SamePart | None:
        """The part seen before that a picture [H, W, 3] uint8 RGB shows again; None if it is another part.

        It learns from every call what different parts differ by, and does not remember the picture.
        """
        own, view = detail(pixels), coarse(pixels)
        shortlist = sorted(self._coarse, key=lambda key: -float(self._coarse[key] @ view))[:SHORTLIST]
        found = sorted((unlikeness(self._details[key], own), key) for key in shortlist)
        typical = median(self._different) if len(self._different) >= PAIRS_FOR_TYPICAL else None
        limit = max(SAME, SAME_OF_TYPICAL * (typical or 0.0))
        self._different += [value for value, _ in found if value >= limit]
        if not found or found[0][0] >= limit:
            return None
        return SamePart(found[0][1], found[0][0], typical)

    def add(self, key: int, pixels: Pixels) -> None:
        """Remember a picture [H, W, 3] uint8 RGB."""
        self._details[key], self._coarse[key] = detail(pixels), coarse(pixels)

    def forget(self, key: int) -> None:
        """The picture is no reference after all, so its part may be shown again."""
        del self._details[key], self._coarse[key]


def detail(pixels: Pixels) -> NDArray[np.int8]:
    """[H, W, 3] uint8 RGB -> [SIDE, SIDE] int8: grey levels between two blurs, 32 to a standard deviation."""
    squashed = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = squashed.astype(np.float32)
    band = cv2.GaussianBlur(grey, (0, 0), FINEST_PX) - cv2.GaussianBlur(grey, (0, 0), COARSEST_PX)
    levels = np.rint(32 * band / max(float(band.std()), 1e-3))
    return np.asarray(np.clip(levels, -127, 127), np.int8)


def unlikeness(one: NDArray[np.int8], other: NDArray[np.int8]) -> float:
    """1 - correlation of two details once the other is shifted onto the first: 0 (the same) .. 2; 1 if one is blank."""
    first, second = one.astype(np.float32), other.astype(np.float32)
    if not (first.any() and second.any()):
        return 1.0
    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(first, second, window)
    if max(abs(right), abs(down)) > FURTHEST_PX:
        right = down = 0.0
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(second, shift, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inner = slice(int(FURTHEST_PX) + 2, -int(FURTHEST_PX) - 2)
    return 1 - float(np.corrcoef(first[inner, inner].ravel(), moved[inner, inner].ravel())[0, 1])


def coarse(pixels: Pixels) -> NDArray[np.float32]:
    """[COARSE_SIDE ** 2] float32 of unit length: what it shows from afar, mean light taken out."""
    small = cv2.resize(pixels, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    grey -= grey.mean()
    return np.asarray(grey / max(float(np.linalg.norm(grey)), 1e-6), np.float32)
