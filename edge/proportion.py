"""What a count says about a share: the exact binomial interval."""

from scipy.special import betaincinv

CONFIDENCE = 0.95


def exact_interval(count: int, *, of: int) -> tuple[float, float]:
    """Two-sided 95 % interval of Clopper and Pearson (1934) for a share of which `count` of `of` were seen: 0..1 each.

    It holds the true share in at least 95 of 100 samples, whatever that share is; of nothing seen it is 0..1.
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high
