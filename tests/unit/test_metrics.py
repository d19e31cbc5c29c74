"""Image metrics: equal to their definitions counted by hand, and undefined where they are undefined."""

import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.evaluation.metrics import ImageMetrics, harmonic_mean, image_metrics, vand_harmonic
from edge.errors import EdgeError

labelled = st.lists(st.tuples(st.booleans(), st.integers(-3, 3).map(float)), min_size=1, max_size=20)
shares = st.floats(0, 1)


def by_hand(labels: Sequence[bool], scores: Sequence[float]) -> ImageMetrics:
    """The definitions: pairs for AUROC, every score a threshold for the others."""
    good = [score for label, score in zip(labels, scores, strict=True) if not label]
    bad = [score for label, score in zip(labels, scores, strict=True) if label]
    if not bad:
        return ImageMetrics(None, None, None)
    pairs = [1.0 if b > g else 0.5 if b == g else 0.0 for b in bad for g in good]
    ap, f1s, recall_before = 0.0, [], 0.0
    for threshold in sorted(set(scores), reverse=True):
        found, false = sum(b >= threshold for b in bad), sum(g >= threshold for g in good)
        ap += (found / len(bad) - recall_before) * found / (found + false)
        recall_before = found / len(bad)
        f1s.append(2 * found / (found + false + len(bad)))
    return ImageMetrics(sum(pairs) / len(pairs) if pairs else None, ap, max(f1s))


@settings(deadline=None)
@given(rows=labelled)
def test_metrics_are_what_their_definitions_say(rows: list[tuple[bool, float]]) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    measured, expected = image_metrics(labels, scores), by_hand(labels, scores)
    assert measured.auroc == (expected.auroc if expected.auroc is None else pytest.approx(expected.auroc))
    assert measured.ap == (expected.ap if expected.ap is None else pytest.approx(expected.ap))
    assert measured.f1_max == (expected.f1_max if expected.f1_max is None else pytest.approx(expected.f1_max))


@pytest.mark.parametrize("scores", [[], [0.5], [0.1, 0.2, 0.2]])
def test_without_a_defect_nothing_is_defined(scores: list[float]) -> None:
    assert image_metrics([False] * len(scores), scores) == ImageMetrics(None, None, None)


@pytest.mark.parametrize("scores", [[0.5], [0.1, 0.2, 0.2]])
def test_without_a_good_part_auroc_is_undefined_and_any_score_is_precise(scores: list[float]) -> None:
    assert image_metrics([True] * len(scores), scores) == ImageMetrics(None, 1.0, 1.0)


def test_equal_scores_tell_nothing() -> None:
    measured = image_metrics([True, False, True, False], [0.7] * 4)
    assert (measured.auroc, measured.ap, measured.f1_max) == pytest.approx((0.5, 0.5, 2 / 3))


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_refused(broken: float) -> None:
    with pytest.raises(EdgeError, match="not a finite number"):
        image_metrics([True, False], [broken, 0.5])


def test_labels_and_scores_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        image_metrics([True], np.zeros(2))


@given(first=shares, second=shares)
def test_harmonic_mean_of_two_shares(first: float, second: float) -> None:
    assert harmonic_mean(first, second) == pytest.approx(statistics.harmonic_mean([first, second]))


@given(share=shares)
def test_the_summary_is_undefined_where_a_part_of_it_is(share: float) -> None:
    assert vand_harmonic(None, share) is None
    assert vand_harmonic(share, None) is None
    assert vand_harmonic(share, share) == pytest.approx(share)
