"""What the encoder sees of reference pictures, and the heads made from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from calibration.bank.budget import share
from calibration.bank.coreset import keep_farthest
from calibration.bank.picture_features import PictureFeatures
from calibration.find_part import closer_box
from calibration.ingredients import Ingredients
from calibration.progress import bar
from edge.frame import Pixels
from edge.vision.area import Area
from edge.vision.closer_look import NeighbourBank
from edge.vision.counting import Counting
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads
from edge.vision.neighbourhood import joined_tokens
from edge.vision.part_box import PartBox
from edge.vision.recipe import Recipe

AT_ONCE = 16
"""References whose features are held while the bank is made; a bar is shown for more."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceLooks:
    """Features of R reference pictures, one picture each.

    parts: of the box where the part lies, cut out of each; both None without a closer look
    counting: what of their maps counts, None: all
    """

    whole: Sequence[Features]
    parts: Sequence[Features] | None = None
    box: PartBox | None = None
    counting: Counting | None = None

    def part(self, index: int) -> Features | None:
        """The closer look at one reference."""
        return None if self.parts is None else self.parts[index]

    def counts(self, index: int) -> Counting | None:
        """What of one reference's maps counts."""
        return None if self.counting is None else self.counting.select([index])

    def some(self, start: int, stop: int) -> "ReferenceLooks":
        """What is seen of the references from `start` up to `stop`, which is left out; not what of it counts."""
        return ReferenceLooks(self.whole[start:stop], None if self.parts is None else self.parts[start:stop], self.box)


def look_at(
    encoder: Encoder,
    pictures: Sequence[Pixels],
    *,
    closer: bool,
    area: Area | None = None,
    counting: Counting | None = None,
) -> ReferenceLooks:
    """Encode each picture, [H, W, 3] uint8 RGB; `closer`: and its part by itself, if the part lies in one place.

    area: what of the pictures counts, all by default;  counting: what of their maps counts
    Of many pictures nothing is kept: they are encoded each time they are asked for.
    """
    whole = PictureFeatures(encoder, pictures)
    parts, box = look_closer(encoder, pictures, area) if closer else (None, None)
    return ReferenceLooks(whole, parts, box, counting)


def look_closer(
    encoder: Encoder, pictures: Sequence[Pixels], area: Area | None = None
) -> tuple[Sequence[Features] | None, PartBox | None]:
    """The part's box, and the features of it cut out of each picture; None and None if there is none to be found."""
    box = closer_box(pictures, area)
    if box is None:
        return None, None
    return PictureFeatures(encoder.closer(), pictures, box=box), box


def heads_of(looks: ReferenceLooks, ingredients: Ingredients, *, keep: int, budget_bytes: int | None = None) -> Heads:
    """The recipe's heads with all references.

    keep:         tokens that a stage keeps of each for equation 4, at most
    budget_bytes: what the tokens of all references may take, see calibration.bank.budget; None: what they need
    Raises EdgeError if the recipe needs what is not among the ingredients, or the budget is too small.
    """
    recipe, count = ingredients.recipe, len(looks.whole)
    pieces: list[dict[str, Tensor]] = []
    embeddings: list[Tensor] = []
    stages: set[str] = set()
    for some in _in_turn(looks):
        bank = memory_bank(some.whole, keep=keep) if "few-shot" in recipe.maps else {}
        near = as_tensors(neighbour_bank(some)) if "neighbourhood" in recipe.maps else {}
        stages, tokens = set(bank), {**bank, **near}
        sizes = {name: (vectors.shape[1], vectors.shape[2]) for name, vectors in tokens.items()}
        kept = share(sizes, references=count, budget_bytes=budget_bytes)
        pieces.append({name: keep_farthest(each, kept[name], unit=name in bank) for name, each in tokens.items()})
        if (own := reference_embeddings(some.whole, recipe)) is not None:
            embeddings.append(own)
    together = {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}
    looked = {name: vectors for name, vectors in together.items() if name not in stages}
    return ingredients.heads(
        bank={name: together[name] for name in together if name in stages} or None,
        neighbours=NeighbourBank(looked["whole"], looked.get("part"), looks.box) if looked else None,
        references=torch.cat(embeddings) if embeddings else None,
    )


def _in_turn(looks: ReferenceLooks) -> Iterator[ReferenceLooks]:
    """All references, AT_ONCE at a time, with a bar if they are more."""
    count = len(looks.whole)
    with bar("references", count, shown=count > AT_ONCE) as advance:
        for start in range(0, count, AT_ONCE):
            some = looks.some(start, min(count, start + AT_ONCE))
            yield some
            advance(len(some.whole))


def memory_bank(features: Sequence[Features], *, keep: int) -> dict[str, Tensor]:
    """By stage name, [R, N, C] float32 unit vectors from R pictures' features, at most `keep` tokens from each."""
    stages = features[0].stages
    together = {name: torch.cat([each.stages[name] for each in features]).float() for name in stages}
    return {name: keep_farthest(functional.normalize(tokens, dim=-1), keep) for name, tokens in together.items()}


def neighbour_bank(looks: ReferenceLooks) -> NeighbourBank:
    """The neighbourhood head's bank: every joined token of both looks, since leaving some out hides small defects."""
    part = None if looks.parts is None else _joined(looks.parts)
    return NeighbourBank(_joined(looks.whole), part, looks.box)


def _joined(features: Sequence[Features]) -> Tensor:
    """[R, N, C] float32 of R pictures."""
    return torch.cat([joined_tokens(each)[0] for each in features])


def reference_embeddings(features: Sequence[Features], recipe: Recipe) -> Tensor | None:
    """[R, D] unit embeddings of the references, if the recipe compares with them and the encoder has any."""
    pooled = [each.pooled for each in features if each.pooled is not None]
    return torch.cat(pooled) if pooled and "references" in recipe.scores else None


def as_tensors(bank: NeighbourBank | None) -> Mapping[str, Tensor]:
    """By the name of its look, what a bundle keeps of the bank; nothing of none."""
    looks = {} if bank is None else {"whole": bank.whole, "part": bank.part}
    return {name: tokens for name, tokens in looks.items() if tokens is not None}
