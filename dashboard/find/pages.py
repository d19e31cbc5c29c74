"""/find, a part's page, and the address of a frame that outlives its id."""

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import queries
from dashboard.asked import asked, has_empty
from dashboard.find.choices import bundle_names, choices
from dashboard.find.filters import WHEN, PageQuery
from dashboard.find.parts import frames_of, outcomes_of, part_of
from dashboard.find.search import found_ids
from dashboard.people.person import Operator
from dashboard.site import SiteOf
from dashboard.words import local_field
from edge.ledger.people import Role
from edge.ledger.record import LARGEST_ID, Camera, Inspection, Review, Run
from edge.verdict import worst

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
CARDS = 24
COUNTED = 1000
"""Matches are counted up to here, which the search for them can do in time."""
PART_FRAMES = 100


@router.get("/find")
def find(request: Request, site: SiteOf, person: Operator) -> Response:
    """Frames that match the address; empty fields of the form are taken out of it first."""
    question = asked(request, PageQuery, lists=("outcome",))
    if has_empty(request):
        return RedirectResponse(question.address(), 303)
    with site.reader.read() as reading:
        session = reading.session
        ids = found_ids(
            session, question, now_ns=time.time_ns(), shifts=site.settings.shift_starts, before=question.before,
            limit=COUNTED + 1,
        )  # fmt: skip
        frames = queries.views(session, site.settings.media, ids[:CARDS])
        context = {
            "frames": frames,
            "reviews": _standing_reviews(session, [frame.id for frame in frames]),
            "matches": min(len(ids), COUNTED),
            "more": len(ids) > COUNTED,
            "older": ids[CARDS - 1] if len(ids) > CARDS else None,
            "choices": choices(session),
        }
    context |= {
        "asked": question, "filters": question.wanted(), "since": local_field(question.since),
        "until": local_field(question.until), "when": WHEN,
        "may_export": person.role.covers(Role.ENGINEER),
    }  # fmt: skip
    return site.templates.TemplateResponse(request, "find/find.html", context)


@router.get("/parts/{kind}/{serial}")
def part(request: Request, site: SiteOf, person: Operator, kind: str, serial: str) -> HTMLResponse:
    """A part with all its frames; its outcome is its worst frame's."""
    name, number = part_of(kind, serial)
    with site.reader.read() as reading:
        session = reading.session
        outcomes = outcomes_of(session, name, number)
        if not outcomes:
            raise HTTPException(404, f"no frame of part {number} in the record")
        frames = queries.views(session, site.settings.media, frames_of(session, name, number, limit=PART_FRAMES))
        context = {
            "part": name, "serial": number, "outcome": worst(set(outcomes)), "outcomes": outcomes, "frames": frames,
            "lots": sorted({frame.lot for frame in frames if frame.lot}),
            "reviews": _standing_reviews(session, [frame.id for frame in frames]),
            "bundles": bundle_names(session),
        }  # fmt: skip
    return site.templates.TemplateResponse(request, "find/part.html", context)


@router.get("/frames/{run}/{camera}/{seq:int}")
def frame_by_number(
    site: SiteOf, person: Operator, run: str, camera: str, seq: Annotated[int, Path(ge=0, le=LARGEST_ID)]
) -> RedirectResponse:
    """To the page of a frame, by what it is called outside the record."""
    query = (
        select(Inspection.id)
        .join(Run, Inspection.run_id == Run.id)
        .join(Camera, Inspection.camera_id == Camera.id)
        .where(Run.name == run, Camera.name == camera, Inspection.seq == seq)
    )
    with site.reader.read() as reading:
        frame_id = reading.session.scalar(query)
    if frame_id is None:
        raise HTTPException(404, f"no frame {run}/{camera}/{seq} in the record")
    return RedirectResponse(f"/frames/{frame_id}", 302)


def _standing_reviews(session: Session, ids: Sequence[int]) -> dict[int, Review]:
    """By frame, what counts of what people said: the latest review, unless that was withdrawn."""
    said = select(Review).join(Inspection, Review.inspection_id == Inspection.id).where(Inspection.id.in_(ids))
    rows = session.scalars(said.where(Inspection.reviewed_as.is_not(None)).order_by(Review.id))
    return {row.inspection_id: row for row in rows}
