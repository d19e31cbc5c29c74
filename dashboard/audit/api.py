"""The audit of passed parts under /api/v1."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select

from dashboard.audit import sample
from dashboard.audit.estimates import estimates as estimates_of
from dashboard.audit.views import BlindVerdict, Estimates, NewRate, Next, RateView
from dashboard.moments import utc
from dashboard.people.person import Engineer, Operator
from dashboard.review.api import refused
from dashboard.review.views import Recorded, review_view
from dashboard.site import SiteOf
from edge.errors import EdgeError
from edge.ledger.audit_rates import AuditRate, knows_category, rates, set_rate
from edge.ledger.people import record_event
from edge.ledger.record import LARGEST_ID, Camera
from edge.ledger.reviews import review_frames

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
DAY_NS = 86_400 * 10**9
Days = Annotated[int | None, Query(ge=1, le=3650, description="frames captured in the last so many days; all without")]


@router.get("/next")
def draw(site: SiteOf, person: Operator, without: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None) -> Next:
    """The frame that you are to judge blind, the same until you have; `without` names the one that you look at now."""
    with site.reader.read() as reading:
        found = sample.draw(reading.session, site.settings.media, person.name, without=without)
        return Next(sample=found, waiting=sample.waiting(reading.session, person.name))


@router.post("/verdicts", status_code=201, response_model=Recorded)
def judge(site: SiteOf, person: Operator, said: BlindVerdict) -> Recorded | JSONResponse:
    """Record a blind verdict. 409 unless the frame waits for you: it was drawn, is among the first of your order,
    nobody has judged it blind meanwhile, and you have not reviewed it on its page.

    `POST /api/v1/reviews/undo` takes it back.
    """
    try:
        with site.writes.write() as session:
            if not sample.given(session, site.settings.media, person.name, said.frame):
                raise HTTPException(
                    409, f"frame {said.frame} does not wait for your blind verdict (judged already, reviewed by you on "
                    "its page, or not given to you): nothing was recorded."
                )  # fmt: skip
            rows = review_frames(
                session, [said.frame], said.verdict,
                reviewer=person.name, reviewed_ns=time.time_ns(),
                kind=said.kind or None, note=said.note or None, blind=True,
            )  # fmt: skip
            return Recorded(reviews=[review_view(row) for row in rows])
    except EdgeError as error:
        return refused(error)


@router.get("/rates")
def list_rates(site: SiteOf) -> list[RateView]:
    """The rate of every category that has one or that a camera inspects."""
    with site.reader.read() as reading:
        known = {row.category: _view(row) for row in rates(reading.session)}
        inspected = reading.session.scalars(select(Camera.category).where(Camera.category.is_not(None)).distinct())
        for category in inspected:
            if category is not None:
                known.setdefault(category, RateView(category=category, rate=0, set_by=None, set_at=None))
    return [known[category] for category in sorted(known)]


@router.put("/rates/{category}")
def put_rate(site: SiteOf, person: Engineer, category: str, new: NewRate) -> RateView:
    """Set which share of a category's `ok` frames is drawn from now on; a running line follows within some seconds.

    404 for a category that the record does not know.
    """
    with site.reader.read() as reading:
        if not knows_category(reading.session, category):
            raise HTTPException(404, f"no category {category!r} in the record: no bundle, camera or frame names it.")
    with site.writes.write() as session:
        record_event(session, person, "set audit rate", f"{category}, {new.rate:g}")
        return _view(set_rate(session, category, new.rate, set_by=person.name, set_ns=time.time_ns()))


@router.get("/estimates")
def estimates(site: SiteOf, days: Days = None) -> Estimates:
    """The escape rate P(defect | ok) and the false-alarm rate, with exact 95 % intervals."""
    now_ns = time.time_ns()
    with site.reader.read() as reading:
        since_ns = None if days is None else now_ns - days * DAY_NS
        return estimates_of(reading.session, since_ns=since_ns, until_ns=now_ns)


def _view(row: AuditRate) -> RateView:
    at = utc(row.set_ns)
    return RateView(category=row.category, rate=row.rate, set_by=row.set_by, set_at=at)
