"""Mosaics: four pictures of one category become one, for parts that come several in a picture (section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.line.opencv import cv2

Mask = NDArray[np.bool_]
"""[H, W], True where defective."""

Value = TypeVar("Value", bound=np.generic)
TILES = 4


@dataclass(frozen=True, slots=True)
class Draw:
    """What is shown once: the index of one sample, or of the four of a mosaic, row by row."""

    samples: tuple[int, ...]


def epoch_plan(categories: Sequence[str], *, mosaic_rate: float, seed: int, epoch: int) -> list[Draw]:
    """What one epoch shows, in order: every sample once, and a mosaic instead of some of them.

    categories:  of each sample
    mosaic_rate: probability, for each sample by itself, that four random samples of its category (good and defective,
                 drawn with replacement) take its place
    A pure function of its arguments, so that a resumed training needs no generator's state.
    """
    rng = np.random.default_rng((seed, epoch))
    members = {name: [i for i, each in enumerate(categories) if each == name] for name in dict.fromkeys(categories)}
    plan = []
    for index in rng.permutation(len(categories)):
        if rng.random() < mosaic_rate:
            alike = members[categories[index]]
            plan.append(Draw(tuple(alike[i] for i in rng.integers(0, len(alike), TILES))))
        else:
            plan.append(Draw((int(index),)))
    return plan


def mosaic(images: Sequence[NDArray[Value]]) -> NDArray[Value]:
    """Four pictures, or their four masks, as 2 x 2 tiles, each of the first one's size.

    images: four [H, W, 3] uint8 or four [H, W] bool, of any sizes
    Returns [2H, 2W, ...] for the first one's H and W. Raises ValueError if they are not four.
    """
    if len(images) != TILES:
        raise ValueError(f"a mosaic has {TILES} tiles, not {len(images)}")
    height, width = images[0].shape[:2]
    tiles = [_fitted(image, height, width) for image in images]
    return np.concatenate([np.concatenate(tiles[:2], axis=1), np.concatenate(tiles[2:], axis=1)])


def truth_at(mask: Mask, side: int) -> Mask:
    """[H, W] -> [side, side]: bilinear, averaging over what a new pixel covers, True where more than half is.

    As evaluation resizes masks (calibration.datasets.read_mask).
    """
    resized = Image.fromarray(mask.astype(np.uint8) * 255).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(resized) > 127


def _fitted(image: NDArray[Value], height: int, width: int) -> NDArray[Value]:
    if image.shape[:2] == (height, width):
        return image
    method = cv2.INTER_NEAREST if image.ndim == 2 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image.astype(np.uint8), (width, height), interpolation=method)).astype(image.dtype)
