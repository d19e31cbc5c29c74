"""/stations, and the same as JSON under /api/v1."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from dashboard.people.person import Operator
from dashboard.site import Site, SiteOf
from dashboard.stations.views import StationView

router = APIRouter()
AGAIN_S = 5


@router.get("/api/v1/stations", tags=["line"])
def stations_json(site: SiteOf, person: Operator) -> list[StationView]:
    """Every station of this database by name. 404 where the record is a SQLite file."""
    return _stations(site)


@router.get("/stations", include_in_schema=False, response_class=HTMLResponse)
def stations(request: Request, site: SiteOf, person: Operator) -> HTMLResponse:
    """Every station: whether it runs, its frames, and the way to its own page. The browser asks again by itself."""
    context = {"stations": _stations(site)}
    headers = {"Refresh": str(AGAIN_S), "Cache-Control": "no-store"}
    return site.templates.TemplateResponse(request, "stations/stations.html", context, headers=headers)


def _stations(site: Site) -> list[StationView]:
    if site.stations is None:
        raise HTTPException(404, "The record is a SQLite file of this station alone; see EDGE_DATABASE_URL.")
    return site.stations.look()
