"""POST /api/v1/score: a picture is scored by the running worker, for an integrator's test; nothing is recorded."""

import base64
import json
import socket
import threading
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi import HTTPException as Refused
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from dashboard.overlay import HeatScale, heatmap, png
from dashboard.people.person import Operator
from dashboard.site import SiteOf
from dashboard.views import Box
from edge.ledger.media import decode_map
from edge.verdict import Outcome

router = APIRouter(prefix="/api/v1", tags=["line"])

MOST_BYTES = 32 << 20
TIMEOUT_S = 30.0  # the worker itself gives up before
NO_WORKER = "No worker runs here to score it. Start the line: edge run --camera ..."
SILENT = f"The worker did not answer within {TIMEOUT_S:.0f} s: it is busy, or it hangs. Ask again, or look at its log."
BROKEN_OFF = "The worker did not answer to the end ({error}). Ask again, or look at its log."
PICTURES = ("image/jpeg", "image/png")
_turns = threading.BoundedSemaphore(2)  # at once; who waits here holds one of the page's threads

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"picture": {"type": "string", "format": "binary"}},
                    "required": ["picture"],
                }
            },
        },
    }
}


class ScoreView(BaseModel):
    """What the line says of a picture."""

    outcome: Outcome
    reason: str | None
    score: float | None
    threshold: float | None
    defect_threshold: float | None
    recipe: str | None
    head_scores: dict[str, float]
    head_limits: dict[str, float]
    boxes: list[Box]
    nearest_reference: str | None
    nearest_distance: float | None
    scale_low: float | None
    scale_mark: float | None
    scale_high: float | None
    category: str | None
    bundle: str | None = Field(description="content hash of the bundle that judged")
    bundle_name: str | None
    width: int
    height: int
    map: str | None = Field(description="base64 of a 16-bit PNG; its value v stands for v / 65535 * map_top")
    map_top: float | None
    heatmap: str | None = Field(default=None, description="base64 of an RGBA PNG: the map on its bundle's fixed scale")


@router.post("/score", openapi_extra=BODY)
async def score(
    request: Request,
    site: SiteOf,
    person: Operator,
    category: Annotated[str | None, Query(max_length=100, description="what it shows; none: at most unsure")] = None,
) -> ScoreView:
    """Score one picture with the bundle in use, by the worker of the running line and between its batches.

    Nothing is recorded. 413 for more than 32 MiB or 50 megapixels, 415 and 422 for what is no picture, 422 for an
    unknown category, 429 while others ask, 503 if no worker runs or it does not come to it, 504 if it does not answer.
    """
    picture = await _picture(request)
    if not _turns.acquire(blocking=False):
        raise Refused(429, "Others are having pictures scored; ask again.", headers={"Retry-After": "1"})
    try:
        status, said = await run_in_threadpool(ask_worker, site.settings.score_socket, picture, category)
    finally:
        _turns.release()
    if status != 200:
        raise Refused(status, said["detail"])
    view = ScoreView.model_validate(said)
    return view.model_copy(update={"heatmap": await run_in_threadpool(_heatmap, view)})


def ask_worker(path: Path, picture: bytes, category: str | None) -> tuple[int, dict[str, Any]]:
    """The worker's answer, status and JSON; 503 if there is none, 504 if it stays out."""
    connection = _UnixConnection(path)
    query = urlencode({"category": category}) if category else ""
    try:
        connection.request("POST", f"/score?{query}", body=picture)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (FileNotFoundError, ConnectionRefusedError):
        return 503, {"detail": NO_WORKER}
    except TimeoutError:
        return 504, {"detail": SILENT}
    except (OSError, HTTPException) as error:
        return 503, {"detail": BROKEN_OFF.format(error=error or type(error).__name__)}
    finally:
        connection.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


async def _picture(request: Request) -> bytes:
    """The picture in a request's body."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise Refused(411, "Send the picture with its Content-Length.")
    if int(length) > MOST_BYTES:
        raise Refused(413, f"A picture may have {MOST_BYTES >> 20} MiB; this request has {int(length)} bytes.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in PICTURES:
        return await request.body()
    if kind != "multipart/form-data":
        raise Refused(415, "Send image/jpeg, image/png, or multipart/form-data with a file `picture`.")
    async with request.form(max_files=1, max_fields=1) as form:
        sent = form.get("picture")
        if not isinstance(sent, UploadFile):
            raise Refused(422, "The form has no file `picture`.")
        return await sent.read()


def _heatmap(view: ScoreView) -> str | None:
    if view.map is None or view.map_top is None or view.scale_low is None or view.scale_high is None:
        return None
    anomaly_map = decode_map(base64.b64decode(view.map), top=view.map_top)
    if anomaly_map is None or view.scale_low >= view.scale_high:
        return None
    drawn = heatmap(
        anomaly_map,
        HeatScale(view.scale_low, view.scale_high, view.scale_mark),
        width=view.width,
        height=view.height,
    )
    return base64.b64encode(png(drawn)).decode()
