"""The pages on which an area is drawn, and the pictures under the drawing."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from dashboard.headers import FOR_EVER
from dashboard.overlay import png
from dashboard.regions import categories as known
from dashboard.regions.shade import shade
from dashboard.site import Site, SiteOf
from edge.ledger.bundles import BundleRow

router = APIRouter(include_in_schema=False)


@router.get("/regions", response_class=HTMLResponse)
def index(request: Request, site: SiteOf) -> Response:
    """The categories; the only one is opened at once."""
    with site.reader.read() as reading:
        there = known.categories(reading.session)
    if len(there) == 1:
        return RedirectResponse(f"/regions/{there[0].category}", 303)
    return site.templates.TemplateResponse(request, "regions/index.html", {"categories": there})


@router.get("/regions/{category}", response_class=HTMLResponse)
def draw(request: Request, site: SiteOf, category: str) -> HTMLResponse:
    """The drawing board of one category."""
    with site.reader.read() as reading:
        others = known.categories(reading.session)
        found = next((each for each in others if each.category == category), None)
    if found is None:
        raise HTTPException(404, f"no bundle of {category} has judged in this record yet")
    row = _row(site, category)
    context = {
        "category": found,
        "others": others,
        "reference": known.reference_of(site.settings.bundles, row) is not None,
        "has_area": known.area_file(site.settings.bundles, row) is not None,
        "running": site.board.look().running,
    }
    return site.templates.TemplateResponse(request, "regions/draw.html", context)


@router.get("/regions/{category}/reference")
def reference(site: SiteOf, category: str, v: str | None = None) -> FileResponse:
    """The first reference picture; kept by the browser for ever where `v` is the bundle's content hash."""
    row = _row(site, category)
    path = known.reference_of(site.settings.bundles, row)
    if path is None:
        raise HTTPException(404, f"the references of {row.name} are not at hand")
    return FileResponse(path, media_type="image/png", headers=_cached(row, v))


@router.get("/regions/{category}/shade.png")
def shade_png(site: SiteOf, category: str, v: str | None = None) -> Response:
    """What the bundle does not look at today, as a dark veil: RGBA PNG."""
    row = _row(site, category)
    path = known.area_file(site.settings.bundles, row)
    if path is None:
        raise HTTPException(404, f"{row.name} looks at the whole picture")
    return Response(png(shade(path)), media_type="image/png", headers=_cached(row, v))


def _row(site: Site, category: str) -> BundleRow:
    with site.reader.read() as reading:
        row = known.bundle_of(reading.session, category)
    if row is None:
        raise HTTPException(404, f"no bundle of {category} has judged in this record yet")
    return row


def _cached(row: BundleRow, v: str | None) -> dict[str, str]:
    return {"Cache-Control": FOR_EVER if v == row.sha256 else "no-cache"}
