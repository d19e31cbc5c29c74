"""What n good parts promise: known values, exact coverage in trials, and trials that would notice a broken promise."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import betabinom, norm

from calibration.promise.bounds import CONFIDENCE, count_bound, parts_to_certify, rank_for, rate_bound
from calibration.promise.threshold import Wish, set_threshold
from edge.proportion import exact_interval

TRIALS = 10_000


@pytest.mark.parametrize(("parts", "bound"), [(1, 0.95), (2, 0.7764), (4, 0.5271), (10, 0.2589), (59, 0.0495)])
def test_the_bound_of_the_highest_score_has_its_known_values(parts: int, bound: float) -> None:
    assert rate_bound(parts=parts, rank=1) == pytest.approx(bound, abs=5e-5)


@given(parts=st.integers(1, 2000), rank=st.integers(1, 2000), of=st.integers(1, 1000))
def test_the_bound_on_the_next_parts_is_the_quantile_of_the_beta_binomial(parts: int, rank: int, of: int) -> None:
    assume(rank <= parts)
    assert count_bound(parts=parts, rank=rank, of=of) == betabinom.ppf(CONFIDENCE, of, rank, parts + 1 - rank)


def test_a_rank_beyond_the_parts_bounds_nothing() -> None:
    assert rate_bound(parts=3, rank=4) == 1.0
    assert count_bound(parts=3, rank=4, of=100) == 100


@pytest.mark.parametrize(("target", "parts"), [(0.01, 299), (0.05, 59), (0.1, 29), (0.001, 2995)])
def test_so_many_parts_certify_a_target(target: float, parts: int) -> None:
    assert parts_to_certify(target) == parts


@given(target=st.floats(0.002, 0.5), rank=st.integers(1, 5))
def test_one_part_fewer_would_not_certify_it(target: float, rank: int) -> None:
    parts = parts_to_certify(target, rank=rank)
    assert rate_bound(parts=parts, rank=rank) <= target
    assert parts == rank or rate_bound(parts=parts - 1, rank=rank) > target


@given(target=st.floats(0.002, 0.5), parts=st.integers(1, 3000))
def test_the_rank_is_the_largest_that_holds_the_target(target: float, parts: int) -> None:
    rank = rank_for(target, parts=parts)
    assert rank == 1 or rate_bound(parts=parts, rank=rank) <= target
    assert rank == parts or rate_bound(parts=parts, rank=rank + 1) > target


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 50, 0.0, 0.0711), (3, 50, 0.0125, 0.1655), (50, 50, 0.9289, 1.0), (1, 1, 0.025, 1.0)],
)
def test_the_exact_interval_has_its_known_values(count: int, of: int, low: float, high: float) -> None:
    assert exact_interval(count, of=of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def thresholds(scores: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """The certified threshold of each row of good parts' scores, [trials, n]."""
    wish = Wish(target_false_reject=target)
    return np.array([set_threshold(list(row), [], wish).value for row in scores])


def long_run_coverage(*, parts: int, target: float, lowered_by: float = 0.0) -> float:
    """Share of trials whose long-run false-reject rate is within the bound that was reported.

    Scores are log-normal, as anomaly scores are about; the share above a threshold is then known exactly.
    """
    rng = np.random.default_rng(parts)
    logs = rng.standard_normal((TRIALS, parts))
    value = np.log(thresholds(np.exp(logs), target)) - lowered_by
    bound = rate_bound(parts=parts, rank=rank_for(target, parts=parts))
    return float((norm.sf(value) <= bound).mean())


@pytest.mark.parametrize(("parts", "target"), [(5, 0.01), (30, 0.1), (59, 0.05), (100, 0.1), (473, 0.02)])
def test_the_certified_bound_holds_in_95_percent_of_10_000_trials(parts: int, target: float) -> None:
    assert 0.943 <= long_run_coverage(parts=parts, target=target) <= 0.957


@pytest.mark.parametrize("parts", [5, 30, 100])
def test_a_threshold_lowered_on_purpose_breaks_the_promise_and_the_trials_see_it(parts: int) -> None:
    assert long_run_coverage(parts=parts, target=0.1, lowered_by=0.2) < 0.943


@pytest.mark.parametrize(("parts", "ahead"), [(10, 20), (40, 100), (59, 100)])
def test_the_rejects_among_the_next_parts_stay_within_their_bound(parts: int, ahead: int) -> None:
    """A count is discrete, so the bound holds in 95 % or more; and not with one less, or it would be too wide."""
    rng = np.random.default_rng(parts)
    scores = rng.lognormal(size=(TRIALS, parts + ahead))
    value = thresholds(scores[:, :parts], 0.05)
    rejects = (scores[:, parts:] > value[:, None]).sum(axis=1)
    bound = count_bound(parts=parts, rank=rank_for(0.05, parts=parts), of=ahead)
    assert (rejects <= bound).mean() >= 0.943
    assert (rejects <= bound - 1).mean() < 0.957
