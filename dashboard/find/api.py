"""Frames by filters as JSON, and as what can be taken away: CSV and ZIP."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from dashboard import queries
from dashboard.find.filters import FramesQuery
from dashboard.find.search import found_ids
from dashboard.people.person import Operator
from dashboard.site import SiteOf
from dashboard.views import FramePage

router = APIRouter(prefix="/api/v1")


@router.get("/frames")
def frames(site: SiteOf, person: Operator, asked: Annotated[FramesQuery, Query()]) -> FramePage:
    """Frames that match all filters, newest first; or with `after` oldest first, so that none is passed over."""
    if asked.after is not None and asked.before is not None:
        raise HTTPException(422, "give `after` or `before`, not both")
    with site.reader.read() as reading:
        ids = found_ids(
            reading.session, asked, now_ns=time.time_ns(), shifts=site.settings.shift_starts, after=asked.after,
            before=asked.before, limit=asked.limit + 1,
        )  # fmt: skip
        shown = queries.views(reading.session, site.settings.media, ids[: asked.limit])
    return FramePage(frames=shown, next=shown[-1].id if len(ids) > asked.limit else None)
