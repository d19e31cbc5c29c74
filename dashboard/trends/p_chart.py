"""Shewhart's p-chart with exact limits: is a share of bad parts what it always is?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik

TAIL = 0.00135
"""Chance at most that a point is above its limits while nothing has changed, and as much for below: 3 sigma's."""


class Control(StrEnum):
    """Where a point lies; only those outside the limits say that something has changed."""

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Share:
    """One point: `share` of `size` parts, 0..1; `low` and `high` are the outermost shares of so many that are usual."""

    share: float
    size: int
    low: float
    high: float

    @property
    def control(self) -> Control:
        """Whether the point is outside its limits; one on a limit is inside."""
        if self.share > self.high:
            return Control.ABOVE
        return Control.BELOW if self.share < self.low else Control.INSIDE


@dataclass(frozen=True, slots=True)
class PChart:
    """centre: the share over all points together, None if there were no parts; points: None where there were none."""

    centre: float | None
    points: list[Share | None]


def p_chart(counts: Sequence[int], sizes: Sequence[int]) -> PChart:
    """The chart of `counts` bad ones of `sizes` parts each, 0 <= count <= size.

    A count is outside if so many or more (so few or fewer) have a probability below TAIL in a binomial distribution of
    the point's size and the centre's share. The normal approximation of textbooks (3 sigma) calls one bad part of nine
    out of control at a centre of 1 %, where chance does that in one point of twelve.
    """
    total = sum(sizes)
    if not total:
        return PChart(None, [None] * len(sizes))
    centre = sum(counts) / total
    lows, highs = usual_counts(np.array(sizes, np.int64), centre)
    return PChart(
        centre,
        [
            Share(count / size, size, low / size, high / size) if size else None
            for count, size, low, high in zip(counts, sizes, lows, highs, strict=True)
        ],
    )


def usual_counts(sizes: NDArray[np.int64], centre: float) -> tuple[list[int], list[int]]:
    """Of each size the lowest and the highest count that is inside, given the share of bad parts, 0..1."""
    low, high = (np.ceil(np.nan_to_num(bdtrik(tail, sizes, centre))) for tail in (TAIL, 1 - TAIL))  # NaN: of no parts
    return low.astype(np.int64).tolist(), high.astype(np.int64).tolist()
