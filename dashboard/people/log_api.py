"""The log of what people did, for admins."""

from typing import Annotated

from fastapi import APIRouter, Query

from dashboard.people.person import Admin
from dashboard.people.views import EventPage, event_page
from dashboard.site import SiteOf
from edge.ledger.people import events_before
from edge.ledger.record import LARGEST_ID

router = APIRouter(prefix="/api/v1/log", tags=["people"])
Before = Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="only events with a smaller id")]


@router.get("")
def log(
    site: SiteOf, person: Admin, before: Before = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> EventPage:
    """Sign-ins, refusals, and everything that was changed on the page, the newest first."""
    with site.reader.read() as reading:
        return event_page(events_before(reading.session, before, limit=limit + 1), limit=limit)
