"""What the shipped adapters of `lite` learn from: pictures whose licence allows it, seen in ever new ways."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from calibration.lite.procedural_defects import Mask, with_defect
from calibration.lite.procedural_surfaces import surface
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.demo import draw_look, noise_tiles, render
from edge.line.demo_board import draw_board
from edge.line.demo_defects import DEFECTS
from edge.line.opencv import cv2
from edge.line.picture import is_picture, read_picture

LICENSED = {"hazelnut_toy": "CC-BY-4.0", "cookie": "CC-BY-SA-4.0"}
"""Folders of pictures that the shipped adapters may learn from, and their licences."""

DRAWN = ("demo", "surfaces")
"""Origins of pictures that our own code draws."""

BOARDS = 24
"""Good boards of the demo, and as many defective ones."""

LEAST_SIDE, MOST_SIDE = 160, 420
"""Pixels; a cut-out is brought to a random size between them before a defect is drawn onto it."""

DEMO_CHANGE = 8
"""Grey levels from which on a demo board's pixel counts as changed by its defect."""

KINDS, SHARES = ("real defect", "drawn defect", "good"), (0.3, 0.45, 0.25)
"""What a picture shows, and how often; an origin without real defects gives drawn ones in their place."""

Generator = np.random.Generator
Some = TypeVar("Some")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A picture, [H, W, 3] uint8 RGB, with its mask, [H, W], True where defective."""

    pixels: Pixels
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What there is to learn from.

    good:    by origin, good pictures; an origin without any is drawn anew each time (`surfaces`)
    bad:     by origin, defective ones with their masks
    files:   every file they were read from
    """

    good: dict[str, list[Pixels]]
    bad: dict[str, list[Known]]
    files: tuple[Path, ...]


def read_pictures(data: Path, origins: Collection[str]) -> Pictures:
    """The pictures of some origins: those of LICENSED from the folders `data`/NAME, those of DRAWN from our own code.

    A defective picture without a mask is not used. Raises EdgeError naming a folder that is not there, or an origin
    that is not one of these.
    """
    if unknown := [name for name in origins if name not in (*LICENSED, *DRAWN)]:
        raise EdgeError(f"no training on {unknown[0]!r}. There is: {', '.join((*LICENSED, *DRAWN))}.")
    good: dict[str, list[Pixels]] = {}
    bad: dict[str, list[Known]] = {}
    files: list[Path] = []
    for name in (name for name in LICENSED if name in origins):
        fine = _files(data / name / "normal") + _files(data / name / "test" / "good")
        faulty = [file for file in _files(data / name / "test" / "defect") if _mask_of(file).is_file()]
        good[name] = [read_picture(file) for file in fine]
        bad[name] = [Known(read_picture(file), read_picture(_mask_of(file))[..., 0] > 0) for file in faulty]
        files += fine + faulty
    if "demo" in origins:
        good["demo"], bad["demo"] = demo_pictures(BOARDS)
    if "surfaces" in origins:
        good["surfaces"], bad["surfaces"] = [], []
    return Pictures(good, bad, tuple(files))


def demo_pictures(count: int) -> tuple[list[Pixels], list[Known]]:
    """`count` good boards of the demo and as many defective ones; a mask is where a defect changed the picture."""
    drawing, tiles = draw_board(), noise_tiles(np.random.default_rng((0, 0)))
    good, bad = [], []
    for number in range(count):
        rng = np.random.default_rng((0, 1, number))
        look = draw_look(rng, tiles, parts=len(drawing.parts))
        good.append(render(drawing, look, truth=None, rng=rng))
        faulty = render(drawing, look, truth=list(DEFECTS)[number % len(DEFECTS)], rng=rng)
        changed = (cv2.absdiff(good[-1], faulty).max(axis=2) >= DEMO_CHANGE).astype(np.uint8)
        closed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        bad.append(Known(faulty, closed > 0))
    return good, bad


def shown(pictures: Pictures, rng: Generator) -> Known:
    """One picture to learn from: a real defect, a drawn one or none, cut out and lit in a random way, often grey."""
    kind, origin = rng.choice(KINDS, p=SHARES), _any(sorted(pictures.good), rng)
    if kind == "real defect" and pictures.bad[origin]:
        return lit(cut(_any(pictures.bad[origin], rng), rng), rng)
    whole = _good(pictures, origin, rng)
    part = cut(Known(whole, np.zeros(whole.shape[:2], np.bool_)), rng)
    if kind == "good":
        return lit(part, rng)
    other = _good(pictures, _any(sorted(pictures.good), rng), rng)
    return lit(Known(*with_defect(part.pixels, other, rng)), rng)


def cut(known: Known, rng: Generator) -> Known:
    """The whole picture or a cut-out down to a sixth a side, turned by right angles, mirrored, at a random size."""
    height, width = known.mask.shape
    share = np.ones(2) if rng.random() < 0.3 else np.maximum(0.16, rng.uniform(0.2, 1) * rng.uniform(0.6, 1, 2))
    h, w = (np.array([height, width]) * share).astype(int)
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    turns, step = int(rng.integers(4)), int(rng.choice([1, -1]))
    size = int(rng.integers(LEAST_SIDE, MOST_SIDE + 1)), int(rng.integers(LEAST_SIDE, MOST_SIDE + 1))
    pixels, mask = (
        np.ascontiguousarray(np.rot90(image[y : y + h, x : x + w], turns)[:, ::step])
        for image in (known.pixels, known.mask.astype(np.uint8))
    )
    method = cv2.INTER_LINEAR if size[0] > pixels.shape[1] else cv2.INTER_AREA
    grown = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    return Known(grown, np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)) > 0)


def lit(known: Known, rng: Generator) -> Known:
    """The same under another light and camera: grey or tinted, darker or lighter, uneven, noisy, a little blurred."""
    pixels: NDArray[np.floating] = known.pixels.astype(np.float32)
    if rng.random() < 0.45:
        pixels = np.repeat(pixels @ rng.dirichlet((2, 3, 1))[:, None], 3, axis=2)
    else:
        pixels = pixels[..., rng.permutation(3)] if rng.random() < 0.3 else pixels
        pixels = pixels * rng.uniform(0.85, 1.15, 3)
    pixels = 255 * np.clip(pixels / 255, 0, 1) ** rng.uniform(0.6, 1.7)
    pixels = pixels * rng.uniform(0.35, 1.15) + rng.uniform(0, 30)
    y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    slope = rng.normal(0, 0.15, 2)
    pixels = pixels * (1 + slope[0] * y + slope[1] * x)[..., None]
    if rng.random() < 0.4:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.6)))
    noise = rng.standard_normal((*pixels.shape[:2], 1), np.float32)
    pixels = pixels + rng.uniform(0, 6) * noise
    return Known(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), known.mask)


def _good(pictures: Pictures, origin: str, rng: Generator) -> Pixels:
    """One good picture of an origin; a surface is drawn."""
    if pictures.good[origin]:
        return _any(pictures.good[origin], rng)
    return surface((int(rng.integers(240, 521)), int(rng.integers(240, 521))), rng)


def _any(some: Sequence[Some], rng: Generator) -> Some:
    return some[int(rng.integers(len(some)))]


def _mask_of(file: Path) -> Path:
    return file.parents[2] / "masks" / f"{file.stem}.png"


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise EdgeError(f"{folder}: no such folder. Give --data the folder that holds {' and '.join(LICENSED)}.")
    return sorted(file for file in folder.iterdir() if is_picture(file))
