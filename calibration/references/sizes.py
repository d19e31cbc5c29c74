"""References whose picture has another shape or size than the others': squashed to one square, they look otherwise."""

from collections.abc import Sequence
from math import log
from statistics import median

from edge.vision.manifest import Reference

MOST_ASPECT = 1.1
"""Ratio of width to height over the others' median, or the other way round."""

MOST_SCALE = 2.0
"""Length of the shorter side over the others' median, or the other way round."""


def odd_sizes(references: Sequence[Reference]) -> list[str]:
    """One sentence for each that stands out from the median of all; sizes that nobody noted do not."""
    known = [(each.source, *each.size) for each in references if each.size is not None]
    if len(known) < 2:
        return []
    aspect = median(width / height for _, width, height in known)
    side = median(min(width, height) for _, width, height in known)
    return [
        f"Reference {source} has {width} x {height} pixels, unlike the others' {_typical(known)}. All pictures are "
        "squashed to one square, so its part looks otherwise: take it from the same camera, cut alike."
        for source, width, height in known
        if _times(width / height, aspect) > MOST_ASPECT or _times(min(width, height), side) > MOST_SCALE
    ]


def _times(value: float, typical: float) -> float:
    """How many times as large or as small: 1 or more."""
    return float(2 ** abs(log(value / typical, 2)))


def _typical(known: Sequence[tuple[str, int, int]]) -> str:
    sizes = [(width, height) for _, width, height in known]
    width, height = max(sizes, key=sizes.count)
    return f"{width} x {height}"
