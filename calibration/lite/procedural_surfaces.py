"""Good surfaces drawn by rule: brushed, grained, mottled, woven or plain, with the edges and bands that parts have."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.lite.defect_brushes import fractal_noise
from edge.frame import Pixels
from edge.line.opencv import cv2

Relief = NDArray[np.float32]
"""[H, W] of mean 0 and about standard deviation 1: brightness around a surface's own."""

Generator = np.random.Generator


def surface(shape: tuple[int, int], rng: Generator) -> Pixels:
    """[H, W, 3] uint8 RGB: one to three bands side by side, each of one random material, under uneven light."""
    pixels = np.zeros((*shape, 3), np.float32)
    cuts = np.sort(rng.uniform(0.04, 0.96, int(rng.choice([0, 0, 1, 2])))) * shape[1]
    edges = [0, *(int(cut) for cut in cuts), shape[1]]
    for left, right in pairwise(edges):
        pixels[:, left:right] = material(shape, rng)[:, left:right]
    pixels *= 1 + 0.15 * rng.random() * fractal_noise(shape, rng, size=0.7 * max(shape))[..., None]
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def material(shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    """[H, W, 3] float32: a colour with the relief of one or two kinds of surface."""
    kinds = list(RELIEFS.values())
    relief = kinds[rng.integers(len(kinds))](shape, rng)
    if rng.random() < 0.5:
        relief = relief + rng.uniform(0.2, 1) * kinds[rng.integers(len(kinds))](shape, rng)
    color = rng.uniform(25, 215) * rng.uniform(0.7, 1.2, 3)
    return np.asarray(color * (1 + rng.uniform(0.02, 0.22) * relief[..., None]), np.float32)


def brushed(shape: tuple[int, int], rng: Generator) -> Relief:
    """Fine parallel lines of differing length and strength, as of grinding or drawing."""
    length = max(2, int(rng.uniform(0.05, 1.2) * shape[0]))
    coarse = rng.standard_normal((max(2, shape[0] // length + 1), shape[1])).astype(np.float32)
    lines = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return _standard(cv2.GaussianBlur(lines, (0, 0), sigmaX=rng.uniform(0.3, 2.5), sigmaY=0.5))


def grained(shape: tuple[int, int], rng: Generator) -> Relief:
    """Fine grain, as of castings, paper or leather."""
    noise = rng.standard_normal(shape).astype(np.float32)
    return _standard(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.4, 2.5)))


def mottled(shape: tuple[int, int], rng: Generator) -> Relief:
    """Soft blots of every size, as of stone, wood or oxide."""
    return fractal_noise(shape, rng, size=min(shape) * 10 ** rng.uniform(-1.6, -0.4))


def woven(shape: tuple[int, int], rng: Generator) -> Relief:
    """A regular pattern in one or two directions, as of fabric, mesh or tiles."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    period = min(shape) * 10 ** rng.uniform(-1.7, -0.7)
    waves = np.sin(2 * np.pi * x / period) + rng.integers(2) * np.sin(2 * np.pi * y / (period * rng.uniform(0.7, 1.4)))
    return _standard(waves + 0.3 * rng.standard_normal(shape))


def plain(shape: tuple[int, int], rng: Generator) -> Relief:
    """Next to nothing, as of paint or plastic."""
    return np.asarray(0.15 * rng.standard_normal(shape), np.float32)


def _standard(relief: ArrayLike) -> Relief:
    values = np.asarray(relief, np.float32)
    return np.asarray((values - values.mean()) / (values.std() + 1e-6), np.float32)


RELIEFS: dict[str, Callable[[tuple[int, int], Generator], Relief]] = {
    "brushed": brushed,
    "grained": grained,
    "mottled": mottled,
    "woven": woven,
    "plain": plain,
}
"""Kind of surface -> its relief."""
