"""A part of the picture that somebody drew: a mask image, or polygons in a JSON file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import EdgeError
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.vision.area import Mask, scaled

Polygon = Sequence[tuple[float, float]]
"""Corners (x, y) as shares of the picture's width and height, 0..1."""

ASPECT_TOLERANCE = 0.01
MOST_GREY = 0.05
"""Share of a mask's pixels that may be neither black nor white, as smoothed or compressed edges are."""

FORMAT = "a list of polygons of at least three corners, [x, y] from 0 to 1: [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.8]]]"
SUBPIXEL_BITS = 8
NOMINAL_SIDE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRegion:
    """What a file says, before it is known how large the pictures are: polygons, or else a mask."""

    file: Path
    polygons: Sequence[Polygon] = ()
    mask: Mask | None = None

    def mask_of(self, *, width: int, height: int) -> Mask:
        """[H, W], true inside. Raises EdgeError if a mask image has another aspect than the picture."""
        if self.mask is None:
            return _filled(self.polygons, width=width, height=height)
        high, wide = self.mask.shape
        if abs(wide * height / (high * width) - 1) > ASPECT_TOLERANCE:
            raise EdgeError(
                f"{self.file} has {wide} x {high} pixels, which is another aspect than {width} x {height}. "
                "Draw the mask over one of the pictures."
            )
        return scaled(self.mask, width=width, height=height)


def read_region(file: Path) -> DrawnRegion:
    """Polygons from a .json file, else a mask image, white inside. Raises EdgeError for what is neither."""
    if file.suffix.lower() == ".json":
        return DrawnRegion(file, polygons=_polygons(file))
    grey = read_picture(file).max(axis=2)
    between = float(((grey > 32) & (grey < 224)).mean())
    if between > MOST_GREY:
        raise EdgeError(
            f"{file} is no mask: {between:.0%} of its pixels are neither black nor white. "
            f"Give a black and white picture, or a .json file with {FORMAT}."
        )
    return DrawnRegion(file, mask=grey > 127)


def region_of(polygons: Sequence[object], place: Path) -> DrawnRegion | None:
    """What was drawn elsewhere than in a file, `place` in messages; None of no polygons. Raises EdgeError as above."""
    checked = [_polygon(corners, number, place) for number, corners in enumerate(polygons, 1)]
    return DrawnRegion(place, polygons=checked) if checked else None


def area_mask(area: DrawnRegion | None, ignore: DrawnRegion | None, *, width: int, height: int) -> Mask | None:
    """What counts: inside `area`, outside `ignore`; None if neither was drawn.

    Raises EdgeError if nothing counts, or if all does and so nothing was said.
    """
    drawn = [region for region in (area, ignore) if region is not None]
    if not drawn:
        return None
    mask = np.ones((height, width), dtype=bool)
    if area is not None:
        mask &= area.mask_of(width=width, height=height)
    if ignore is not None:
        mask &= ~ignore.mask_of(width=width, height=height)
    files = " and ".join(str(region.file) for region in drawn)
    if not mask.any():
        raise EdgeError(
            f"with {files} nothing of the picture counts. White or inside counts with --area, not --ignore."
        )
    if mask.all():
        raise EdgeError(f"with {files} all of the picture counts, as it does without. Leave the option out, or redraw.")
    return mask


def check_regions(area: DrawnRegion | None, ignore: DrawnRegion | None) -> None:
    """Say before pictures are there what cannot work: raises EdgeError as `area_mask`."""
    masks = [region.mask for region in (area, ignore) if region is not None and region.mask is not None]
    height, width = masks[0].shape if masks else (NOMINAL_SIDE, NOMINAL_SIDE)
    area_mask(area, ignore, width=width, height=height)


def _polygons(file: Path) -> list[Polygon]:
    try:
        drawn = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise EdgeError(f"{file} cannot be read as JSON ({error}). It should hold {FORMAT}.") from error
    if not isinstance(drawn, list) or not drawn:
        raise EdgeError(f"{file} holds no polygon. It should hold {FORMAT}.")
    return [_polygon(corners, number, file) for number, corners in enumerate(drawn, 1)]


def _polygon(corners: object, number: int, file: Path) -> Polygon:
    if not isinstance(corners, list) or len(corners) < 3:
        count = len(corners) if isinstance(corners, list) else 0
        raise EdgeError(f"{file}: polygon {number} has {count} corners, at least 3 are needed. Give {FORMAT}.")
    polygon = [_corner(corner, number, file) for corner in corners]
    if cv2.contourArea(cv2.convexHull(np.array(polygon, np.float32))) == 0:
        raise EdgeError(f"{file}: the corners of polygon {number} lie on one line, so that nothing is inside.")
    return polygon


def _corner(corner: object, number: int, file: Path) -> tuple[float, float]:
    if isinstance(corner, list) and len(corner) == 2 and all(type(value) in (int, float) for value in corner):
        x, y = corner
        if 0 <= x <= 1 and 0 <= y <= 1:
            return float(x), float(y)
    raise EdgeError(
        f"{file}: polygon {number} has the corner {json.dumps(corner)}, which is not within the picture: two shares of "
        f"its width and height, 0 to 1, are needed. It should hold {FORMAT}."
    )


def _filled(polygons: Sequence[Polygon], *, width: int, height: int) -> Mask:
    """[H, W]: true in any of the polygons, and where an outline touches a pixel."""
    mask = np.zeros((height, width), np.uint8)
    for corners in polygons:
        pixels = np.array(corners) * (width, height) - 0.5
        fixed = np.round(pixels * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 1, shift=SUBPIXEL_BITS)
    return mask > 0
