"""/trends, and the same as JSON under /api/v1."""

import time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboard.asked import asked, has_empty
from dashboard.find.choices import bundle_names, choices
from dashboard.people.person import Operator
from dashboard.site import Site, SiteOf
from dashboard.station_time import Unit
from dashboard.trends.charts import charts, out_of_control, percent, times, when
from dashboard.trends.over_time import Trends, TrendsQuery, trends
from dashboard.words import local_field

router = APIRouter()
UNITS = {Unit.HOUR: "Hours", Unit.SHIFT: "Shifts", Unit.DAY: "Days"}


@router.get("/api/v1/trends")
def trends_json(site: SiteOf, person: Operator, asked: Annotated[TrendsQuery, Query()]) -> Trends:
    """Defect rate with control limits, false alarms, scores and latency over time: the newest 400 steps at most."""
    return _trends(site, asked)


@router.get("/trends", include_in_schema=False, response_class=HTMLResponse)
def trends_page(request: Request, site: SiteOf, person: Operator) -> Response:
    """The charts; empty fields of the form are taken out of the address first."""
    question = asked(request, TrendsQuery)
    if has_empty(request):
        return RedirectResponse(_address(question), 303)
    found = _trends(site, question)
    with site.reader.read() as reading:
        offered = choices(reading.session)
    context = {
        "asked": question, "found": found, "charts": charts(found, question), "outside": out_of_control(found),
        "choices": offered, "units": UNITS, "address": _address, "when": when, "percent": percent, "times": times,
        "since": local_field(question.since), "until": local_field(question.until),
    }  # fmt: skip
    return site.templates.TemplateResponse(request, "trends/trends.html", context)


def _trends(site: Site, question: TrendsQuery) -> Trends:
    with site.reader.read() as reading:
        rolled = reading.rollup.count(reading.session)
        bundles = bundle_names(reading.session)
    return trends(rolled, question, bundles=bundles, now_s=time.time(), shifts=site.settings.shift_starts)


def _address(question: TrendsQuery, **others: object) -> str:
    """The page with these filters, and others in their place."""
    given = question.model_dump(mode="json", by_alias=True, exclude_defaults=True) | others
    query = {name: value for name, value in given.items() if value is not None}
    return f"/trends?{urlencode(query)}" if query else "/trends"
