"""What n good parts can promise about all the others: exact bounds, without a model of how scores are distributed.

The unit is the physical part. If n parts and those to come are exchangeable (none of them is special by when or how it
came), and their scores have no ties, the share of parts above the k-th highest of the n scores is Beta(k, n + 1 - k)
distributed, and of the next m parts a beta-binomial number lies above it (order statistics; Wilks 1941). Ties can only
make fewer parts lie above.
"""

from functools import cache

import numpy as np
from scipy.special import betaincinv, betaln  # scipy.stats takes a second to import, of each calibration

CONFIDENCE = 0.95
NEXT_PARTS = 100
"""Parts to come whose rejects are bounded by number."""


@cache
def rate_bound(*, parts: int, rank: int) -> float:
    """One-sided 95 % upper bound on the long-run share of parts above the `rank`-th highest of `parts` scores: 0..1.

    With rank = r + 1 it is Clopper and Pearson's bound for r of n parts above a limit that was fixed beforehand.
    A rank beyond the number of parts is no limit at all: 1.
    """
    return float(betaincinv(rank, parts + 1 - rank, CONFIDENCE)) if rank <= parts else 1.0


@cache
def count_bound(*, parts: int, rank: int, of: int = NEXT_PARTS) -> int:
    """The number that the rejects among the next `of` parts do not exceed in 95 % of calibrations: 0..of."""
    if rank > parts:
        return of
    rejects, above = np.arange(of + 1), parts + 1 - rank
    ways = -np.log(of + 1) - betaln(of - rejects + 1, rejects + 1)  # the logarithm of "of choose rejects"
    chances = np.exp(ways + betaln(rejects + rank, of - rejects + above) - betaln(rank, above))
    return int(np.searchsorted(np.cumsum(chances), CONFIDENCE))


@cache
def rank_for(target: float, *, parts: int) -> int:
    """The rank to take for a false-reject rate of at most `target`: the largest whose bound is within it, at least 1.

    It depends on the number of parts alone, so it is fixed before any score is seen, as the bound demands; the largest
    one gives the lowest threshold that the promise allows, which misses the fewest defects.
    """
    low, high = 1, parts  # the bound grows with the rank
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if rate_bound(parts=parts, rank=middle) <= target else (low, middle - 1)
    return low


@cache
def parts_to_certify(target: float, *, rank: int = 1) -> int:
    """The smallest number of parts whose `rank`-th highest score holds `target`; 299 for 1 % with the highest."""
    low, high = rank, max(rank, 2)
    while rate_bound(parts=high, rank=rank) > target:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if rate_bound(parts=middle, rank=rank) <= target else (middle + 1, high)
    return low
