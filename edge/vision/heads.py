"""Every head that a recipe names, over the features of one forward pass: scores and a map for each picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge.errors import EdgeError
from edge.vision.closer_look import NeighbourBank, Neighbours, match_looks
from edge.vision.counting import Counting
from edge.vision.features import Features
from edge.vision.few_shot import FewShot, MemoryBank, few_shot_map
from edge.vision.part_box import PartBox
from edge.vision.random_words import RandomWordNet, random_word_score, reference_distance
from edge.vision.recipe import Recipe
from edge.vision.zero_shot import Adapters, text_score, zero_shot_map

NEEDED = {
    "text": ("text", "an encoder with a text tower"),
    "clip-pair": ("pair", "an encoder with a text tower"),
    "random-words": ("net", "a trained network: --random-words FILE, from `calibrate random-words`"),
    "references": ("references", "reference pictures, and an encoder with an embedding"),
    "adapters": ("adapters", "adapters: --adapters FILE, from `calibrate adapters` or as published"),
    "few-shot": ("bank", "reference pictures"),
    "neighbourhood": ("neighbours", "reference pictures"),
}
"""By head, the field of Heads that it needs, and how a person gets it."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """What a recipe's heads work with, all on the encoder's device; only what the recipe names must be there.

    bank:       memory bank of the references;  neighbours: the neighbourhood head's
    text, pair: [2, D] unit vectors of the prompt ensemble and of the single pair of prompts
    adapters:   linear layers;  classes: [2, D'] unit vectors that adapted tokens are compared with
    net:        network of the random-word head
    references: [R, D] unit embeddings of the reference pictures
    peak_scale: what the map's maximum is divided by in the score
    Raises EdgeError naming the head and what it lacks.
    """

    recipe: Recipe
    bank: MemoryBank | None = None
    neighbours: NeighbourBank | None = None
    text: Tensor | None = None
    pair: Tensor | None = None
    adapters: Adapters | None = None
    classes: Tensor | None = None
    net: RandomWordNet | None = None
    references: Tensor | None = None
    peak_scale: float = 1.0

    def __post_init__(self) -> None:
        for head in self.recipe.heads:
            name, remedy = NEEDED[head]
            if getattr(self, name) is None:
                raise EdgeError(f"recipe {self.recipe.name}: its head {head!r} needs {remedy}.")

    @property
    def box(self) -> PartBox | None:
        """Where a closer look is to be taken, if at all."""
        return None if self.neighbours is None else self.neighbours.box

    def only(self, rows: Sequence[int]) -> "Heads":
        """The heads with some of the references."""
        wanted = list(rows)
        return replace(
            self,
            bank=None if self.bank is None else {name: vectors[wanted] for name, vectors in self.bank.items()},
            neighbours=None if self.neighbours is None else self.neighbours.only(wanted),
            references=None if self.references is None else self.references[wanted],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What the heads say about B pictures, on the encoder's device.

    score:         [B] float32, as the recipe combines it
    map:           [B, h, w] float32 >= 0, None if the recipe has no map head
    peak:          [B] float32, maximum of the map of heads that have no score of their own, None without any
    head_scores:   by head, [B] float32: its own score; where it has none, its own map's maximum
    per_reference: [B, R] float32, how unlike each reference a picture is; None without references
    """

    score: Tensor
    map: Tensor | None
    peak: Tensor | None
    head_scores: Mapping[str, Tensor] = field(default_factory=dict)
    per_reference: Tensor | None = None


@torch.inference_mode()
def run_heads(
    features: Features,
    heads: Heads,
    *,
    side: int,
    part: Features | None = None,
    counting: Counting | None = None,
) -> Scored:
    """Score B pictures.

    side: pixels a side of the map where several map heads make it, or the adapters; else it has its head's own grid
    part: features of the heads' box cut out of the pictures, if they have one
    counting: what of the maps counts, before any score is taken from them; default: all
    """
    recipe = heads.recipe
    few_shot = few_shot_map(features, heads.bank) if heads.bank is not None and "few-shot" in recipe.maps else None
    near = None
    if heads.neighbours is not None and "neighbourhood" in recipe.maps:
        near = match_looks(features, part, heads.neighbours, counting)
    maps = _maps(features, heads, few_shot, near, counting, side=side)
    own = {head: SCORES[head](features, heads) for head in recipe.scores if head in SCORES}
    if near is not None:
        own["neighbourhood"] = near.score
    peak = _peak(maps, recipe)
    total = _weighted(own, recipe.scores)
    if peak is not None and recipe.peak:
        highest = recipe.peak / heads.peak_scale * peak
        total = highest if total is None else total + highest
    if total is None:
        raise ValueError(f"recipe {recipe.name} gives no score")
    own |= {head: one.flatten(1).amax(dim=1) for head, one in maps.items() if head not in own}
    return Scored(total, _weighted(maps, recipe.maps), peak, own, _per_reference(features, heads, few_shot, near))


def _maps(
    features: Features,
    heads: Heads,
    few_shot: FewShot | None,
    near: Neighbours | None,
    counting: Counting | None,
    *,
    side: int,
) -> dict[str, Tensor]:
    """Each map head's map, with zeros where nothing counts; all of one size."""
    maps: dict[str, Tensor] = {}
    if "adapters" in heads.recipe.maps:
        assert heads.adapters is not None and heads.classes is not None
        maps["adapters"] = _counted(zero_shot_map(features, heads.adapters, heads.classes, side=side), counting)
    maps |= {"few-shot": _counted(few_shot.map, counting)} if few_shot is not None else {}
    maps |= {"neighbourhood": near.map} if near is not None else {}
    if len(maps) == 1:
        return maps
    return {head: _enlarged(one, side) for head, one in maps.items()}


def _counted(one: Tensor, counting: Counting | None) -> Tensor:
    """A map with zeros where nothing counts; the neighbourhood head sees to its own, of two grids."""
    return one if counting is None else one * counting.cells((one.shape[1], one.shape[2]))


def _peak(maps: Mapping[str, Tensor], recipe: Recipe) -> Tensor | None:
    """[B]: maximum of the weighted sum of the maps whose heads have no score of their own; None without any."""
    total = _weighted({head: one for head, one in maps.items() if head not in recipe.scores}, recipe.maps)
    return None if total is None else total.flatten(1).amax(dim=1)


def _enlarged(small: Tensor, side: int) -> Tensor:
    """[B, h, w] -> [B, side, side], bilinear with corner on corner, as adapted maps are made."""
    if small.shape[1:] == (side, side):
        return small
    return functional.interpolate(small[:, None], size=(side, side), mode="bilinear", align_corners=True)[:, 0]


def _weighted(parts: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor | None:
    """Sum of the parts by their weights, None of none."""
    total: Tensor | None = None
    for head, part in parts.items():
        weighted = part * weights[head]
        total = weighted if total is None else total + weighted
    return total


def _per_reference(
    features: Features, heads: Heads, few_shot: FewShot | None, near: Neighbours | None
) -> Tensor | None:
    for matched in (few_shot, near):
        if matched is not None:
            return matched.per_reference
    if heads.references is None or features.pooled is None:
        return None
    return (1 - features.pooled.float() @ heads.references.T).clamp_(min=0) / 2


def _pooled(features: Features) -> Tensor:
    if features.pooled is None:
        raise EdgeError("this encoder gives no embedding of the picture, which a score head needs. Use a CLIP encoder.")
    return features.pooled


def _text(features: Features, heads: Heads) -> Tensor:
    assert heads.text is not None
    return text_score(_pooled(features), heads.text)


def _pair(features: Features, heads: Heads) -> Tensor:
    assert heads.pair is not None
    return text_score(_pooled(features), heads.pair)


def _random_words(features: Features, heads: Heads) -> Tensor:
    assert heads.net is not None
    return random_word_score(_pooled(features), heads.net)


def _references(features: Features, heads: Heads) -> Tensor:
    assert heads.references is not None
    return reference_distance(_pooled(features), heads.references)


SCORES: dict[str, Callable[[Features, Heads], Tensor]] = {
    "text": _text,
    "clip-pair": _pair,
    "random-words": _random_words,
    "references": _references,
}
"""By head that scores the picture's embedding, its function: [B] float32."""
