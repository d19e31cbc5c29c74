"""Small pictures for cards and lists, made when first asked for and kept as files that can be made again."""

import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dashboard.overlay import HeatScale, heatmap, png
from edge.errors import EdgeError
from edge.ledger.media import read_map
from edge.ledger.thumbnails import thumbnail_path

log = logging.getLogger(__name__)
LONGEST_SIDE = 480
JPEG_QUALITY = 80


def kept(folder: Path, *, frame_id: int, captured_ns: int, ending: str, make: Callable[[], bytes]) -> Path | bytes:
    """A frame's file in `folder`, whole at any moment; `make` gives its content where there is none yet.

    If it cannot be written, its content: a full disk or a folder that is read-only takes no picture from the operator.
    """
    path = thumbnail_path(folder, frame_id=frame_id, captured_ns=captured_ns, ending=ending)
    if path.is_file():
        return path
    content = make()
    try:
        _write(path, content)
    except OSError as error:
        _warn_once(folder, error.strerror)
        return content
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        temporary.write_bytes(content)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@cache
def _warn_once(folder: Path, why: str) -> None:
    log.warning("thumbnails cannot be kept in %s: %s. They are made anew for each look.", folder, why)


def small_picture(picture: Path) -> bytes:
    """A picture file as a JPEG whose longer side has at most LONGEST_SIDE pixels. Raises EdgeError if it is damaged."""
    pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if pixels is None:
        raise EdgeError(f"picture {picture} is missing or damaged; `edge verify` lists missing ones.")
    height, width = pixels.shape[:2]
    size = small_size(width, height)
    if size != (width, height):
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def small_heatmap(map_file: Path, *, top: float, scale: HeatScale, width: int, height: int) -> bytes:
    """The heatmap that belongs on a picture's thumbnail, as PNG; width, height: the picture's."""
    small_width, small_height = small_size(width, height)
    return png(heatmap(read_map(map_file, top=top), scale, width=small_width, height=small_height))


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the thumbnail: the same shape, never larger than the picture."""
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * shrink)), max(1, round(height * shrink))
