"""One encoder pass a picture, or one a crop, whose features feed every column of an evaluation."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge.frame import Pixels
from edge.vision.crops import CROPS, crops_of, mean_over_crops
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads, Scored, run_heads
from edge.vision.part_box import PartBox, cut
from edge.vision.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the encoder made of B pictures.

    whole: features of the pictures as a whole
    parts: by box of a column's part, features of the box cut out of each
    crops: features of their crops in the order of `crops_of`, None without multi-crop
    """

    whole: Features
    crops: Features | None
    parts: Mapping[PartBox, Features] = field(default_factory=dict)


def encode(
    encoder: Encoder, pictures: Sequence[Pixels], *, multi_crop: bool, boxes: Collection[PartBox] = ()
) -> Encoded:
    """B pictures, [H, W, 3] uint8 RGB each -> features; with `multi_crop` CROPS passes a picture; one more a box."""
    closer = encoder.closer() if boxes else encoder
    parts = {box: closer.encode(closer.prepare([cut(pixels, box) for pixels in pictures])) for box in boxes}
    if not multi_crop:
        return Encoded(encoder.encode(encoder.prepare(pictures)), None, parts)
    crops = encoder.encode(encoder.prepare(crops_of(pictures)))
    return Encoded(crops.select(range(0, len(pictures) * CROPS, CROPS)), crops, parts)


def score(encoded: Encoded, heads: Heads, *, side: int) -> Scored:
    """What one column's heads say about the pictures.

    With crops each head that scores an embedding gives the mean over a picture's crops; maps are of the whole picture.
    """
    recipe = heads.recipe
    embedding = {head: weight for head, weight in recipe.scores.items() if head not in recipe.maps}
    part = None if heads.box is None else encoded.parts[heads.box]
    if encoded.crops is None or not embedding:
        return run_heads(encoded.whole, heads, side=side, part=part)
    by_crop = run_heads(encoded.crops, replace(heads, recipe=Recipe(recipe.name, embedding, {}, peak=0)), side=side)
    total = mean_over_crops(by_crop.score)
    own = {head: mean_over_crops(scores) for head, scores in by_crop.head_scores.items()}
    if not recipe.maps:
        return Scored(total, None, None, own)
    rest = {head: weight for head, weight in recipe.scores.items() if head in recipe.maps}
    of_whole = replace(heads, recipe=Recipe(recipe.name, rest, recipe.maps, peak=recipe.peak or (0 if rest else 1)))
    mapped = run_heads(encoded.whole, of_whole, side=side, part=part)
    counted = total + mapped.score if recipe.peak or rest else total
    return Scored(counted, mapped.map, mapped.peak, own | dict(mapped.head_scores))


@torch.inference_mode()
def at_input_size(maps: Tensor, side: int) -> Tensor:
    """[B, h, w] -> [B, side, side] float32, bilinear, cell centres on cell centres as the few-shot map's stages are."""
    if maps.shape[1:] == (side, side):
        return maps.float()
    return functional.interpolate(maps.float()[:, None], size=(side, side), mode="bilinear", align_corners=False)[:, 0]
