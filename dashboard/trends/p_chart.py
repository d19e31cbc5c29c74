"""Shewhart's p-chart: is a share of bad parts what it always is?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SIGMAS = 3.0


class Control(StrEnum):
    """Where a point lies; only those outside the limits say that something has changed."""

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Share:
    """One point: `share` of `size` parts, 0..1, with its own limits, which are wider the fewer parts there were."""

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

    Limits are centre +- 3 sqrt(centre (1 - centre) / size), cut off at 0 and 1: the normal approximation, which is
    coarse where size * centre is below some 5 parts.
    """
    total = sum(sizes)
    if not total:
        return PChart(None, [None] * len(sizes))
    centre = sum(counts) / total
    return PChart(centre, [_share(count, size, centre) for count, size in zip(counts, sizes, strict=True)])


def _share(count: int, size: int, centre: float) -> Share | None:
    if not size:
        return None
    reach = SIGMAS * math.sqrt(centre * (1 - centre) / size)
    return Share(count / size, size, max(0.0, centre - reach), min(1.0, centre + reach))
