"""How many pixels have each value, in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-4
"""Values are put together only where that lowers a number of pixels at or above a value by at most this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Values and what lies at each.

    values:  [n] float32, strictly rising
    amounts: [k, n] float64, never negative; the first row is the number of pixels
    """

    values: NDArray[np.float32]
    amounts: NDArray[np.float64]


def tally(pixels: NDArray[np.float32]) -> Tally:
    """Count equal values. pixels: [m] float32, finite, in any order -> a tally with one row of amounts."""
    ordered = np.sort(pixels)
    starts = starts_of_runs(ordered)
    return Tally(ordered[starts], np.diff(starts, append=ordered.size)[None].astype(np.float64))


def weighted_tally(pixels: NDArray[np.float32], amounts: NDArray[np.float64]) -> Tally:
    """Add up what belongs to equal values. pixels: [m] in any order, amounts: [k, m] -> a tally with k rows."""
    order = np.argsort(pixels)
    ordered = pixels[order]
    starts = starts_of_runs(ordered)
    return Tally(ordered[starts], summed(amounts[:, order], starts))


def merged(tallies: Sequence[Tally]) -> Tally:
    """All tallies as one; each with the same number of rows, and at least one of them given."""
    values = np.concatenate([each.values for each in tallies])
    return weighted_tally(values, np.concatenate([each.amounts for each in tallies], axis=1))


def stacked(first: Tally, second: Tally) -> Tally:
    """Both tallies side by side: every value of either, the rows of the first above those of the second."""
    values = np.union1d(first.values, second.values)
    amounts = np.zeros((len(first.amounts) + len(second.amounts), values.size))
    amounts[: len(first.amounts), np.searchsorted(values, first.values)] = first.amounts
    amounts[len(first.amounts) :, np.searchsorted(values, second.values)] = second.amounts
    return Tally(values, amounts)


def thinned(full: Tally, *, guarded: int = 1) -> Tally:
    """Put neighbouring values together where that hardly shows: a tally of few values, however many were counted.

    Cut the ranks 1, 2, 3, ... of pixels, from the largest value down, into stretches whose ends differ by a factor of
    1 + TOLERANCE, in each of the first `guarded` rows. Values whose pixels all lie in one stretch become one, the
    smallest of them. So the number of pixels at or above any value falls by at most TOLERANCE of itself; where tallies
    are thinned, merged and thinned again, once for each thinning that a pixel is in. The first 1 / TOLERANCE pixels of
    a row, the largest and the smallest value, and a value with many pixels stay as they are. Of N pixels in a guarded
    row, at most (1 + 2 log(TOLERANCE N)) / TOLERANCE values are left: 180,000 of 54 million.
    """
    if not full.values.size:
        return full
    across = np.zeros(full.values.size, np.bool_)
    across[0] = True
    for row in full.amounts[:guarded]:
        at_or_above = np.append(np.cumsum(row[::-1])[::-1], 0.0)
        rank = np.maximum(at_or_above, 0.5)  # before the first pixel is a stretch of its own
        stretch = np.floor(np.log(rank) / np.log1p(TOLERANCE))
        across |= stretch[:-1] != stretch[1:]
    starts = np.flatnonzero(across | np.concatenate(([True], across[:-1])))
    return Tally(full.values[starts], summed(full.amounts, starts))


def starts_of_runs(ordered: NDArray[np.float32]) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.concatenate((np.ones(min(1, ordered.size), np.bool_), ordered[1:] != ordered[:-1])))


def summed(amounts: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Amounts of each run: [k, m] -> [k, n]."""
    return np.add.reduceat(amounts, starts, axis=1) if starts.size else amounts[:, :0]
