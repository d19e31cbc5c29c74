"""What is to be looked at first, and what other thresholds give on the same parts."""

import pytest

from calibration.promise.cautions import cautions
from calibration.promise.threshold import Wish, set_threshold
from calibration.promise.trade_off import choices
from calibration.promise.words import grade_words
from edge.vision.manifest import Calibration, KnownPart, Manifest, Reference


def made(*, loo: list[float], good: list[float], bad: list[float]) -> Manifest:
    threshold = set_threshold(good, loo, Wish())
    return Manifest(
        category="part",
        encoder="patches",
        weights_sha256="a" * 64,
        input_size=64,
        references=tuple(Reference(file=f"{n:02}.png", source=f"ref-{n}") for n in range(len(loo))),
        threshold=threshold.value,
        scale=None,
        calibration=Calibration(
            grade=threshold.grade,
            method=threshold.method,
            promise=threshold.promise,
            loo_scores=tuple(loo),
            good=tuple(KnownPart(source=f"good-{n}", score=score) for n, score in enumerate(good)),
            bad=tuple(KnownPart(source=f"bad-{n}", score=score) for n, score in enumerate(bad)),
            tokens={},
            created="2026-11-22T00:00:00+00:00",
        ),
    )


USUAL = [1.0, 1.1, 0.9, 1.05]


@pytest.mark.parametrize(
    ("loo", "good", "bad", "said"),
    [
        (USUAL, [1.0, 1.2, 2.0], [1.5, 1.6, 3.0], ["2 of 3 known defects", "good-2"]),
        (USUAL, [3.0, 3.1, 3.2], [], ["unlike the references", "3.100", "1.100"]),
        ([*USUAL, 2.5], [], [], ["Reference ref-4 is unlike the others", "that reference's own score"]),
        (USUAL, [0.4, 0.5, 0.3], [], ["Every reference scores more than the threshold", "0.900 at least"]),
        (USUAL, [1.0, 1.2, 1.1], [1.5, 1.6, 3.0], []),
    ],
)  # fmt: skip
def test_what_does_not_look_right_is_said(
    loo: list[float], good: list[float], bad: list[float], said: list[str]
) -> None:
    found = " ".join(cautions(made(loo=loo, good=good, bad=bad)))
    assert bool(found) == bool(said)
    for words in said:
        assert words in found


def test_choices_go_from_the_fewest_rejects_to_the_fewest_misses() -> None:
    found = choices(made(loo=USUAL, good=[float(n) for n in range(1, 11)], bad=[7.5, 8.5, 9.5, 10.5]))
    assert [(row.rank, row.threshold, row.rejected, row.missed) for row in found] == [
        (1, 10.0, 0, 3), (2, 9.0, 1, 2), (3, 8.0, 2, 1), (5, 6.0, 4, 0)
    ]  # fmt: skip
    assert [row.chosen for row in found] == [True, False, False, False]
    assert found[0].rate_bound < found[1].rate_bound


@pytest.mark.parametrize(("grade", "said"), [("certified", "certified, 30%"), ("estimate", "estimate")])
def test_a_grade_is_listed_with_its_rate(grade: str, said: str) -> None:
    assert grade_words(grade, target=0.3) == said


def test_there_is_nothing_to_choose_without_both_kinds() -> None:
    assert choices(made(loo=USUAL, good=[1.0, 1.2], bad=[])) == []
    assert choices(made(loo=USUAL, good=[], bad=[2.0])) == []
