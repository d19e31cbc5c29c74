"""/stations, and the same as JSON under /api/v1."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from dashboard import queries
from dashboard.headers import FOR_EVER
from dashboard.people.person import Operator
from dashboard.reader import Reader
from dashboard.site import Site, SiteOf
from dashboard.stations.flagged import newest_flagged
from dashboard.stations.stations import Stations
from dashboard.stations.views import FlaggedView, StationView
from edge.errors import EdgeError

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


@router.get("/api/v1/stations/{name}/flagged", tags=["line"])
def flagged_json(site: SiteOf, person: Operator, name: str) -> list[FlaggedView]:
    """A station's newest flagged frames that nobody has reviewed, the newest first: 24 at most."""
    return _flagged(site, name)


@router.get("/stations/{name}", include_in_schema=False, response_class=HTMLResponse)
def station(request: Request, site: SiteOf, person: Operator, name: str) -> HTMLResponse:
    """A station's newest flagged frames, with the way to each on its own page."""
    page = site.settings.station_pages.get(name)
    context = {"name": name, "page": page, "frames": _flagged(site, name)}
    headers = {"Cache-Control": "no-store"}
    return site.templates.TemplateResponse(request, "stations/station.html", context, headers=headers)


@router.get("/stations/{name}/frames/{frame_id:int}/thumbnail.jpg", include_in_schema=False)
def thumbnail(site: SiteOf, person: Operator, name: str, frame_id: int) -> Response:
    """A frame's small picture from its station's page. 502 says why there is none now."""
    with _reader(site, name).read() as reading:
        row = queries.find(reading.session, frame_id)
    if row is None or row.picture_path is None:
        raise HTTPException(404, f"no picture of frame {frame_id} of {name} was kept")
    try:
        small = site.station_pictures.thumbnail(name, row.id, row.captured_ns)
    except EdgeError as error:
        raise HTTPException(502, str(error)) from error
    headers = {"Cache-Control": FOR_EVER}
    if isinstance(small, bytes):
        return Response(small, media_type="image/jpeg", headers=headers)
    return FileResponse(small, media_type="image/jpeg", headers=headers)


def _flagged(site: Site, name: str) -> list[FlaggedView]:
    with _reader(site, name).read() as reading:
        return newest_flagged(reading.session, name, site.settings.station_pages.get(name))


def _reader(site: Site, name: str) -> Reader:
    reader = _all(site).reader(name)
    if reader is None:
        raise HTTPException(404, f"no station {name[:80]} in this database")
    return reader


def _stations(site: Site) -> list[StationView]:
    return _all(site).look()


def _all(site: Site) -> Stations:
    if site.stations is None:
        raise HTTPException(404, "The record is a SQLite file of this station alone; see EDGE_DATABASE_URL.")
    return site.stations
