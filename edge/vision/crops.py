"""Multi-crop: a picture judged as a whole and in parts, at the price of several encoder passes.

The second paper's section 4.2 uses "multi-crop data augmentation at test time" and does not say which crops; these are
our choice: the whole picture, its four corners and its centre, each part two thirds of the width and of the height.
Every pixel lies in the whole and in at least one corner; a part shows it 1.5 times as large to the encoder.
"""

from collections.abc import Sequence

from torch import Tensor

from edge.frame import Pixels

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom excluded."""

CROPS = 6
"""Crops of a picture, the whole included: encoder passes a picture."""


def crop_boxes(width: int, height: int) -> tuple[Box, ...]:
    """The CROPS boxes of a picture of `width` x `height` pixels: whole, top left, top right, bottom left, bottom
    right, centre. Each part has ceil(2/3) of either side, at least one pixel.
    """
    wide, high = -(-2 * width // 3), -(-2 * height // 3)
    right, down = width - wide, height - high
    corners = [(0, 0), (right, 0), (0, down), (right, down), (right // 2, down // 2)]
    return ((0, 0, width, height), *((left, top, left + wide, top + high) for left, top in corners))


def crops_of(pictures: Sequence[Pixels]) -> list[Pixels]:
    """B pictures, [H, W, 3] uint8 of any sizes -> B * CROPS views into them, one picture's crops after another's."""
    crops = []
    for pixels in pictures:
        height, width = pixels.shape[:2]
        crops += [pixels[top:bottom, left:right] for left, top, right, bottom in crop_boxes(width, height)]
    return crops


def mean_over_crops(scores: Tensor) -> Tensor:
    """[B * CROPS] scores in the order of `crops_of` -> [B], each picture's mean over its crops.

    The mean, as is usual where test-time augmentation is not specified; the paper does not say.
    """
    return scores.reshape(-1, CROPS).mean(dim=1)
