"""The heatmap's fixed scale: the same colours on every frame that a bundle judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from edge.verdict import Scale
from edge.vision.heads import Scored
from edge.vision.recipe import Recipe

NOISE_QUANTILE = 0.95


@dataclass(frozen=True, slots=True)
class MapLook:
    """What the scale needs to know of one picture of a good part.

    score: its score;  peak: its map's maximum;  noise: what 95 % of its map's cells do not exceed
    """

    score: float
    peak: float
    noise: float


def map_looks(scored: Scored) -> list[MapLook]:
    """One a picture; none at all if the recipe has no map."""
    if scored.map is None:
        return []
    cells = scored.map.float().flatten(1)
    counted = torch.where(cells > 0, cells, torch.nan)  # 0 where nothing counts
    peaks, noises = cells.amax(dim=1).tolist(), counted.nanquantile(NOISE_QUANTILE, dim=1).nan_to_num().tolist()
    return [MapLook(*each) for each in zip(scored.score.tolist(), peaks, noises, strict=True)]


def fixed_scale(looks: Sequence[MapLook], *, recipe: Recipe, threshold: float | None) -> Scale | None:
    """Dark up to good parts' noise, marked where no `ok` part should reach, brightest from twice the mark on.

    looks:     of good parts that were not in the bank that scored them; none: no scale
    threshold: up to which a part is `ok`
    Where the score is in the map's units the mark is the threshold itself if the score is the map's maximum; where the
    score is a mean of the map's highest cells, the threshold times the largest ratio that a good part showed between
    the two. Otherwise threshold and map have nothing to do with each other, and the mark is the largest maximum.
    """
    if not looks:
        return None
    largest = max(one.peak for one in looks)
    if recipe.in_map_units and threshold is not None:
        mark = threshold * max((one.peak / one.score for one in looks if one.score > 0), default=1.0)
    else:
        mark = largest
    return Scale(low=min(median(one.noise for one in looks), mark), mark=mark, high=2 * mark)
