"""Which cells of an anomaly map count: those of the area, of which the camera showed all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge.line.opencv import cv2
from edge.vision.area import Mask
from edge.vision.part_box import PartBox

SIDE = 320
"""Pixels a side of the masks that maps of any grid are measured by."""


@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """What counts of B pictures.

    area: [B, SIDE, SIDE] float32, 1 where the area reaches into a pixel, else 0
    seen: [B, SIDE, SIDE] float32, 1 where the camera showed what was encoded, 0 where alignment brought it in
    """

    area: Tensor
    seen: Tensor

    def select(self, rows: Sequence[int]) -> "Counting":
        """Of some of the pictures."""
        return Counting(self.area[list(rows)], self.seen[list(rows)])

    def cells(self, grid: tuple[int, int], box: PartBox | None = None) -> Tensor:
        """[B, h, w] float32: 1 for the cells of a map that count, else 0; box: of a map that covers this box alone.

        A cell of which any pixel lies in the area counts, lest what lies at its edge is lost, unless the camera did not
        show all of the cell.
        """
        inside = functional.adaptive_max_pool2d(_cut(self.area, box)[:, None], grid)[:, 0]
        unseen = functional.adaptive_max_pool2d(1 - _cut(self.seen, box)[:, None], grid)[:, 0]
        return inside * (1 - unseen)


def area_plane(mask: Mask) -> NDArray[np.float32]:
    """An area's mask [H, W] -> [SIDE, SIDE] as Counting has it."""
    shares = cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(shares > 0, np.float32)


def stack(planes: Sequence[NDArray[np.float32]], device: torch.device) -> Tensor:
    """B planes [SIDE, SIDE] -> [B, SIDE, SIDE] on the device."""
    return torch.from_numpy(np.stack(planes)).to(device)


def _cut(planes: Tensor, box: PartBox | None) -> Tensor:
    if box is None:
        return planes
    rows, columns = planes.shape[1:]
    top, left = int(box.top * rows), int(box.left * columns)
    bottom, right = max(top + 1, round(box.bottom * rows)), max(left + 1, round(box.right * columns))
    return planes[:, top:bottom, left:right]
