"""One encoder pass a picture, or one a crop, whose features feed every column of an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge.frame import Pixels
from edge.vision.crops import CROPS, crops_of, mean_over_crops
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads, Scored, run_heads
from edge.vision.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the encoder made of B pictures.

    whole: features of the pictures as a whole
    crops: features of their crops in the order of `crops_of`, None without multi-crop
    """

    whole: Features
    crops: Features | None


def encode(encoder: Encoder, pictures: Sequence[Pixels], *, multi_crop: bool) -> Encoded:
    """B pictures, [H, W, 3] uint8 RGB each -> their features; with `multi_crop` CROPS passes a picture."""
    if not multi_crop:
        return Encoded(encoder.encode(encoder.prepare(pictures)), None)
    crops = encoder.encode(encoder.prepare(crops_of(pictures)))
    return Encoded(crops.select(range(0, len(pictures) * CROPS, CROPS)), crops)


def score(encoded: Encoded, heads: Heads, *, side: int) -> Scored:
    """What one column's heads say about the pictures.

    With crops each head that scores an embedding gives the mean over a picture's crops; maps are of the whole picture.
    """
    if encoded.crops is None or not heads.recipe.scores:
        return run_heads(encoded.whole, heads, side=side)
    recipe = heads.recipe
    by_crop = run_heads(encoded.crops, replace(heads, recipe=Recipe(recipe.name, recipe.scores, {}, peak=0)), side=side)
    total = mean_over_crops(by_crop.score)
    own = {head: mean_over_crops(scores) for head, scores in by_crop.head_scores.items()}
    if not recipe.maps:
        return Scored(total, None, None, own)
    mapped = run_heads(encoded.whole, replace(heads, recipe=Recipe(recipe.name, {}, recipe.maps, peak=1)), side=side)
    assert mapped.peak is not None
    total = total + recipe.peak / heads.peak_scale * mapped.peak
    return Scored(total, mapped.map, mapped.peak, own | dict(mapped.head_scores))


@torch.inference_mode()
def at_input_size(maps: Tensor, side: int) -> Tensor:
    """[B, h, w] -> [B, side, side] float32, bilinear, cell centres on cell centres as the few-shot map's stages are."""
    if maps.shape[1:] == (side, side):
        return maps.float()
    return functional.interpolate(maps.float()[:, None], size=(side, side), mode="bilinear", align_corners=False)[:, 0]
