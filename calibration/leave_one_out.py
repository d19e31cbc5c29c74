"""What the references say about each other: each scored when all but itself are what it is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from calibration.progress import bar
from calibration.reference_heads import AT_ONCE, ReferenceLooks
from calibration.scale import MapLook, map_looks
from edge.vision.heads import Heads, Scored, run_heads
from edge.vision.recipe import Recipe

MOST_LEFT_OUT = 100
"""References that are scored against the others; of more, so many are drawn, since each meets the whole bank."""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """References, each against the others; all empty if there is but one. See `left_out_rows` for which.

    scores:      as the recipe combines them, with `peak_scale`
    peak_scale:  what the map's maximum is divided by in the score: the largest one here, so that good parts stay
                 about at or below the map's weight in the recipe (of several maps, their mean weight), as the other
                 heads do; 1 if the score is the maximum itself, or nothing is known
    head_limits: by head, its largest own score
    looks:       of each one's map, none if the recipe has no map; their scores are those above
    """

    scores: tuple[float, ...]
    peak_scale: float
    head_limits: dict[str, float]
    looks: tuple[MapLook, ...]


def left_out_rows(count: int, *, most: int = MOST_LEFT_OUT) -> list[int]:
    """Which of `count` references are scored against the others: all, or `most` of them, always the same."""
    return sorted(np.random.default_rng(0).permutation(count)[:most].tolist())


def leave_one_out(
    looks: ReferenceLooks, heads: Heads, *, side: int, rows: Sequence[int] | None = None, most: int = MOST_LEFT_OUT
) -> LeftOut:
    """Score references, each against all others.

    heads: with all references;  side: pixels a side of an adapted map
    rows:  which to score, default all;  most: if they are more, so many of them are drawn
    """
    count = len(looks.whole)
    if count < 2:
        return LeftOut((), 1.0, {}, ())
    heads = replace(heads, peak_scale=1.0)
    scored: list[Scored] = []
    candidates = range(count) if rows is None else rows
    drawn = [candidates[index] for index in left_out_rows(len(candidates), most=most)]
    with bar("each against the others", len(drawn), shown=count > AT_ONCE) as advance:
        for one in each_against_the_others(looks, heads, drawn, side=side):
            scored.append(one)
            advance(1)
    recipe = heads.recipe
    limits = {head: max(float(one.head_scores[head]) for one in scored) for head in recipe.heads}
    peak_scale = _peak_scale(scored, recipe) if recipe.peak and recipe.scores else 1.0
    scores = tuple(float(one.score) - _correction(one, recipe.peak, peak_scale) for one in scored)
    on_maps = [replace(each, score=score) for one, score in zip(scored, scores, strict=True) for each in map_looks(one)]
    return LeftOut(scores, peak_scale, limits, tuple(on_maps))


def each_against_the_others(looks: ReferenceLooks, heads: Heads, rows: Sequence[int], *, side: int) -> Iterator[Scored]:
    """What the heads say of these pictures of the bank, in order, each left out of it.

    heads: with all pictures;  side: pixels a side of an adapted map
    """
    for row in rows:
        others = [other for other in range(len(looks.whole)) if other != row]
        part, counting = looks.part(row), looks.counts(row)
        yield run_heads(looks.whole[row], heads.only(others), side=side, part=part, counting=counting)


def _peak_scale(scored: Sequence[Scored], recipe: Recipe) -> float:
    weights = [weight for head, weight in recipe.maps.items() if head not in recipe.scores]
    return max(float(one.peak) for one in scored if one.peak is not None) / fmean(weights)


def _correction(one: Scored, weight: float, peak_scale: float) -> float:
    """How much too large a score is that was combined before the scale of its maximum was known."""
    return 0.0 if one.peak is None else weight * float(one.peak) * (1 - 1 / peak_scale)
