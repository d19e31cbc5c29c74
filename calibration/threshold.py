"""The first threshold and the heatmap's scale, from what the references say about each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.verdict import Scale

CONFIDENCE = 0.95
NOISE_QUANTILE = 0.95


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what it is worth.

    value:  scores above it are defects; None: no promise is possible, every frame is unsure
    grade:  `first`, or `none` without a value
    bound:  with 95 % confidence at most this share of good parts lies above it (see `first_threshold`); None without
    method: the rule, in a sentence
    limits: what it cannot know, in a sentence or two
    """

    value: float | None
    grade: str
    bound: float | None
    method: str
    limits: str


def first_threshold(loo_scores: Sequence[float]) -> Threshold:
    """The largest score that a reference gets when all references but itself are the bank.

    Chosen among max, max * 1.05, max * 1.1, max + range and max + k standard deviations because those trade many missed
    defects for few false alarms, and because the maximum has an exact bound: of n exchangeable good parts' scores, the
    next good part exceeds the maximum with a probability that is, with 95 % confidence, at most 1 - 0.05 ** (1 / n)
    (the one-sided bound of Clopper and Pearson for none of n). The bound is on the safe side in one respect, since the
    line's bank has one reference more and a score can only fall with it, and it is not strict in another, since
    leave-one-out scores share references and are therefore not independent. No defect took part: the share of defects
    below the threshold is unknown.

    loo_scores: one a reference, finite; fewer than two give no threshold
    Raises EdgeError if the references do not differ at all.
    """
    n = len(loo_scores)
    if n < 2:
        return Threshold(
            value=None,
            grade="none",
            bound=None,
            method="none: one reference has no other to be compared with",
            limits="One good part says nothing about how good parts differ: every frame will be unsure.",
        )
    value = max(loo_scores)
    if value <= 0:
        raise EdgeError(f"the {n} references are one and the same picture. Take pictures of {n} different good parts.")
    bound = share_above_bound(n)
    return Threshold(
        value=value,
        grade="first",
        bound=bound,
        method=f"largest of {n} leave-one-out scores",
        limits=(
            f"{n} good parts cannot promise few false alarms: up to {bound:.1%} of good parts may lie above this "
            f"threshold (95 % confidence, if the {n} are like all others). "
            "No defect was shown: how many it misses is unknown."
        ),
    )


def share_above_bound(n: int) -> float:
    """One-sided 95 % upper bound on the share of parts above a limit that none of n parts exceeded: 0..1."""
    return float(1 - (1 - CONFIDENCE) ** (1 / n))


def heatmap_scale(loo_maps: NDArray[np.float32], mark: float) -> Scale:
    """The fixed scale of a category's heatmaps.

    loo_maps: [R, h, w], each reference's map against the others
    Dark up to the value that 95 % of the cells of good parts do not exceed; brightest from twice the mark on.
    """
    return Scale(low=float(np.quantile(loo_maps, NOISE_QUANTILE)), mark=mark, high=2 * mark)
