"""The pictures of the page that is signed: what counts of a part, the references, and the part that sets the limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.leave_one_out import left_out_rows
from calibration.thumbnail import data_address, thumbnail
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.vision.area import mask_from_png, scaled
from edge.vision.bundle_area import AREA_FILE
from edge.vision.manifest import Manifest
from edge.vision.part_box import PartBox

LARGE_SIDE, SMALL_SIDE = 420, 150
"""Pixels of a picture's longer side, at most."""

MOST_REFERENCES = 200
"""References that are shown; all are named."""

DIMMED = 0.25
"""Brightness of what does not count, where what counts has 1."""

EDGE, BOX = (255, 0, 255), (0, 220, 255)
"""Colours (RGB) of the outlines of what counts and of the closer look."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on the page: its address, which holds it, and what is said below it; learned: see Reference."""

    address: str
    caption: str
    learned: bool = False


def what_counts(made: Manifest, folder: Path) -> str:
    """The first reference with all dimmed that does not count, and a frame around the closer look, as an address."""
    pixels = read_picture(folder / "references" / made.references[0].file).copy()
    if made.area is not None:
        _dim_the_rest(pixels, (folder / AREA_FILE).read_bytes())
    if made.part_box is not None:
        _frame(pixels, made.part_box)
    return _address(pixels, LARGE_SIDE)


def references(made: Manifest, folder: Path) -> Iterator[Figure]:
    """The first MOST_REFERENCES references, each with its source, size, and score against the others if it has one."""
    scores = _scores_by_row(made)
    for row, each in enumerate(made.references[:MOST_REFERENCES]):
        pixels = read_picture(folder / "references" / each.file)
        said = [each.source, f"{pixels.shape[1]} x {pixels.shape[0]}"]
        if row in scores:
            sets = not made.calibration.good and scores[row] == made.threshold
            said.append(f"against the others {scores[row]:.3f}{', which sets the threshold' if sets else ''}")
        yield Figure(_address(pixels, SMALL_SIDE), ", ".join(said), each.learned)


def limit_part(made: Manifest, folder: Path) -> Figure | None:
    """The good part whose score is the threshold, if the bundle keeps its picture."""
    for part in made.calibration.good:
        for kept in made.check:
            if kept.good and kept.source == part.source and part.score == made.threshold:
                pixels = read_picture(folder / kept.file)
                return Figure(_address(pixels, LARGE_SIDE), f"{part.source}, {part.score:.3f}")
    return None


def _scores_by_row(made: Manifest) -> dict[int, float]:
    """By a reference's place, its score against the others; none if it cannot be told which were scored."""
    taken = [row for row, each in enumerate(made.references) if not each.learned]
    drawn = [taken[index] for index in left_out_rows(len(taken))]
    scores = made.calibration.loo_scores
    return dict(zip(drawn, scores, strict=True)) if len(drawn) == len(scores) else {}


def _dim_the_rest(pixels: Pixels, area_png: bytes) -> None:
    height, width = pixels.shape[:2]
    mask = scaled(mask_from_png(area_png), width=width, height=height)
    pixels[~mask] = (pixels[~mask] * DIMMED).astype(np.uint8)
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(pixels, outlines, -1, EDGE, _thick(pixels))


def _frame(pixels: Pixels, box: PartBox) -> None:
    height, width = pixels.shape[:2]
    first = round(box.left * width), round(box.top * height)
    last = round(box.right * width) - 1, round(box.bottom * height) - 1
    cv2.rectangle(pixels, first, last, BOX, _thick(pixels))


def _thick(pixels: Pixels) -> int:
    """A line that is two pixels wide in the picture as it is shown."""
    height, width = pixels.shape[:2]
    return max(1, int(2 * max(height, width) / LARGE_SIDE))


def _address(pixels: Pixels, side: int) -> str:
    return data_address(thumbnail(pixels, side=side))
