"""Drawn areas under /api/v1."""

from fastapi import APIRouter, HTTPException
from sqlalchemy.orm import Session

from dashboard.people.person import Engineer
from dashboard.regions import categories as known
from dashboard.regions.views import CategoryView, Drawing
from dashboard.site import Site, SiteOf
from edge.ledger.bundles import BundleRow
from edge.ledger.drawn_areas import ask_area, newest_area
from edge.ledger.people import record_event

router = APIRouter(prefix="/api/v1/regions", tags=["regions"])


@router.get("")
def categories(site: SiteOf) -> list[CategoryView]:
    """The categories that can be drawn on."""
    with site.reader.read() as reading:
        return known.categories(reading.session)


@router.get("/{category}")
def category(site: SiteOf, category: str) -> CategoryView:
    """One category, with its newest drawing and what became of it. 404 if the line never judged by it."""
    with site.reader.read() as reading:
        found = known.category(reading.session, category)
    if found is None:
        raise HTTPException(404, f"no bundle of {category} has judged in this record yet")
    return found


@router.post("/{category}", status_code=201)
def draw(site: SiteOf, person: Engineer, category: str, drawing: Drawing) -> CategoryView:
    """Ask for the category's next bundle with this area. A running line makes it, and puts it not into use.

    409 if another bundle has been taken up since: what was drawn lies over another picture. 422 if nothing is drawn
    and nothing was before.
    """
    with site.writes.write() as session:
        row = known.bundle_of(session, category)
        if row is None:
            raise HTTPException(404, f"no bundle of {category} has judged in this record yet")
        if row.sha256 != drawing.bundle:
            raise HTTPException(409, f"the line took up {row.name} meanwhile: load the page again and draw over it")
        if not (drawing.area or drawing.ignore) and not _cut(site, session, row):
            raise HTTPException(422, f"Nothing is drawn, and of {row.name} the whole picture counts already.")
        ask_area(
            session,
            category=category,
            bundle=drawing.bundle,
            area=drawing.area,
            ignore=drawing.ignore,
            by=person.name,
        )
        record_event(session, person, "drew an area", f"{category}, over {row.name}")
        found = known.category(session, category)
    assert found is not None
    return found


def _cut(site: Site, session: Session, row: BundleRow) -> bool:
    """Whether the bundle leaves something of the picture out, or the next one would as it was drawn last."""
    drawn = newest_area(session, row.category)
    return known.area_file(site.settings.bundles, row) is not None or bool(drawn and (drawn.area or drawn.ignore))
