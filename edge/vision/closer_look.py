"""The neighbourhood head: the whole picture and, where a part has its place, a closer look at that, as one score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.counting import Counting
from edge.vision.features import Features
from edge.vision.neighbourhood import match, top_mean
from edge.vision.part_box import PartBox


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourBank:
    """What pictures are compared with.

    whole: [R, N, C] float32, joined tokens of R reference pictures
    part:  [R, M, C] float32, joined tokens of the box alone;  box: where it lies; both None without a closer look
    """

    whole: Tensor
    part: Tensor | None = None
    box: PartBox | None = None

    def only(self, rows: Sequence[int]) -> "NeighbourBank":
        """The bank of some of the references."""
        wanted = list(rows)
        return NeighbourBank(self.whole[wanted], None if self.part is None else self.part[wanted], self.box)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """What the head says about B pictures.

    score:         [B] float32 >= 0, the larger look's `top_mean`; never above the map's maximum
    map:           [B, h, w] float32 >= 0
    per_reference: [B, R] float32 >= 0, mean distance to one reference's tokens alone, of the closest look there is
    """

    score: Tensor
    map: Tensor
    per_reference: Tensor


@torch.inference_mode()
def match_looks(
    whole: Features, part: Features | None, bank: NeighbourBank, counting: Counting | None = None
) -> Neighbours:
    """Score B pictures: whole, their features; part, the features of the bank's box cut out of them, if it has one.

    counting: what of the maps counts, before any score is taken from them; default: all

    Raises ValueError if the bank has a box and `part` is missing.
    """
    distances, far = match(whole, bank.whole)
    cells, part_cells = None, None
    if counting is not None:
        cells = counting.cells((distances.shape[1], distances.shape[2]))
        distances = distances * cells
    if bank.box is None or bank.part is None:
        return Neighbours(top_mean(distances, cells), distances, far)
    if part is None:
        raise ValueError("the bank has a part's box, but its features were not given")
    closer, near = match(part, bank.part)
    if counting is not None:
        part_cells = counting.cells((closer.shape[1], closer.shape[2]), bank.box)
        closer = closer * part_cells
    around = outside(distances, bank.box)
    score = torch.maximum(top_mean(closer, part_cells), top_mean(around, cells))
    return Neighbours(score, laid_in(around, closer, bank.box), near)


def outside(whole: Tensor, box: PartBox) -> Tensor:
    """[B, h, w] -> the same, with zeros for cells whose centre lies in the box, where the closer look says more."""
    height, width = whole.shape[1:]
    rows = (torch.arange(height, device=whole.device) + 0.5) / height
    columns = (torch.arange(width, device=whole.device) + 0.5) / width
    inside_rows = (rows > box.top) & (rows < box.bottom)
    inside_columns = (columns > box.left) & (columns < box.right)
    return whole.masked_fill(inside_rows[:, None] & inside_columns[None], 0.0)


def laid_in(around: Tensor, part: Tensor, box: PartBox) -> Tensor:
    """The closer look's map [B, k, l] laid into its box on the other's [B, h, w], which is made finer: [B, f*h, f*w].

    f is the smallest factor from 2 on with which the box has a cell for each of the closer look's, so that no value is
    lost, nor one of a cell around that the box overlaps by less than half.
    """
    rows, columns = part.shape[1:]
    height, width = around.shape[1:]
    needed = max(rows / ((box.bottom - box.top) * height), columns / ((box.right - box.left) * width))
    factor = max(2, math.ceil(needed))
    total = around.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)
    top, bottom = math.floor(box.top * height * factor), math.ceil(box.bottom * height * factor)
    left, right = math.floor(box.left * width * factor), math.ceil(box.right * width * factor)
    inner = functional.interpolate(part[:, None], size=(bottom - top, right - left), mode="nearest-exact")
    total[:, top:bottom, left:right] = inner[:, 0]
    return total
