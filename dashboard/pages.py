"""The pages and the fragments that the browser puts into them."""

import time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboard import api, queries
from dashboard.queries import LARGEST_ID
from dashboard.site import SiteOf
from edge.verdict import FLAGGED, Outcome

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
CARDS = 24


@router.get("/")
def index(
    request: Request,
    site: SiteOf,
    outcome: Outcome | None = None,
    camera: str | None = None,
    before: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None,
) -> HTMLResponse:
    """Counts, and flagged frames newest first; filtered and paged by query string."""
    outcomes = FLAGGED if outcome is None else (outcome,)
    with site.reader.read() as reading:
        counts = queries.counts(reading, time.time_ns())
        page = queries.page(reading.session, site.settings.media, outcomes, camera=camera, before=before, limit=CARDS)
    context = {
        "counts": counts,
        "page": page,
        "outcome": outcome,
        "camera": camera,
        "before": before,
        "live": outcome is None and camera is None and before is None,
        "link": _link,
    }
    return site.templates.TemplateResponse(request, "index.html", context)


@router.get("/summary")
def summary(request: Request, site: SiteOf) -> HTMLResponse:
    """The counts alone, to be put in place of older ones."""
    with site.reader.read() as reading:
        counts = queries.counts(reading, time.time_ns())
    return site.templates.TemplateResponse(request, "summary.html", {"counts": counts})


@router.get("/frames/{frame_id:int}")
def frame(request: Request, site: SiteOf, frame_id: int) -> HTMLResponse:
    """One frame, large, with all its facts and the way to its flagged neighbours."""
    shown = api.frame(site, frame_id)
    with site.reader.read() as reading:
        newer = queries.ids_after(reading.session, FLAGGED, after=frame_id, limit=1)
        older = queries.newest_ids(reading.session, FLAGGED, before=frame_id, limit=1)
        reviews = queries.reviews(reading.session, frame_id)
    context = {
        "frame": shown,
        "newer": newer[0] if newer else None,
        "older": older[0] if older else None,
        "reviews": reviews,
    }
    return site.templates.TemplateResponse(request, "frame.html", context)


@router.get("/frames/{frame_id:int}/card")
def card(request: Request, site: SiteOf, frame_id: int) -> HTMLResponse:
    """One frame's card."""
    return site.templates.TemplateResponse(request, "_card.html", {"frame": api.frame(site, frame_id)})


def _link(**query: object) -> str:
    """The index with these filters; what is None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"/?{urlencode(given)}" if given else "/"
