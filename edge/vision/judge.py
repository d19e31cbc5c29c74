"""What the heads said of a picture becomes its verdict, by the bundle's threshold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.verdict import AnomalyMap, Nearest, Outcome, Reason, Region, Scale, Verdict
from edge.vision.manifest import Manifest
from edge.vision.outcome import outcome_of
from edge.vision.recipe import parse_recipe
from edge.vision.regions import find_regions


@dataclass(frozen=True, slots=True, eq=False)
class PictureScores:
    """What the heads say about one picture.

    score:       as the recipe combines it;  head_scores: each head's own
    anomaly_map: [h, w] float32, None if no head gives one
    distances:   to each reference, in the order of the bundle's references; none without references
    """

    score: float
    head_scores: Mapping[str, float]
    anomaly_map: AnomalyMap | None = None
    distances: Sequence[float] = ()


def judge(one: PictureScores, made: Manifest, *, bundle_sha256: str, shape: tuple[int, ...]) -> Verdict:
    """The verdict that a bundle gives on one picture of shape (H, W, ...).

    A score up to the threshold is ok, one above the defect threshold a defect. Raises FloatingPointError if the score
    is no finite number, which only a broken network or device can give: such a frame must not end as `ok`.
    """
    _check_finite(one, made.category)
    outcome, reason = outcome_of(one.score, made)
    return Verdict(
        outcome,
        reason,
        score=one.score,
        threshold=made.threshold,
        defect_threshold=made.defect_threshold,
        head_scores=one.head_scores,
        head_limits=made.head_limits,
        recipe=made.recipe,
        regions=_regions(one.anomaly_map, made, flagged=outcome is not Outcome.OK, shape=shape),
        nearest=_nearest(one.distances, made),
        scale=made.scale,
        category=made.category,
        bundle=bundle_sha256,
        anomaly_map=one.anomaly_map,
    )


def judge_uncalibrated(one: PictureScores, scale: Scale | None, *, recipe: str) -> Verdict:
    """`unsure: uncalibrated`, whatever the heads see without references. Raises FloatingPointError as `judge`."""
    _check_finite(one, "none")
    return Verdict(
        Outcome.UNSURE,
        Reason.UNCALIBRATED,
        score=one.score,
        head_scores=one.head_scores,
        recipe=recipe,
        scale=scale,
        anomaly_map=one.anomaly_map,
    )


def _check_finite(one: PictureScores, category: str) -> None:
    if not math.isfinite(one.score):
        raise FloatingPointError(f"category {category}: the anomaly score is {one.score}")


def _regions(
    anomaly_map: AnomalyMap | None, made: Manifest, *, flagged: bool, shape: tuple[int, ...]
) -> tuple[Region, ...]:
    """Areas above the scale's mark: none without a map, or before anybody has set a mark.

    A defect that is spread out can have a score, a mean, above the threshold and no cell above the mark: then the areas
    above the threshold, so that a part that was flagged for its map is always shown a place.
    """
    if anomaly_map is None or made.scale is None or made.scale.mark is None:
        return ()
    height, width = shape[:2]
    regions = find_regions(anomaly_map, made.scale.mark, width=width, height=height)
    if regions or not flagged or made.threshold is None or not parse_recipe(made.recipe).in_map_units:
        return regions
    return find_regions(anomaly_map, made.threshold, width=width, height=height)


def _nearest(distances: Sequence[float], made: Manifest) -> Nearest | None:
    if not distances:
        return None
    nearest = int(np.argmin(distances))
    return Nearest(made.references[nearest].file, float(distances[nearest]))
