"""Where a part lies: the box that a second, closer look at every picture is taken of.

A small part in a large picture is few tokens to the encoder; a crop of it is worth encoding by itself. Calibration
finds the box on good parts (calibration.find_part). The whole picture is still looked at, for what lies outside.
"""

from dataclasses import dataclass

import numpy as np

from edge.frame import Pixels


@dataclass(frozen=True, slots=True)
class PartBox:
    """Edges as shares of the picture's width and height, 0..1, left < right and top < bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Share of the picture, 0..1."""
        return (self.right - self.left) * (self.bottom - self.top)


def cut(pixels: Pixels, box: PartBox) -> Pixels:
    """What the box shows of a picture: [H, W, 3] -> [h, w, 3] uint8, contiguous, at least one pixel."""
    height, width = pixels.shape[:2]
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = max(top + 1, round(box.bottom * height)), max(left + 1, round(box.right * width))
    return np.ascontiguousarray(pixels[top:bottom, left:right])
