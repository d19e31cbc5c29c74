"""Two looks at one picture, the whole and the part's box, as one map and one score in the same units."""

import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.neighbourhood import top_mean
from edge.vision.part_crop import PartBox

PART_SIDE_SHARE = 1.2
"""Input side of the closer look over that of the whole picture's: 384 px to 320 px."""

BLEED_CELLS = 2
"""Cells around the box on the whole picture's map that still see the part, and are left to the closer look."""


def part_side(input_size: int) -> int:
    """Input side of the closer look in pixels, a multiple of 32."""
    return round(input_size * PART_SIDE_SHARE / 32) * 32


def outside(whole: Tensor, box: PartBox) -> Tensor:
    """[B, h, w] -> the same, with zeros where the closer look says more."""
    height, width = whole.shape[1:]
    rows = (torch.arange(height, device=whole.device) + 0.5) / height
    columns = (torch.arange(width, device=whole.device) + 0.5) / width
    down, across = BLEED_CELLS / height, BLEED_CELLS / width
    inside_rows = (rows > box.top - down) & (rows < box.bottom + down)
    inside_columns = (columns > box.left - across) & (columns < box.right + across)
    return whole.masked_fill(inside_rows[:, None] & inside_columns[None], 0.0)


def two_look_score(whole: Tensor, part: Tensor, box: PartBox) -> Tensor:
    """[B]: the larger of the closer look's `top_mean` and that of what lies outside; maps [B, h, w] and [B, k, l]."""
    return torch.maximum(top_mean(part), top_mean(outside(whole, box)))


def two_look_map(whole: Tensor, part: Tensor, box: PartBox) -> Tensor:
    """[B, 2h, 2w]: the closer look laid into its box, `whole` outside.

    For people and regions; cells of the closer look are resampled bilinearly, so that a peak can lose height.
    """
    height, width = 2 * whole.shape[1], 2 * whole.shape[2]
    total = functional.interpolate(outside(whole, box)[:, None], size=(height, width), mode="nearest")[:, 0]
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = max(top + 1, round(box.bottom * height)), max(left + 1, round(box.right * width))
    size = (bottom - top, right - left)
    inner = functional.interpolate(part[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    total[:, top:bottom, left:right] = inner
    return total
