"""The queue and one frame large, and the fragments that the browser puts into them."""

import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboard import queries
from dashboard.review import queue, reference
from dashboard.review.queue import Filter, FilterOf, Id
from dashboard.review.views import review_view
from dashboard.site import Site, SiteOf
from edge.ledger.kinds import kinds_offered
from edge.ledger.reviews import reviews_of
from edge.verdict import FLAGGED, Outcome

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
CARDS = 24
FRESH = {"Cache-Control": "no-store"}
"""The back button would show a page again as it was before the verdicts."""


@router.get("/")
def index(request: Request, site: SiteOf, wanted: FilterOf, after: Id = None) -> Response:
    """The queue. Frames that need no review are in the room Find."""
    if wanted.outcome is not None and wanted.outcome not in FLAGGED:
        return RedirectResponse(f"/find?outcome={wanted.outcome}")
    context = _queue(site, wanted, after)
    return site.templates.TemplateResponse(request, "review/index.html", context, headers=FRESH)


@router.get("/summary")
def summary(request: Request, site: SiteOf) -> HTMLResponse:
    """The counts of the line alone, to be put in place of older ones."""
    with site.reader.read() as reading:
        counts = queries.counts(reading, time.time_ns())
    return site.templates.TemplateResponse(request, "summary.html", {"counts": counts})


@router.get("/queue/counts")
def queue_counts(request: Request, site: SiteOf, wanted: FilterOf) -> HTMLResponse:
    """The counts of the queue alone, by outcome and by camera and category."""
    with site.reader.read() as reading:
        context = {"queue": queue.counts(reading.session, wanted), "wanted": wanted}
    return site.templates.TemplateResponse(request, "review/_news.html", context)


@router.get("/queue/cards")
def queue_cards(request: Request, site: SiteOf, wanted: FilterOf, after: Id = None) -> HTMLResponse:
    """A page of the queue as it is now: its cards, what is said where there are none, and the way to the next page."""
    return site.templates.TemplateResponse(request, "review/_cards.html", _queue(site, wanted, after))


@router.get("/queue/cards/{frame_id:int}")
def queue_card(request: Request, site: SiteOf, wanted: FilterOf, frame_id: int) -> Response:
    """A frame's card, if it is in the queue under this filter; else nothing."""
    with site.reader.read() as reading:
        if not queue.holds(reading.session, wanted, frame_id):
            return Response(status_code=204)
        (frame,) = queue.frames(reading.session, site.settings.media, [frame_id])
    context = {"frame": frame, "queue_query": wanted.query(), "tick": True}
    return site.templates.TemplateResponse(request, "_card.html", context)


@router.get("/frames/{frame_id:int}")
def frame_page(request: Request, site: SiteOf, wanted: FilterOf, frame_id: int) -> HTMLResponse:
    """One frame, large, with all that the record holds about it, and the ways to say what it is."""
    return site.templates.TemplateResponse(request, "review/frame.html", _frame(site, wanted, frame_id), headers=FRESH)


@router.get("/frames/{frame_id:int}/review")
def frame_fragment(request: Request, site: SiteOf, wanted: FilterOf, frame_id: int) -> HTMLResponse:
    """The same without the page around it."""
    return site.templates.TemplateResponse(request, "review/_frame.html", _frame(site, wanted, frame_id))


def _queue(site: Site, wanted: Filter, after: int | None) -> dict[str, Any]:
    with site.reader.read() as reading:
        session, media = reading.session, site.settings.media
        return {
            "counts": queries.counts(reading, time.time_ns()),
            "queue": queue.counts(session, wanted),
            "kinds": kinds_offered(session),
            "wanted": wanted,
            "first": after is None,
            "live": after is None and wanted.order is queue.Order.NEWEST,
            "page": queue.page(session, media, wanted, after=after, limit=CARDS),
        }


def _frame(site: Site, wanted: Filter, frame_id: int) -> dict[str, Any]:
    with site.reader.read() as reading:
        session = reading.session
        row = queries.find(session, frame_id)
        if row is None:
            raise HTTPException(404, f"no frame {frame_id} in the record")
        following = queue.ids_after(session, wanted, frame_id, limit=1)
        return {
            "frame": queries.view(row, site.settings.media),
            "wanted": wanted,
            "next": following[0] if following else None,
            "previous": queue.id_before(session, wanted, frame_id),
            "reviews": [review_view(review) for review in reviews_of(session, frame_id)],
            "kinds": kinds_offered(session),
            "reference": reference.address(session, row, site.settings.bundles),
            "inspected": row.outcome != Outcome.NOT_INSPECTED,
            "passed": row.outcome == Outcome.OK,
            "drawn": row.audit_rate is not None,
        }
