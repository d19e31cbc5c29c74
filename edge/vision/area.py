"""Which part of a picture counts: the region of interest less what is to be ignored, as one mask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.part_box import PartBox

Mask = NDArray[np.bool_]
"""[H, W], true where a picture counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """What counts of every picture of a category; the rest is painted over before anything is encoded.

    mask: of the first reference's size; it covers a picture of any other size from edge to edge
    fill: the colour of what does not count, RGB, 0..255
    """

    mask: Mask
    fill: tuple[int, int, int]

    @property
    def share(self) -> float:
        """Of the picture, 0..1."""
        return float(self.mask.mean())

    @property
    def box(self) -> PartBox:
        """What holds all that counts."""
        height, width = self.mask.shape
        left, top, wide, high = cv2.boundingRect(self.mask.astype(np.uint8))
        return PartBox(left / width, top / height, (left + wide) / width, (top + high) / height)

    def cover(self, pixels: Pixels) -> Pixels:
        """[H, W, 3] uint8 RGB -> a copy in which all that does not count has one colour, whatever was there."""
        inside = scaled(self.mask, width=pixels.shape[1], height=pixels.shape[0])
        filled = np.empty_like(pixels)
        filled[:] = self.fill
        return np.asarray(cv2.copyTo(pixels, inside.view(np.uint8), filled), np.uint8)


def mean_colour(pictures: list[Pixels], mask: Mask) -> tuple[int, int, int]:
    """The mean of what counts in some pictures, [H, W, 3] uint8 RGB each: the colour that stands out least there."""
    sizes = [scaled(mask, width=pixels.shape[1], height=pixels.shape[0]) for pixels in pictures]
    means = [pixels[inside].mean(axis=0) for pixels, inside in zip(pictures, sizes, strict=True)]
    red, green, blue = np.mean(means, axis=0)
    return round(red), round(green), round(blue)


def scaled(mask: Mask, *, width: int, height: int) -> Mask:
    """The mask [H, W] for a picture of another size: each pixel as its nearest."""
    if mask.shape == (height, width):
        return mask
    return np.asarray(cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT), bool)


def mask_to_png(mask: Mask) -> bytes:
    """A 1-bit PNG, white where the picture counts."""
    encoded = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
    return bytes(encoded.tobytes())


def mask_from_png(content: bytes) -> Mask:
    """What `mask_to_png` wrote."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8) > 127
