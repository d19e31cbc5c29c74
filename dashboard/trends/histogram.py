"""Counts that stay small and are asked quickly: by quarter of an hour, series and bin, only those that are not zero."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

QUARTER_S = 900
"""Every hour, shift and day of every time zone begins at a quarter of an hour."""
SERIES_BITS, BIN_BITS = 16, 10
MOST_SERIES, MOST_BINS = 1 << SERIES_BITS, 1 << BIN_BITS
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogBins:
    """Bins of equal width on a logarithmic scale; values beyond either end are in the bin there.

    A value differs from the middle of its bin by 2.2 % at most: there are 16 bins to each doubling.
    """

    lowest: int
    octaves: int
    per_octave: int = 16

    @property
    def bins(self) -> int:
        """How many there are."""
        return self.octaves * self.per_octave

    def index(self, values: Floats) -> Ints:
        """The bins of these values."""
        exponents = np.log2(np.maximum(values, 2.0**self.lowest)) - self.lowest
        return np.minimum((exponents * self.per_octave).astype(np.int64), self.bins - 1)

    def middle(self, index: int) -> float:
        """The value that stands for a bin."""
        return float(2.0 ** (self.lowest + (index + 0.5) / self.per_octave))

    def quantile(self, counts: Ints, share: float) -> float | None:
        """The smallest value that at least `share` of the counted ones do not exceed; None without any."""
        upto = np.cumsum(counts)
        if not len(upto) or not upto[-1]:
            return None
        return self.middle(int(np.searchsorted(upto, max(1, np.ceil(share * upto[-1])))))


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts by key, keys ascending; see `key`. Never changed: more gives a new one."""

    keys: Ints = field(default_factory=_none)
    counts: Ints = field(default_factory=_none)

    def plus(self, keys: Ints, weights: Ints) -> "Histogram":
        """With these added; a key may come often, a weight may be negative."""
        if not len(keys):
            return self
        new, where = np.unique(keys, return_inverse=True)
        added = np.bincount(where, weights).astype(np.int64)
        at = np.searchsorted(self.keys, new)
        known = np.zeros(len(new), bool) if not len(self.keys) else self.keys[np.minimum(at, len(self.keys) - 1)] == new
        counts = self.counts.copy()
        counts[at[known]] += added[known]
        return Histogram(np.insert(self.keys, at[~known], new[~known]), np.insert(counts, at[~known], added[~known]))

    def table(self, quarters: Ints, chosen: NDArray[np.bool_], bins: int) -> Ints:
        """[buckets, bins] counts of the chosen series; bucket i is from quarters[i] up to before quarters[i + 1]."""
        begin, end = np.searchsorted(self.keys, quarters[[0, -1]] << (SERIES_BITS + BIN_BITS))
        keys, counts = self.keys[begin:end], self.counts[begin:end]
        keep = chosen[(keys >> BIN_BITS) & (MOST_SERIES - 1)]
        keys, counts = keys[keep], counts[keep]
        buckets = np.searchsorted(quarters, keys >> (SERIES_BITS + BIN_BITS), side="right") - 1
        flat = np.bincount(buckets * bins + (keys & (MOST_BINS - 1)), counts, minlength=(len(quarters) - 1) * bins)
        return flat.astype(np.int64).reshape(-1, bins)


def key(captured_ns: Ints, series: Ints, bins: Ints) -> Ints:
    """What counts are kept by: quarter of an hour since the Unix epoch, series and bin, in one number."""
    quarters = captured_ns // (QUARTER_S * 1_000_000_000)
    return np.asarray((quarters << (SERIES_BITS + BIN_BITS)) | (series << BIN_BITS) | bins, np.int64)
