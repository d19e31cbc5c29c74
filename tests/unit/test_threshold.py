"""The threshold: chosen by rank from the scores of good parts, graded for what it is, refused where it is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.promise.threshold import Grade, Wish, check_reachable, nth_highest, set_threshold
from edge.errors import EdgeError

scores = st.lists(st.floats(1e-3, 6, allow_nan=False), min_size=2, max_size=30)


@given(loo=scores)
def test_references_alone_give_an_estimate_with_none_of_them_above(loo: list[float]) -> None:
    threshold = set_threshold([], loo, Wish())
    assert threshold.value == max(loo)
    assert threshold.grade is Grade.ESTIMATE
    assert threshold.promise is not None
    assert (threshold.promise.parts, threshold.promise.rank) == (len(loo), 1)


def test_one_reference_is_no_promise() -> None:
    threshold = set_threshold([], [], Wish())
    assert (threshold.value, threshold.grade, threshold.promise) == (None, Grade.NO_PROMISE, None)


def test_references_that_do_not_differ_are_refused() -> None:
    with pytest.raises(EdgeError, match="3 references are one and the same"):
        set_threshold([], [0.0, 0.0, 0.0], Wish())


def test_good_parts_outside_the_bank_decide_and_references_no_more() -> None:
    threshold = set_threshold([0.1, 0.3, 0.2], [5.0, 6.0], Wish())
    assert (threshold.value, threshold.grade) == (0.3, Grade.NOT_CERTIFIED)
    assert threshold.method == "highest of 3 good parts"


def test_enough_good_parts_certify_with_the_lowest_threshold_that_the_promise_allows() -> None:
    good = [float(number) for number in range(1, 101)]
    threshold = set_threshold(good, [], Wish(target_false_reject=0.1))
    assert threshold.grade is Grade.CERTIFIED
    assert threshold.promise is not None
    assert threshold.promise.rank == 5
    assert threshold.value == 96.0
    assert threshold.method == "5th highest of 100 good parts"


def test_two_targets_make_an_unsure_band() -> None:
    good = [float(number) for number in range(1, 301)]
    threshold = set_threshold(good, [], Wish(target_false_reject=0.05, target_false_defect=0.01))
    assert (threshold.value, threshold.defect) == (292.0, 300.0)


def test_a_threshold_by_hand_is_bounded_by_what_lies_above_it() -> None:
    """Clopper and Pearson: with 1 of 30 above, at most 14.9 %."""
    good = [float(number) for number in range(1, 31)]
    threshold = set_threshold(good, [], Wish(threshold=29.5, defect_threshold=40.0))
    assert (threshold.value, threshold.defect, threshold.grade) == (29.5, 40.0, Grade.NOT_CERTIFIED)
    assert threshold.promise is not None
    assert threshold.promise.by_hand
    assert threshold.promise.rate_bound == pytest.approx(0.149, abs=5e-4)


def test_a_threshold_by_hand_that_every_part_exceeds_is_refused() -> None:
    with pytest.raises(EdgeError, match="every one of the 2 good parts lies above"):
        set_threshold([0.5, 0.6], [], Wish(threshold=0.4))


def test_a_threshold_by_hand_that_nothing_can_reach_is_refused() -> None:
    check_reachable(0.9, [0.2, 0.95])
    with pytest.raises(EdgeError, match=r"--threshold 0\.9: nothing that was tried reaches it.* 0\.900"):
        check_reachable(0.9, [0.2, 0.9])


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"target_false_reject": 0.0}, "--target-false-reject 0 is no share"),
        ({"target_false_reject": 1.5}, "--target-false-reject 1.5 is no share"),
        ({"target_false_reject": float("nan")}, "--target-false-reject nan is no share"),
        ({"target_false_reject": 0.01, "target_false_defect": 0.02}, "0.02 is not below --target-false-reject 0.01"),
        ({"defect_threshold": 0.5}, "needs a --threshold at or below it; it is not given"),
        ({"threshold": 0.6, "defect_threshold": 0.5}, "it is 0.6"),
        ({"threshold": float("inf")}, "--threshold inf is no score"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(wish: dict[str, float], message: str) -> None:
    with pytest.raises(EdgeError, match=message):
        Wish(**wish)


@given(values=scores, rank=st.integers(1, 30))
def test_rank_minus_one_scores_lie_above_the_nth_highest_at_most(values: list[float], rank: int) -> None:
    if rank <= len(values):
        value = nth_highest(values, rank)
        assert sum(each > value for each in values) <= rank - 1 < sum(each >= value for each in values)
