"""POST /trigger: the plant says that a part is in front of the camera, and what it is called."""

import re
import socket
import threading
from typing import Annotated

import uvicorn
from fastapi import Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.base import RequestResponseEndpoint

from edge.errors import EdgeError
from edge.frame import PartIdentity
from edge.line.trigger import TriggerError, TriggerQueue, TriggerQueueFull

FRAME_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 3.0
MOST_BODY_BYTES = 4096  # of POST /trigger
MOST_CONNECTIONS = 64
Name = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=128)]


class TriggerRequest(BaseModel):
    """What the plant calls the part; every field may be left out."""

    model_config = ConfigDict(extra="forbid")

    part: Name | None = None
    lot: Name | None = None
    serial: Name | None = None


class TriggerServer:
    """The HTTP server, on a thread of its own."""

    def __init__(self, app: FastAPI, listener: socket.socket, queue: TriggerQueue) -> None:
        self.port: int = listener.getsockname()[1]
        self._queue = queue
        self._server = uvicorn.Server(_config(app))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="trigger-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer the requests that wait with 503, and stop listening."""
        self._queue.close()
        self._server.should_exit = True
        self._thread.join(CLOSE_TIMEOUT_S)  # a client that sends half a request must not hold up the line's stop


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        limit_concurrency=MOST_CONNECTIONS,
    )


def serve_trigger(
    queue: TriggerQueue,
    *,
    host: str,
    port: int,
    camera: str | None = None,
    run: str | None = None,
    timeout_s: float = FRAME_TIMEOUT_S,
) -> TriggerServer:
    """Listen for POST /trigger with JSON {part, lot, serial}; port 0 picks a free one (see TriggerServer.port).

    Answers 200 {run, camera, seq} once the frame is numbered, 422 for fields that it does not take, 429 when too many
    wait, 503 when no frame came within `timeout_s`, and 403 to a browser's page: only programs may trigger.
    Raises EdgeError if the address is in use or not of this machine.
    """
    return TriggerServer(trigger_app(queue, camera=camera, run=run, timeout_s=timeout_s), listen(host, port), queue)


def trigger_app(queue: TriggerQueue, *, camera: str | None, run: str | None, timeout_s: float) -> FastAPI:
    """The application behind `serve_trigger`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    where = {name: value for name, value in (("run", run), ("camera", camera)) if value is not None}

    @app.middleware("http")
    async def bounded(request: Request, answer: RequestResponseEndpoint) -> Response:
        length = request.headers.get("content-length", "0")
        size = re.fullmatch("0*([0-9]{1,4})", length)  # no more digits: it may begin with any number of zeros
        if "transfer-encoding" in request.headers or size is None or int(size[1]) > MOST_BODY_BYTES:
            return refusal(413, f"send {MOST_BODY_BYTES} bytes at most, with their Content-Length.")
        return await answer(request)

    @app.exception_handler(RequestValidationError)
    def not_taken(_: Request, error: Exception) -> Response:  # without what was sent, which may be no text at all
        assert isinstance(error, RequestValidationError)
        return refusal(422, "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))

    @app.post("/trigger")
    def trigger(request: Request, asked: Annotated[TriggerRequest | None, Body()] = None) -> Response:
        if "origin" in request.headers:
            return refusal(403, "a web page may not trigger. Send the request from the plant's own program.")
        try:
            seq = queue.request(PartIdentity(**(asked or TriggerRequest()).model_dump()), timeout_s=timeout_s)
        except TriggerQueueFull as error:
            return refusal(429, str(error))
        except TriggerError as error:
            return refusal(503, str(error))
        return JSONResponse({**where, "seq": seq})

    return app


def refusal(status: int, message: str) -> JSONResponse:
    """An answer that says what went wrong."""
    return JSONResponse({"detail": message}, status_code=status)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, so that a port in use is known before the server's thread starts."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise EdgeError(
            f"trigger address {host}:{port}: {error.strerror or error}. Set EDGE_TRIGGER_PORT to another port."
        ) from error
