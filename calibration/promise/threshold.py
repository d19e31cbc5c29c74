"""The threshold, the grade of what it promises, and what is refused as no threshold at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from calibration.promise.bounds import NEXT_PARTS, count_bound, parts_to_certify, rank_for, rate_bound
from edge.errors import EdgeError
from edge.vision.manifest import Promise

TARGET_FALSE_REJECT = 0.01


class Grade(StrEnum):
    """How much a threshold may be trusted."""

    CERTIFIED = "certified"  # good parts outside the bank hold the target
    NOT_CERTIFIED = "not certified"  # there are such parts, and too few, or too many of them lie above
    ESTIMATE = "estimate"  # from references that were compared with each other
    NO_PROMISE = "no promise"  # from one reference


@dataclass(frozen=True, slots=True)
class Wish:
    """What the engineer asks of the thresholds.

    target_false_reject: share of good parts that may end as anything but `ok`
    target_false_defect: share of good parts that may be called a defect; between the two they are unsure
    threshold, defect_threshold: values given by hand, instead
    kept: these are the thresholds of the bundle that is improved, which some part had reached
    Raises EdgeError for what cannot be meant.
    """

    target_false_reject: float = TARGET_FALSE_REJECT
    target_false_defect: float | None = None
    threshold: float | None = None
    defect_threshold: float | None = None
    kept: bool = False

    def __post_init__(self) -> None:
        for option, score in (("--threshold", self.threshold), ("--defect-threshold", self.defect_threshold)):
            if score is not None and not math.isfinite(score):
                raise EdgeError(f"{option} {score} is no score. Give a number, or leave it out.")
        _check_share("--target-false-reject", self.target_false_reject)
        if self.target_false_defect is not None:
            _check_share("--target-false-defect", self.target_false_defect)
            if self.target_false_defect >= self.target_false_reject:
                raise EdgeError(
                    f"--target-false-defect {self.target_false_defect:g} is not below --target-false-reject "
                    f"{self.target_false_reject:g}: fewer good parts may be called a defect than anything but ok."
                )
        if self.defect_threshold is not None and (self.threshold is None or self.defect_threshold < self.threshold):
            raise EdgeError(
                f"--defect-threshold {self.defect_threshold:g} needs a --threshold at or below it; it is "
                f"{'not given' if self.threshold is None else format(self.threshold, 'g')}."
            )
        if self.defect_threshold is not None and self.target_false_defect is not None:
            raise EdgeError("give --defect-threshold or --target-false-defect, not both.")


def _check_share(option: str, share: float) -> None:
    if not 0 < share < 1:
        raise EdgeError(f"{option} {share:g} is no share of parts. Give a number between 0 and 1, for example 0.01.")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The threshold, or two, and what they are worth.

    value:  a part that scores above it is not `ok`; None: every frame is unsure
    defect: a part that scores above it is a defect, and between the two unsure; None: the same as value
    method: the rule that gave the value, in a sentence
    """

    value: float | None
    defect: float | None
    grade: Grade
    promise: Promise | None
    method: str


def set_threshold(good: Sequence[float], loo: Sequence[float], wish: Wish) -> Threshold:
    """The threshold that the scores of good parts support.

    good: scores of parts outside the bank, one a part;  loo: each reference's against the others; finite
    It is the k-th highest score of the good parts, or without any, of the references; k is fixed by their number and
    the target (`rank_for`). With one reference and no good part there is none, unless it was given by hand.
    Raises EdgeError for references that do not differ, or a threshold by hand that every part exceeds.
    """
    scores, whose = (good, f"{len(good)} good parts") if good else (loo, f"{len(loo)} leave-one-out scores")
    if loo and max(loo) <= 0:
        raise EdgeError(
            f"the {len(loo)} references are one and the same picture. Take pictures of {len(loo)} different good parts."
        )
    if not scores:
        method = "none: one reference has no other to be compared with" if wish.threshold is None else "given by hand"
        return Threshold(wish.threshold, wish.defect_threshold, Grade.NO_PROMISE, None, method)
    n = len(scores)
    if wish.threshold is None:
        rank = rank_for(wish.target_false_reject, parts=n)
        value, method = nth_highest(scores, rank), f"{_ordinal(rank)}highest of {whose}"
    else:
        value, rank = wish.threshold, 1 + sum(score > wish.threshold for score in scores)
        method = f"{_given(wish)}; {rank - 1} of {whose} lie above"
        if not wish.kept:
            _check_not_below_all(value, scores, whose)
    promise = Promise(
        target=wish.target_false_reject,
        parts=n,
        rank=rank,
        by_hand=wish.threshold is not None and not wish.kept,
        kept=wish.threshold is not None and wish.kept,
        rate_bound=rate_bound(parts=n, rank=rank),
        next_parts=NEXT_PARTS,
        count_bound=count_bound(parts=n, rank=rank),
        parts_to_certify=parts_to_certify(wish.target_false_reject),
    )
    return Threshold(value, _defect_threshold(scores, wish), _grade(promise, outside=bool(good)), promise, method)


def _grade(promise: Promise, *, outside: bool) -> Grade:
    if not outside:
        return Grade.ESTIMATE
    return Grade.CERTIFIED if promise.rate_bound <= promise.target else Grade.NOT_CERTIFIED


def _defect_threshold(scores: Sequence[float], wish: Wish) -> float | None:
    if wish.target_false_defect is None:
        return wish.defect_threshold
    value = nth_highest(scores, rank_for(wish.target_false_defect, parts=len(scores)))
    return value if wish.threshold is None else max(value, wish.threshold)


def nth_highest(scores: Sequence[float], rank: int) -> float:
    """The `rank`-th highest of the scores, 1 for the highest."""
    return sorted(scores, reverse=True)[rank - 1]


def _check_not_below_all(value: float, scores: Sequence[float], whose: str) -> None:
    if min(scores) > value:
        raise EdgeError(
            f"threshold {value:g}: every one of the {whose} lies above it ({min(scores):.3f} to {max(scores):.3f}), so "
            "no good part would be ok. Give a higher --threshold, or leave it out."
        )


def check_reachable(value: float, strangest: Sequence[float]) -> None:
    """Raises EdgeError unless some score lies above a threshold that was given by hand.

    strangest: scores of known defects and of pictures that show nothing of the part. A threshold that was taken from
    scores needs no such check: a real part reached it.
    """
    if max(strangest) <= value:
        raise EdgeError(
            f"--threshold {value:g}: nothing that was tried reaches it. The highest score of known defects (--bad), of "
            f"the first reference's negative and of noise is {max(strangest):.3f}. Give a lower one, or show a defect "
            "that does reach it."
        )


def _given(wish: Wish) -> str:
    """Where a threshold is from that was not taken from these scores."""
    return "kept from the bundle before" if wish.kept else "given by hand"


def _ordinal(rank: int) -> str:
    """What goes before `highest`."""
    if rank == 1:
        return ""
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending} "
