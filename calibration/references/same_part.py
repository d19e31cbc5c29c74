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

ALIKE = 0.015
"""Unlikeness below which two pictures may show one part; parts that a machine places or prints can be as alike."""

SAME_OF_TYPICAL = 0.07
"""Share of the median unlikeness of all pairs below which they do: others here differ far more."""

PAIRS_FOR_TYPICAL = 3


@dataclass(frozen=True, slots=True)
class Likeness:
    """The earlier picture that a candidate is most like: its key, and the unlikeness of the two, 0 .. 2."""

    key: int
    unlikeness: float


class PartsSeen:
    """The parts shown so far, by key; 70 kB each, and a new one is compared with SHORTLIST of them at most."""

    def __init__(self) -> None:
        self._details: dict[int, NDArray[np.int8]] = {}
        self._coarse: dict[int, NDArray[np.float32]] = {}
        self._pairs: list[float] = []

    @property
    def typical(self) -> float | None:
        """Median unlikeness of the pairs compared so far, None of fewer than PAIRS_FOR_TYPICAL."""
        return median(self._pairs) if len(self._pairs) >= PAIRS_FOR_TYPICAL else None

    def is_same(self, like: Likeness) -> bool:
        """Whether both show one part, since others differ far more; False as long as that is not known."""
        return self.typical is not None and like.unlikeness < SAME_OF_TYPICAL * self.typical

    def find(self, pixels: Pixels) -> Likeness | None:
        """The earlier picture that a picture [H, W, 3] uint8 RGB is most like; None if there is none. Adds nothing."""
        own, view = detail(pixels), coarse(pixels)
        shortlist = sorted(self._coarse, key=lambda key: -float(self._coarse[key] @ view))[:SHORTLIST]
        found = [Likeness(key, unlikeness(self._details[key], own)) for key in shortlist]
        self._pairs += [each.unlikeness for each in found]
        return min(found, key=lambda each: each.unlikeness, default=None)

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
