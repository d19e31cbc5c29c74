"""How many event streams the page holds open at once: each costs a thread for a moment, many times a second."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

MOST_STREAMS = 200


class Streams:
    """Counts open streams. For the event loop's one thread."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most, self._open = most, 0

    def answer(self, events: AsyncIterator[str]) -> StreamingResponse:
        """Send these events for as long as they come. Raises HTTPException 503 where too many do already."""
        if self._open >= self._most:
            raise HTTPException(503, f"{self._most} pages listen already. Close some.", {"Retry-After": "10"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._counted(events), media_type="text/event-stream", headers=headers)

    async def _counted(self, events: AsyncIterator[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            async for event in events:
                yield event
        finally:
            self._open -= 1
