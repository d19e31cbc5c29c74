"""Passed parts one at a time, and what the verdicts on them say."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboard.audit import api
from dashboard.find.choices import bundle_names
from dashboard.people.person import Operator
from dashboard.site import SiteOf
from edge.ledger.kinds import kinds_offered

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
WINDOWS = {"1 day": 1, "7 days": 7, "30 days": 30, "all": None}


@router.get("/audit")
def judge(request: Request, site: SiteOf, person: Operator) -> HTMLResponse:
    """One frame, drawn at random, with nothing of what the line made of it."""
    with site.reader.read() as reading:
        kinds = kinds_offered(reading.session)
    context = {"next": api.draw(site, person), "kinds": kinds}
    return site.templates.TemplateResponse(request, "audit/judge.html", context)


@router.get("/audit/estimates")
def estimates(request: Request, site: SiteOf, days: api.Days = None) -> HTMLResponse:
    """The escape rate and the false-alarm rate, and the rates at which parts are drawn."""
    found = api.estimates(site, days)
    with site.reader.read() as reading:
        bundles = bundle_names(reading.session)
    context = {
        "estimates": found, "bundles": bundles, "rates": api.list_rates(site), "windows": WINDOWS, "days": days
    }  # fmt: skip
    return site.templates.TemplateResponse(request, "audit/estimates.html", context)
