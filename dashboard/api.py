"""The record as JSON under /api/v1, and its news as server-sent events."""

import time
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import StreamingResponse

from dashboard import events, queries
from dashboard.site import SiteOf
from dashboard.views import Counts, FrameView
from edge.ledger.record import LARGEST_ID

router = APIRouter(prefix="/api/v1")
Id = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]


@router.get("/counts")
def counts(site: SiteOf) -> Counts:
    """The record in numbers."""
    with site.reader.read() as reading:
        return queries.counts(reading, time.time_ns())


@router.get("/frames/{frame_id:int}")
def frame(site: SiteOf, frame_id: int) -> FrameView:
    """One frame. 404 if there is none with this id."""
    with site.reader.read() as reading:
        row = queries.find(reading.session, frame_id)
        if row is None:
            raise HTTPException(404, f"no frame {frame_id} in the record")
        return queries.view(row, site.settings.media)


@router.get("/events", response_class=StreamingResponse)
async def news(
    site: SiteOf,
    after: Id = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=LARGEST_ID)] = None,
) -> StreamingResponse:
    """Server-sent events `flagged`, `counts`, `reset`; a client that comes back goes on after its Last-Event-ID."""
    start = after if last_event_id is None else last_event_id
    return site.streams.answer(await events.opened(site, start))
