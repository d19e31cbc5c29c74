"""Pictures and maps of flagged frames, as files under the media folder, by date."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePath

import cv2
import numpy as np

from edge.durable import make_folder, sync_folder, write_whole
from edge.errors import EdgeError
from edge.frame import FrameInfo, Pixels
from edge.verdict import AnomalyMap

JPEG_QUALITY = 95
MAP_LEVELS = 65535
ENDINGS = (".jpg", ".png", ".jpg.part", ".png.part")
NAME = re.compile(rf"([0-9]{{8,18}})({'|'.join(map(re.escape, ENDINGS))})")


def media_stem(info: FrameInfo) -> str:
    """Where a frame's files go, without ending: `2026-11-21/<run>/<camera>/00000017`, by UTC date of capture."""
    day = datetime.fromtimestamp(info.captured_ns / 1e9, tz=UTC).date().isoformat()
    return f"{day}/{info.run}/{info.camera}/{info.seq:08d}"


def write_picture(media: Path, stem: str, pixels: Pixels) -> str:
    """Write [H, W, 3] uint8 RGB as a JPEG (quality 95) that is on disk when this returns; returns its relative path."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return _write(
        media, f"{stem}.jpg", cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    )


def write_map(media: Path, stem: str, anomaly_map: AnomalyMap, *, top: float) -> str:
    """Write an anomaly map as 16-bit PNG whose 65535 stands for `top`; larger values are clipped to it."""
    return _write(media, f"{stem}.png", encode_map(anomaly_map, top=top))


def encode_map(anomaly_map: AnomalyMap, *, top: float) -> bytes:
    """An anomaly map as `write_map` writes it."""
    levels = np.clip(anomaly_map / top * MAP_LEVELS, 0, MAP_LEVELS).round().astype(np.uint16)
    return cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def drop_media(media: Path, stem: str) -> None:
    """Remove whatever files a frame has, whole or in parts; none is fine."""
    for ending in ENDINGS:
        (media / f"{stem}{ending}").unlink(missing_ok=True)


def read_map(path: Path, *, top: float) -> AnomalyMap:
    """Read what `write_map` wrote: [h, w] float32, exact to top / 131070. Raises EdgeError if it cannot be read."""
    found = decode_map(path.read_bytes(), top=top) if path.is_file() else None
    if found is None:
        raise EdgeError(f"anomaly map {path} is missing or damaged; `edge verify` lists all such files.")
    return found


def decode_map(png: bytes, *, top: float) -> AnomalyMap | None:
    """What `encode_map` encoded, exact to top / 131070; None for what it never wrote."""
    levels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) if png else None
    if levels is None or levels.dtype != np.uint16:
        return None
    return (levels.astype(np.float32) * np.float32(top / MAP_LEVELS)).astype(np.float32)


def sync_media(media: Path, stems: Iterable[str]) -> None:
    """Have the names of these frames' files on disk, too; `write_picture` and `write_map` see to their bytes."""
    for folder in {(media / stem).parent for stem in stems}:
        sync_folder(folder)


def frame_of(path: PurePath) -> tuple[str, str, int] | None:
    """The (run, camera, number) whose file this is, `path` being relative to the media folder.

    None for any other name than the writer gives; that the day is the frame's is for the caller to see.
    """
    found = NAME.fullmatch(path.name)
    if len(path.parts) != 4 or not found:
        return None
    return path.parts[1], path.parts[2], int(found[1])


def _write(media: Path, relative: str, encoded: bytes) -> str:
    path = media / relative
    make_folder(path.parent)
    write_whole(path, encoded)
    return relative
