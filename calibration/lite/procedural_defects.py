"""Defects drawn onto pictures of good parts, with their masks: what a training without defective parts learns from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calibration.lite.defect_brushes import (
    Cover,
    blend,
    blot,
    blurred,
    direction,
    ellipse,
    line,
    random_point,
    shard,
    union,
)
from edge.frame import Pixels
from edge.line.opencv import cv2

Mask = NDArray[np.bool_]
"""[H, W], True where defective."""

Painted = tuple[Pixels, Cover]
Generator = np.random.Generator

LEAST_CHANGE = 9.0
"""Grey levels by which a defect changes the picture under its mask on average, at least; fainter ones are redrawn."""

TRIES = 8


def with_defect(pixels: Pixels, other: Pixels, rng: Generator) -> tuple[Pixels, Mask]:
    """The picture with one to three defects of random kinds, and where they are.

    pixels: [H, W, 3] uint8 RGB, a good part, at least 32 x 32
    other:  a picture of any size whose texture may be pasted in
    The mask marks what is covered by half or more and holds at least one pixel: a draw that nobody could see is
    thrown away, and the last resort is a black disc.
    """
    kinds = list(KINDS.values())
    for _ in range(TRIES):
        painted, covers = pixels, []
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            painted, cover = kinds[rng.integers(len(kinds))](painted, other, rng)
            covers.append(cover)
        mask = union(covers) >= 0.5
        if mask.any() and change(pixels, painted, mask) >= LEAST_CHANGE:
            return painted, mask
    return hole(pixels, rng)


def change(before: Pixels, after: Pixels, mask: Mask) -> float:
    """Mean over the mask of the largest channel's absolute difference, grey levels."""
    return float(cv2.absdiff(before, after).max(axis=2)[mask].mean())


def hole(pixels: Pixels, rng: Generator) -> tuple[Pixels, Mask]:
    """The picture with a black disc in it, white where the picture is dark itself."""
    radius = 0.06 * min(pixels.shape[:2])
    cover = ellipse(pixels.shape[:2], random_point(pixels.shape[:2], rng), (radius, radius))
    return blend(pixels, (255, 255, 255) if pixels.mean() < 64 else (0, 0, 0), cover), cover >= 0.5


def some_color(pixels: Pixels, rng: Generator) -> NDArray[np.float64]:
    """[3]: a strong colour, a dark or a light one, or a shade of the picture's own mean."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.permutation([rng.uniform(0, 60), rng.uniform(0, 255), rng.uniform(160, 255)])
    if kind == 1:
        return np.repeat(rng.uniform(0, 50), 3)
    if kind == 2:
        return np.repeat(rng.uniform(170, 255), 3)
    return np.asarray(pixels.mean(axis=(0, 1)) * rng.choice([rng.uniform(0.2, 0.7), rng.uniform(1.3, 1.9)]))


def spots(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """Blowholes, dirt, drops: up to nine round spots, mostly small, some with a rim of another brightness."""
    shape = pixels.shape[:2]
    center, spread = random_point(shape, rng), rng.uniform(0.02, 0.25) * min(shape)
    covers, rims = [], []
    for _ in range(int(rng.integers(1, 10))):
        at = center + spread * rng.standard_normal(2)
        radius = max(1.5, min(shape) * 10 ** rng.uniform(-2.2, -1.2))
        squeezed = (radius, radius * rng.uniform(0.5, 1))
        covers.append(ellipse(shape, at, squeezed, angle=rng.uniform(0, 180)))
        rims.append(ellipse(shape, at + 0.4 * radius * rng.standard_normal(2), (1.35 * radius, 1.35 * radius)))
    rimmed = blend(pixels, pixels + rng.choice([-40.0, 40.0]), union(rims) * np.float32(rng.integers(2)))
    return blend(rimmed, some_color(pixels, rng), union(covers) * np.float32(rng.uniform(0.5, 1))), union(covers)


def scratch(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """One to four long, thin, slightly bent lines, lighter or darker than what they cross."""
    shape = pixels.shape[:2]
    at, along = random_point(shape, rng), direction(rng)
    length = rng.uniform(0.1, 0.6) * max(shape)
    where = np.linspace(-0.5, 0.5, 24)[:, None]
    covers = []
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        across = np.array([-along[1], along[0]])
        bow = rng.uniform(-0.06, 0.06) * (1 - 4 * where**2)
        path = at + length * (where * along + bow * across)
        covers.append(line(shape, path, width=min(shape) * 10 ** rng.uniform(-2.5, -1.7)))
        at = at + rng.normal(0, 0.03 * min(shape), 2)
        along = along + rng.normal(0, 0.06, 2)
    return blend(pixels, some_color(pixels, rng), union(covers) * np.float32(rng.uniform(0.4, 1))), union(covers)


def crack(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """A jagged dark line that wanders and branches."""
    shape = pixels.shape[:2]
    covers = []
    starts = [(random_point(shape, rng), rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.6) * max(shape))]
    width = min(shape) * 10 ** rng.uniform(-2.4, -1.6)
    while starts:
        at, angle, length = starts.pop()
        steps = int(rng.integers(6, 16))
        turns = angle + np.cumsum(rng.normal(0, 0.45, steps))
        path = at + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * length / steps, axis=0)
        covers.append(line(shape, path, width=width))
        if rng.random() < 0.5 and length > 0.12 * max(shape):
            starts.append((path[steps // 2], angle + rng.choice([-1, 1]) * rng.uniform(0.4, 1.2), length / 2))
    dark = pixels * rng.uniform(0.0, 0.55)
    return blend(pixels, dark, union(covers) * np.float32(rng.uniform(0.7, 1))), union(covers)


def stain(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """A ragged blot of ink, rust, oil or paint that lets some of the surface through."""
    cover = blot(pixels.shape[:2], rng, least=0.03, most=0.3)
    tint = some_color(pixels, rng)
    over = pixels * tint / 255 if rng.random() < 0.4 else tint
    return blend(pixels, over, cover * np.float32(rng.uniform(0.45, 1))), cover


def uneven(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """A broad area that is darker or lighter than it should be, with soft edges."""
    cover = blurred(blot(pixels.shape[:2], rng, least=0.15, most=0.5), 0.03 * min(pixels.shape[:2]))
    gain = float(rng.choice([rng.uniform(0.35, 0.75), rng.uniform(1.3, 1.9)]))
    return blend(pixels, pixels * gain + (rng.uniform(0, 25) if gain > 1 else 0), cover), cover


def smear(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """An area rubbed along one direction."""
    size = max(5, int(rng.uniform(0.04, 0.16) * min(pixels.shape[:2])))
    kernel = line((size, size), size / 2 + np.outer((-size / 2, size / 2), direction(rng)), width=1)
    rubbed = cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    cover = blot(pixels.shape[:2], rng, least=0.06, most=0.3)
    return blend(pixels, rubbed * rng.uniform(0.8, 1.2), cover), cover


def missing(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """A piece that is gone: an angular area in the colour of the picture's border, or black, with a darker edge."""
    shape = pixels.shape[:2]
    cover = shard(shape, random_point(shape, rng), rng.uniform(0.03, 0.16) * min(shape), rng)
    border = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0)
    ground = border if rng.random() < 0.6 else np.repeat(rng.uniform(0, 60), 3)
    edge = np.clip(blurred(cover, 0.01 * min(shape)) - cover, 0, 1)
    return blend(blend(pixels, ground + rng.normal(0, 5, (*shape, 1)), cover), pixels * 0.5, edge), cover


def pasted(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """A piece from elsewhere in the picture, turned, where it does not belong (CutPaste, Li et al. 2021)."""
    h, w = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(20, 340), rng.uniform(0.7, 1.4))
    matrix[:, 2] = matrix[:, 2] + rng.uniform(-0.35, 0.35, 2) * (w, h)
    elsewhere = cv2.warpAffine(pixels, matrix, (w, h), borderMode=cv2.BORDER_REFLECT)
    cover = shard((h, w), random_point((h, w), rng), rng.uniform(0.03, 0.15) * min(h, w), rng)
    return blend(pixels, elsewhere * rng.uniform(0.85, 1.15), cover), cover


def foreign(pixels: Pixels, other: Pixels, rng: Generator) -> Painted:
    """Another material showing through ragged holes (DRAEM, Zavrtanik et al. 2021)."""
    h, w = pixels.shape[:2]
    side = int(rng.uniform(0.2, 0.9) * min(other.shape[:2]))
    y, x = (int(rng.integers(0, size - side + 1)) for size in other.shape[:2])
    texture = cv2.resize(other[y : y + side, x : x + side], (w, h), interpolation=cv2.INTER_AREA)
    cover = blot((h, w), rng, least=0.04, most=0.25)
    return blend(pixels, texture, cover * np.float32(rng.uniform(0.5, 1))), cover


KINDS: dict[str, Callable[[Pixels, Pixels, Generator], Painted]] = {
    "spots": spots,
    "scratch": scratch,
    "crack": crack,
    "stain": stain,
    "uneven": uneven,
    "smear": smear,
    "missing": missing,
    "pasted": pasted,
    "foreign": foreign,
}
"""Kind of defect -> what paints it: (picture, picture to take texture from, generator) -> (painted picture, cover)."""
