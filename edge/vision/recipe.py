"""How heads combine into one score and one map: named recipes, or a weighted sum that an engineer writes down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.errors import EdgeError

SCORE_HEADS = ("text", "clip-pair", "random-words", "references", "neighbourhood")
"""Heads that give a score: all but the last from the picture's embedding."""

MAP_HEADS = ("adapters", "few-shot", "neighbourhood")
"""Heads that give a map; the score of each alone is its map's maximum, but for the last, which has a score as well."""

HEADS = tuple(dict.fromkeys((*SCORE_HEADS, *MAP_HEADS)))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to combine: map = sum of maps[h] * map of h;  score = sum of scores[h] * score of h + peak * p / s.

    text:         APRIL-GAN's prompt ensemble (equation 1)          adapters:   APRIL-GAN's adapted stages (equation 3)
    clip-pair:    the second paper's single pair of prompts (3.1)   few-shot:   the memory bank (equation 4)
    random-words: the second paper's network (3.3)
    references:   half of 1 - cosine to the most similar reference picture's embedding (the second paper's section 4.2)
    neighbourhood: PatchCore's matching, with a closer look at the part (edge.vision.closer_look); a score and a map
    p is the maximum of the weighted sum of those maps whose heads have no score of their own, and s the `peak_scale` of
    the bundle: what calibration found p to be on good parts, 1 where unknown.
    """

    name: str
    scores: Mapping[str, float]
    maps: Mapping[str, float]
    peak: float

    @property
    def heads(self) -> tuple[str, ...]:
        """Every head it needs."""
        return tuple(dict.fromkeys((*self.scores, *self.maps)))

    @property
    def in_map_units(self) -> bool:
        """Whether the score is one of its map's values or a mean of some: then the threshold is a level of the map."""
        return len(self.maps) == 1 and set(self.scores) <= set(self.maps)


NAMED = {
    "few-shot": Recipe("few-shot", {}, {"few-shot": 1}, peak=1),
    "neighbourhood": Recipe("neighbourhood", {"neighbourhood": 1}, {"neighbourhood": 1}, peak=0),
    "adapters": Recipe("adapters", {}, {"adapters": 1}, peak=1),
    "adapters+few-shot": Recipe("adapters+few-shot", {}, {"adapters": 1, "few-shot": 1}, peak=1),
    "april-gan-0": Recipe("april-gan-0", {"text": 1}, {"adapters": 1}, peak=0),
    "april-gan": Recipe("april-gan", {"text": 1}, {"adapters": 1, "few-shot": 1}, peak=1),
    "random-words-alone": Recipe("random-words-alone", {"random-words": 1}, {}, peak=0),
    "random-words-0": Recipe("random-words-0", {"clip-pair": 1, "random-words": 1}, {}, peak=0),
    "random-words": Recipe("random-words", {"clip-pair": 1, "random-words": 1, "references": 1}, {}, peak=0),
}
"""Those ending in -0 need no reference pictures. The second paper's `ours` is random-words-alone, its `CLIP + ours`
random-words-0 without and random-words with references, and its `CLIP` is the sum `clip-pair`."""


def parse_recipe(text: str) -> Recipe:
    """A named recipe, or a sum such as `text*1 + few-shot*0.5`; in a sum each map head gives its map, and the
    maximum or its own score.


    A head without a factor counts once. A named recipe goes before a head of the same name: `random-words` is the
    recipe, `random-words*1` the head. Raises EdgeError naming what is wrong and what there is.
    """
    text = text.strip()
    if text in NAMED:
        return NAMED[text]
    weights: dict[str, float] = {}
    for term in text.split("+"):
        head, star, factor = term.partition("*")
        if (head := head.strip()) in weights:
            raise EdgeError(f"recipe {text!r}: {head} is there twice. Write it once, with the sum of both weights.")
        weights[head] = _weight(factor, text) if star else 1.0
    _check_heads(weights, text)
    scores = {head: weight for head, weight in weights.items() if head in SCORE_HEADS}
    maps = {head: weight for head, weight in weights.items() if head in MAP_HEADS}
    return Recipe(text, scores, maps, peak=1 if set(maps) - set(scores) else 0)


def _check_heads(heads: Iterable[str], recipe: str) -> None:
    """Raises EdgeError for the first that is no head."""
    for head in heads:
        if head not in HEADS:
            raise EdgeError(
                f"recipe {recipe!r}: unknown {head!r}. Named recipes: {', '.join(NAMED)}; "
                f"heads for a sum such as text*1+few-shot*0.5: {', '.join(HEADS)}."
            )


def _weight(factor: str, recipe: str) -> float:
    try:
        weight = float(factor)
    except ValueError:
        weight = -1.0
    if not 0 < weight < 1000:
        raise EdgeError(
            f"recipe {recipe!r}: weight {factor.strip()!r} is no number above 0 and below 1000. Leave out a head of no "
            "weight."
        )
    return weight
