"""The latest picture of each camera, as one file that is replaced whole: facts, picture and map of one frame.

<live>/<camera>: one line of JSON (LiveFacts), then a JPEG, then the anomaly map as 16-bit PNG, as `media` writes it.
It is no part of the record: nothing is flushed to disk, and a restart may find an old one, which says how old it is.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from edge.frame import FrameInfo, Pixels
from edge.ledger.media import encode_map
from edge.verdict import Verdict

LONGEST_SIDE = 960
JPEG_QUALITY = 80


class LiveFacts(BaseModel):
    """What is known of the frame that a live file holds.

    written_ns:   wall clock of the worker;  captured_ns: of the capture, perhaps on another machine
    width, height: of the picture as it was taken, in whose pixels the boxes (x0, y0, x1, y1) are
    map_top:      the map value that 65535 stands for, None: there is no map
    jpeg_bytes, map_bytes: how long the two files are that follow
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: str
    run: str
    seq: int
    captured_ns: int
    written_ns: int
    outcome: str
    reason: str | None
    score: float | None
    threshold: float | None
    defect_threshold: float | None
    category: str | None
    bundle: str | None
    scale_low: float | None
    scale_mark: float | None
    scale_high: float | None
    width: int
    height: int
    boxes: list[tuple[int, int, int, int]]
    map_top: float | None
    jpeg_bytes: int
    map_bytes: int


class LiveFrame(BaseModel):
    """A live file's content: the facts, the JPEG, and the map's PNG (empty: there is no map)."""

    model_config = ConfigDict(frozen=True)

    facts: LiveFacts
    jpeg: bytes
    map_png: bytes


def write_live(live: Path, info: FrameInfo, verdict: Verdict, pixels: Pixels, *, map_top: float, now_ns: int) -> None:
    """Put this frame in the place of the camera's last one; who reads meanwhile gets one of the two, whole.

    pixels: [H, W, 3] uint8 RGB;  map_top: as for `media.write_map`
    """
    jpeg = _jpeg(pixels)
    map_png = b"" if verdict.anomaly_map is None else encode_map(verdict.anomaly_map, top=map_top)
    scale = verdict.scale
    facts = LiveFacts(
        camera=info.camera, run=info.run, seq=info.seq, captured_ns=info.captured_ns, written_ns=now_ns,
        outcome=verdict.outcome.value, reason=verdict.reason and verdict.reason.value,
        score=verdict.score, threshold=verdict.threshold, defect_threshold=verdict.defect_threshold,
        category=verdict.category, bundle=verdict.bundle,
        scale_low=scale and scale.low, scale_mark=scale and scale.mark, scale_high=scale and scale.high,
        height=pixels.shape[0], width=pixels.shape[1], boxes=[(r.x0, r.y0, r.x1, r.y1) for r in verdict.regions],
        map_top=map_top if map_png else None, jpeg_bytes=len(jpeg), map_bytes=len(map_png),
    )  # fmt: skip
    live.mkdir(parents=True, exist_ok=True)
    temporary = live / f".{info.camera}.part"  # no camera's name begins with a dot
    temporary.write_bytes(b"".join([facts.model_dump_json().encode(), b"\n", jpeg, map_png]))
    temporary.rename(live / info.camera)


def read_live(path: Path) -> LiveFrame | None:
    """What `write_live` wrote last; None if there is nothing, or something that this version does not know."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    header, _, rest = content.partition(b"\n")
    try:
        facts = LiveFacts.model_validate_json(header)
    except ValidationError:
        return None
    if len(rest) != facts.jpeg_bytes + facts.map_bytes:
        return None
    return LiveFrame(facts=facts, jpeg=rest[: facts.jpeg_bytes], map_png=rest[facts.jpeg_bytes :])


def forget_others(live: Path, cameras: Sequence[str]) -> None:
    """Remove the pictures of cameras that are not among these."""
    for path in live.glob("*"):
        if path.name not in cameras:
            path.unlink(missing_ok=True)


def _jpeg(pixels: Pixels) -> bytes:
    """[H, W, 3] RGB as a JPEG of LONGEST_SIDE pixels at most."""
    height, width = pixels.shape[:2]
    shrink = LONGEST_SIDE / max(height, width)
    if shrink < 1:
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
