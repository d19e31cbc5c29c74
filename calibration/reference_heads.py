"""What the encoder sees of reference pictures, and the heads made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from calibration.coreset import keep_farthest
from calibration.find_part import closer_box
from calibration.ingredients import Ingredients
from edge.frame import Pixels
from edge.vision.area import Area
from edge.vision.closer_look import NeighbourBank
from edge.vision.counting import Counting
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads
from edge.vision.neighbourhood import joined_tokens
from edge.vision.part_box import PartBox, cut
from edge.vision.recipe import Recipe


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
    """
    whole = [encoder.encode(encoder.prepare([pixels])) for pixels in pictures]
    parts, box = look_closer(encoder, pictures, area) if closer else (None, None)
    return ReferenceLooks(whole, parts, box, counting)


def look_closer(
    encoder: Encoder, pictures: Sequence[Pixels], area: Area | None = None
) -> tuple[list[Features] | None, PartBox | None]:
    """The part's box, and the features of it cut out of each picture; None and None if there is none to be found."""
    box = closer_box(pictures, area)
    if box is None:
        return None, None
    closer = encoder.closer()
    return [closer.encode(closer.prepare([cut(pixels, box)])) for pixels in pictures], box


def heads_of(looks: ReferenceLooks, ingredients: Ingredients, *, keep: int) -> Heads:
    """The recipe's heads with all references; keep: tokens that a stage keeps of each for equation 4, at most.

    Raises EdgeError if the recipe needs what is not among the ingredients.
    """
    recipe = ingredients.recipe
    return ingredients.heads(
        bank=memory_bank(looks.whole, keep=keep) if "few-shot" in recipe.maps else None,
        neighbours=neighbour_bank(looks) if "neighbourhood" in recipe.maps else None,
        references=reference_embeddings(looks.whole, recipe),
    )


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
