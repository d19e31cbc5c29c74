"""What waits for a review at another station."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dashboard.moments import utc
from dashboard.review import queue
from dashboard.stations.views import FlaggedView
from edge.ledger.record import Inspection

SHOWN = 24


def newest_flagged(session: Session, station: str, page: str | None) -> list[FlaggedView]:
    """The newest flagged frames that nobody has reviewed. page: address of the station's own page."""
    ids = queue.ids_after(session, queue.Filter(), None, limit=SHOWN)
    rows = session.scalars(select(Inspection).where(Inspection.id.in_(ids)).options(joinedload(Inspection.camera)))
    return [_view(row, station, page) for row in sorted(rows, key=lambda row: -row.id)]


def _view(row: Inspection, station: str, page: str | None) -> FlaggedView:
    here = f"/stations/{station}/frames/{row.id}/thumbnail.jpg?v={row.captured_ns}"
    return FlaggedView(
        id=row.id,
        camera=row.camera.name,
        category=row.category,
        outcome=row.outcome,
        score=row.score,
        captured_at=utc(row.captured_ns),
        thumbnail=here if row.picture_path and page else None,
        page=page and f"{page.rstrip('/')}/frames/{row.id}",
    )
