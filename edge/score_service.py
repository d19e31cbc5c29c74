"""Scores a picture for whoever asks on this machine, beside the line's work, over HTTP on a Unix socket, unrecorded.

POST /score?category=NAME with a JPEG or PNG as body is answered with JSON: 200 and what the line would say of the
picture, 413 and 422 for what it does not take, 503 if others wait or the line did not come to it. The page forwards
such requests.
"""

import base64
import json
import logging
import re
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.ledger.media import encode_map
from edge.ledger.writer import MAP_TOP
from edge.line.picture import decode_picture
from edge.private_folder import private_folder
from edge.verdict import Verdict

log = logging.getLogger(__name__)

MOST_BYTES = 32 << 20
MOST_PIXELS = 50_000_000  # decoded, 150 MB
MOST_ASKING = 4  # at once, the one whose turn it is among them
PATIENCE_S = 20.0  # from the question to the verdict; the line's own frames go first
SOCKET_TIMEOUT_S = 10.0
OTHERS = {"detail": "others are having pictures scored; ask again"}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A picture that somebody wants to have scored.

    pixels:  [H, W, 3] uint8 RGB;  until_s: when they wait no more, monotonic
    verdict: cancelled once nobody waits for it
    """

    pixels: Pixels
    category: str | None
    until_s: float
    verdict: "Future[Verdict]" = field(default_factory=Future)


class ScoreService:
    """Listens until closed; hands on one picture at a time."""

    def __init__(self, path: Path, score: Callable[[Asked], Verdict], name_of: Callable[[str], str | None]) -> None:
        """Begin to listen at `path`; what a dead worker left there is removed. Raises OSError.

        score: the verdict on a picture; it raises EdgeError for a category that it does not know, and TimeoutError
        name_of: what people call the bundle with this content hash
        """
        private_folder(path.parent)
        path.unlink(missing_ok=True)
        self._path, self._score, self._name_of = path, score, name_of
        self._places = threading.BoundedSemaphore(MOST_ASKING)
        self._one_at_a_time = threading.Lock()
        self._server = _Server(path, self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="score service", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def answer(self, category: str | None, picture: bytes) -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON for one request."""
        if not self._places.acquire(blocking=False):
            return 503, OTHERS
        try:
            return self._in_turn(category, picture, until_s=time.monotonic() + PATIENCE_S)
        finally:
            self._places.release()

    def _in_turn(self, category: str | None, picture: bytes, *, until_s: float) -> tuple[int, dict[str, Any]]:
        size = picture_size(picture)
        if size is None:
            return 422, _unreadable(picture)
        if size[0] * size[1] > MOST_PIXELS:
            most = f"{MOST_PIXELS // 1_000_000} megapixels"
            return 413, {"detail": f"the picture has {size[0]} x {size[1]} pixels; send one of {most} at most"}
        if not self._one_at_a_time.acquire(timeout=max(0.0, until_s - time.monotonic())):
            return 503, OTHERS
        try:
            return self._scored(category, picture, until_s=until_s)
        finally:
            self._one_at_a_time.release()

    def _scored(self, category: str | None, picture: bytes, *, until_s: float) -> tuple[int, dict[str, Any]]:
        pixels = decode_picture(picture)
        if pixels is None:
            return 422, _unreadable(picture)
        try:
            verdict = self._score(Asked(pixels, category, until_s))
        except EdgeError as error:
            return 422, {"detail": str(error)}
        except TimeoutError:
            return 503, {"detail": f"the line did not come to it within {PATIENCE_S:.0f} s; ask again"}
        name = self._name_of(verdict.bundle) if verdict.bundle else None
        return 200, described(verdict, height=pixels.shape[0], width=pixels.shape[1], bundle_name=name)


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG's or JPEG's header states, nothing is decoded; None if it is no such file."""
    for kind in (PngImageFile, JpegImageFile):  # not Image.open, which has its own, larger limit
        with suppress(SyntaxError, OSError, ValueError):
            return kind(BytesIO(content)).size
    return None


def _unreadable(picture: bytes) -> dict[str, Any]:
    return {"detail": f"these {len(picture)} bytes are no picture that can be read; send a JPEG or PNG"}


def described(verdict: Verdict, *, height: int, width: int, bundle_name: str | None) -> dict[str, Any]:
    """A verdict as JSON: map as base64 of a 16-bit PNG [h, w] whose value v stands for v / 65535 * map_top."""
    anomaly_map, scale, nearest = verdict.anomaly_map, verdict.scale, verdict.nearest
    png = None if anomaly_map is None else base64.b64encode(encode_map(anomaly_map, top=MAP_TOP)).decode()
    return {
        "outcome": verdict.outcome.value, "reason": verdict.reason and verdict.reason.value,
        "score": verdict.score, "threshold": verdict.threshold, "defect_threshold": verdict.defect_threshold,
        "recipe": verdict.recipe,
        "head_scores": dict(verdict.head_scores), "head_limits": dict(verdict.head_limits),
        "boxes": [asdict(region) for region in verdict.regions],
        "nearest_reference": nearest and nearest.reference, "nearest_distance": nearest and nearest.distance,
        "scale_low": scale and scale.low, "scale_mark": scale and scale.mark, "scale_high": scale and scale.high,
        "category": verdict.category, "bundle": verdict.bundle, "bundle_name": bundle_name,
        "width": width, "height": height, "map": png, "map_top": MAP_TOP if png else None,
    }  # fmt: skip


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, service: ScoreService) -> None:
        self.service = service
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SOCKET_TIMEOUT_S

    def do_POST(self) -> None:
        """Answer one request."""
        address = urlsplit(self.path)
        length = self.headers.get("Content-Length", "")
        if address.path != "/score":
            self._say(404, {"detail": "POST /score is what there is"})
        elif not re.fullmatch("[0-9]{1,9}", length) or int(length) > MOST_BYTES:
            self._say(413, {"detail": f"send a picture of {MOST_BYTES} bytes at most, with its Content-Length"})
        else:
            category = parse_qs(address.query).get("category", [None])[0]
            self._say(*self.server.service.answer(category, self.rfile.read(int(length))))

    def _say(self, status: int, said: Mapping[str, Any]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        """Who asks; a Unix socket's peer has no name."""
        return "local"

    def log_message(self, format: str, *args: object) -> None:
        """Into the worker's own log."""
        log.info("score service: " + format, *args)
