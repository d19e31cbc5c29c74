"""A reference unlike the others is named by its leave-one-out score, and only if three others say what is usual."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.leave_one_out import left_out_rows
from calibration.references.suspects import LEAST_OF_MEDIAN, suspects


def test_one_far_above_the_others_is_named_with_its_numbers() -> None:
    (found,) = suspects([1.0, 1.1, 2.4, 0.9, 1.0], references=5)
    assert (found.index, found.score, found.typical) == (2, 2.4, 1.0)
    assert str(found) == "unlike the others: score 2.400 against them, 2.4 times their own median 1.000"


def test_the_most_unlike_comes_first() -> None:
    assert [each.index for each in suspects([1.0, 2.0, 1.0, 3.0, 1.1, 0.9, 1.0], references=7)] == [3, 1]


def test_three_cannot_say_which_is_the_odd_one() -> None:
    assert suspects([1.0, 1.0, 9.0], references=3) == []


def test_parts_that_vary_much_make_none_of_them_strange() -> None:
    assert suspects([0.4, 0.8, 1.2, 1.6, 2.0], references=5) == []


def test_parts_that_are_all_alike_are_no_crash() -> None:
    assert suspects([0.0] * 5, references=5) == []


def test_of_many_references_the_one_drawn_is_named_by_its_own_number() -> None:
    rows = left_out_rows(500, most=100)
    scores = [1.0] * 99 + [2.0]
    assert [each.index for each in suspects(scores, references=500)] == [rows[-1]]


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=20))
def test_no_more_than_half_are_ever_strange(scores: list[float]) -> None:
    found = suspects(scores, references=len(scores))
    assert len(found) <= len(scores) / 2
    assert all(each.score > LEAST_OF_MEDIAN * each.typical for each in found)


def test_rows_are_drawn_once_and_for_all() -> None:
    assert left_out_rows(7) == list(range(7))
    assert left_out_rows(500) == left_out_rows(500) == sorted(set(left_out_rows(500)))
    assert len(left_out_rows(500)) == 100
    with pytest.raises(IndexError):
        left_out_rows(500)[100]
