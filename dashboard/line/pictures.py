"""Each camera's latest picture, read once for all browsers that look."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field

from dashboard import words
from dashboard.overlay import HeatScale, heatmap, png
from edge.ledger.live import LiveFrame, read_live
from edge.ledger.media import decode_map

LOOK_EVERY_S = 0.1
HEAT_SIDE = 320
"""Pixels of the live heatmap's longer side; the browser enlarges it smoothly to the picture."""


class LivePicture(BaseModel):
    """The facts of a live picture. After them come its JPEG and its heatmap as RGBA PNG, of these lengths."""

    camera: str
    run: str
    seq: int
    age_s: float = Field(description="since its capture, by the clock of this machine, or since it is known")
    at: str = Field(description="time of day of its capture, in the station's time zone")
    outcome: str
    reason: str | None = Field(description="in words")
    score: float | None
    threshold: float | None
    category: str | None
    width: int = Field(description="of the picture as it was taken, in whose pixels the boxes are")
    height: int
    boxes: list[tuple[int, int, int, int]] = Field(description="x0, y0 inside, x1, y1 just outside")
    jpeg_bytes: int
    heat_bytes: int = Field(description="0: it has no map")


@dataclass(slots=True)
class _Seen:
    """A live file as it was read. stamp: tells it from its successor;  heat: drawn when somebody asks first.

    first_s: when it was read first, monotonic
    """

    stamp: tuple[int, int]
    frame: LiveFrame
    first_s: float
    heat: bytes | None = None


class LivePictures:
    """What lies in the folder of live pictures. Safe to use from many threads; reads each file once, however many look.

    A camera's name from an address is looked up among the files that are there, and never becomes a path.
    """

    def __init__(self, live: Path) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._looked_s = -LOOK_EVERY_S

    def newest(self) -> dict[str, tuple[str, int]]:
        """By camera, run and number of its latest picture."""
        with self._lock:
            self._look()
            return {camera: (seen.frame.facts.run, seen.frame.facts.seq) for camera, seen in self._seen.items()}

    def picture(self, camera: str) -> bytes | None:
        """The camera's LivePicture as a line of JSON, then its JPEG, then its heatmap; None if there is none."""
        with self._lock:
            self._look()
            seen = self._seen.get(camera)
            if seen is None:
                return None
            if seen.heat is None:
                seen.heat = _heat(seen.frame)
        known_s = time.monotonic() - seen.first_s
        facts = described(seen.frame, heat_bytes=len(seen.heat), now_ns=time.time_ns(), known_s=known_s)
        return b"".join([facts.model_dump_json().encode(), b"\n", seen.frame.jpeg, seen.heat])

    def _look(self) -> None:
        if time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        there = {path.name: path for path in self._live.glob("[!.]*")}
        self._seen = {camera: seen for camera, path in there.items() if (seen := self._read(camera, path))}

    def _read(self, camera: str, path: Path) -> _Seen | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        stamp, before = (status.st_mtime_ns, status.st_ino), self._seen.get(camera)
        if before and before.stamp == stamp:
            return before
        frame = read_live(path)
        return before if frame is None else _Seen(stamp, frame, time.monotonic())


def described(frame: LiveFrame, *, heat_bytes: int, now_ns: int, known_s: float) -> LivePicture:
    """The facts of a live picture as they are at `now_ns`. known_s: how long this server has had it, monotonic.

    The age counts from the earlier one of the capture's and the worker's clock, what was written in the future is as
    old as it is far away, and none is younger than `known_s`, whatever a clock that is set says.
    """
    facts = frame.facts
    stamped_s = abs(now_ns - min(facts.captured_ns, facts.written_ns)) / 1e9
    return LivePicture(
        **facts.model_dump(include={"camera", "run", "seq", "outcome", "score", "threshold", "category", "width",
                                    "height", "boxes", "jpeg_bytes"}),
        age_s=max(stamped_s, known_s),
        at=words.clock_ns(facts.captured_ns),
        reason=words.reason(facts.reason) or None,
        heat_bytes=heat_bytes,
    )  # fmt: skip


def _heat(frame: LiveFrame) -> bytes:
    """The map on its bundle's fixed scale as PNG, empty if there is no map or no scale."""
    facts = frame.facts
    if facts.map_top is None or facts.scale_low is None or facts.scale_high is None:
        return b""
    anomaly_map = decode_map(frame.map_png, top=facts.map_top)
    if anomaly_map is None or facts.scale_low >= facts.scale_high:
        return b""
    shrink = HEAT_SIDE / max(facts.width, facts.height)
    size = {"width": max(1, round(facts.width * shrink)), "height": max(1, round(facts.height * shrink))}
    return png(heatmap(anomaly_map, HeatScale(facts.scale_low, facts.scale_high, facts.scale_mark), **size))
