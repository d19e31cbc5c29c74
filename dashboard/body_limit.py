"""No request may bring more than its route can want: a large body would be read and parsed while all others wait."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1 << 20
PICTURES = "/api/v1/score"
"""Where pictures come in, which counts for itself."""


class BodyLimit:
    """ASGI middleware inside the application's own error handling: 413 for a body above MOST_BYTES, also in chunks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and count what comes in."""
        if scope["type"] != "http" or scope["path"] == PICTURES:
            return await self._app(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, f"more than {MOST_BYTES} bytes: nothing was read. Send less at once.")
            return message

        return await self._app(scope, counted, send)
