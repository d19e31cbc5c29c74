"""The first threshold: no reference lies above it, and what it claims about other parts is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from calibration.threshold import first_threshold, heatmap_scale, share_above_bound
from edge.errors import EdgeError

scores = st.lists(st.floats(1e-3, 6, allow_nan=False), min_size=2, max_size=30)


@given(loo_scores=scores)
def test_no_reference_lies_above_and_one_lies_on_the_threshold(loo_scores: list[float]) -> None:
    threshold = first_threshold(loo_scores)
    assert threshold.value in loo_scores
    assert not any(score > threshold.value for score in loo_scores)
    assert threshold.grade == "first"


@pytest.mark.parametrize("loo_scores", [[], [0.4]])
def test_one_reference_is_no_promise(loo_scores: list[float]) -> None:
    threshold = first_threshold(loo_scores)
    assert (threshold.value, threshold.grade, threshold.bound) == (None, "none", None)
    assert "every frame will be unsure" in threshold.limits


def test_references_that_do_not_differ_are_refused() -> None:
    with pytest.raises(EdgeError, match="3 references are one and the same"):
        first_threshold([0.0, 0.0, 0.0])


@pytest.mark.parametrize(("n", "bound"), [(1, 0.95), (2, 0.7764), (4, 0.5271), (10, 0.2589), (59, 0.0495)])
def test_the_bound_has_its_known_values(n: int, bound: float) -> None:
    assert share_above_bound(n) == pytest.approx(bound, abs=5e-5)


@given(n=st.integers(1, 500))
def test_n_parts_stay_below_a_limit_that_the_bound_exceeds_once_in_twenty(n: int) -> None:
    assert (1 - share_above_bound(n)) ** n == pytest.approx(0.05)


def test_the_bound_holds_in_nineteen_draws_of_twenty() -> None:
    """Scores are uniform, so the share of parts above a threshold t is 1 - t."""
    rng = np.random.default_rng(0)
    for n in (2, 4, 8):
        shares = np.array([1 - (first_threshold(list(draw)).value or 0) for draw in rng.random((20_000, n))])
        assert (shares <= share_above_bound(n)).mean() == pytest.approx(0.95, abs=0.005)


def test_what_four_parts_cannot_know_is_said_in_numbers() -> None:
    limits = first_threshold([0.3, 0.4, 0.2, 0.1]).limits
    assert "up to 52.7% of good parts" in limits
    assert "how many it misses is unknown" in limits


@given(
    loo_maps=arrays(
        np.float32, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.floats(0.125, 4, width=32)
    )
)
def test_the_scale_rises_from_noise_over_the_threshold(loo_maps: np.ndarray) -> None:
    mark = float(loo_maps.max())
    scale = heatmap_scale(loo_maps, mark)
    assert 0 < scale.low <= scale.mark == mark < scale.high
    assert (loo_maps > scale.low + 1e-6).sum() <= np.ceil(0.05 * loo_maps.size)
