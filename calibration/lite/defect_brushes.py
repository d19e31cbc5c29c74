"""Shapes that procedural defects are made of: each a cover, [H, W] float32 in 0..1, drawn with smooth edges."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2

Cover = NDArray[np.float32]
"""[H, W], 0..1: how much of a pixel is covered."""

Point = NDArray[np.float64]
"""[2]: x, y in pixels."""

FRACTION_BITS = 4
LEAST_NOISE_CELLS = 2


def random_point(shape: tuple[int, int], rng: np.random.Generator) -> Point:
    """A point of the picture, not within 5 % of its border."""
    return rng.uniform(0.05, 0.95, 2) * (shape[1], shape[0])


def direction(rng: np.random.Generator) -> Point:
    """A random unit vector."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def ellipse(shape: tuple[int, int], center: Point, axes: tuple[float, float], *, angle: float = 0.0) -> Cover:
    """A filled ellipse; `axes` are half its widths in pixels, `angle` is in degrees."""
    canvas = np.zeros(shape, np.uint8)
    whole = (max(1, round(axes[0])), max(1, round(axes[1])))
    cv2.ellipse(canvas, (round(float(center[0])), round(float(center[1]))), whole, angle, 0, 360, 255, -1, cv2.LINE_AA)
    return np.asarray(canvas / 255, np.float32)


def line(shape: tuple[int, int], path: NDArray[np.float64], *, width: float) -> Cover:
    """An open line through [n, 2] points, `width` pixels wide but at least one."""
    canvas = np.zeros(shape, np.uint8)
    points = np.rint(path * (1 << FRACTION_BITS)).astype(np.int32)
    cv2.polylines(canvas, [points], False, 255, max(1, round(width)), cv2.LINE_AA, FRACTION_BITS)
    return np.asarray(canvas / 255, np.float32)


def shard(shape: tuple[int, int], center: Point, radius: float, rng: np.random.Generator) -> Cover:
    """A filled polygon of three to eight random corners around a point."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
    reach = radius * rng.uniform(0.5, 1.3, len(angles))
    corners = center + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    canvas = np.zeros(shape, np.uint8)
    fixed = np.rint(corners * (1 << FRACTION_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, FRACTION_BITS)
    return np.asarray(canvas / 255, np.float32)


def blot(shape: tuple[int, int], rng: np.random.Generator, *, least: float, most: float) -> Cover:
    """A ragged blot around a random point, `least` to `most` of the shorter side in radius: fractal noise, cut off."""
    radius = rng.uniform(least, most) * min(shape)
    center = random_point(shape, rng)
    y, x = np.mgrid[: shape[0], : shape[1]]
    squeeze = rng.uniform(0.5, 1.0)
    far = np.hypot((x - center[0]) / radius, (y - center[1]) / (radius * squeeze))
    noise = fractal_noise(shape, rng, size=radius)
    height = 1 - far + 0.45 * noise
    return np.asarray(np.clip(height * radius / max(1.0, 0.02 * min(shape)), 0, 1), np.float32)


def fractal_noise(shape: tuple[int, int], rng: np.random.Generator, *, size: float) -> Cover:
    """[H, W] noise of mean 0 and standard deviation 1 with blots of `size` pixels and, fainter, finer ones."""
    total = np.zeros(shape, np.float32)
    for octave in range(3):
        cells = [max(LEAST_NOISE_CELLS, int(side / max(1.0, size) * 2**octave)) for side in shape]
        coarse = rng.standard_normal(cells).astype(np.float32)
        total += cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.asarray((total - total.mean()) / (total.std() + 1e-6), np.float32)


def blurred(cover: Cover, sigma: float) -> Cover:
    """The cover with soft edges, `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), max(sigma, 0.3)), np.float32)


def union(covers: Sequence[Cover]) -> Cover:
    """What any of them covers."""
    return np.asarray(np.max(covers, axis=0), np.float32)


def blend(under: Pixels, over: ArrayLike, cover: Cover) -> Pixels:
    """Lay `over` ([H, W, 3] or a colour, any range) on `under` where the cover says so; clipped to 0..255."""
    share = cover[..., None]
    mixed = under * (1 - share) + np.asarray(over, np.float32) * share
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
