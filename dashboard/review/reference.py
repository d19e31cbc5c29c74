"""The reference picture that a frame looks most like, from the folder of the bundle that judged it."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse
from sqlalchemy.orm import Session

from dashboard import files, queries
from dashboard.headers import FOR_EVER
from dashboard.site import SiteOf
from edge.ledger.bundles import BundleRow
from edge.ledger.record import Inspection

router = APIRouter(include_in_schema=False)


@router.get("/frames/{frame_id:int}/reference")
def reference(site: SiteOf, frame_id: int, b: str | None = None) -> FileResponse:
    """The frame's nearest reference picture; `b` is the start of its bundle's content hash. 404 if none is at hand."""
    with site.reader.read() as reading:
        row = queries.find(reading.session, frame_id)
        path = None if row is None else path_of(reading.session, row, site.settings.bundles)
        if row is None or path is None:
            raise HTTPException(404, f"no reference picture of frame {frame_id} is at hand")
        kept = FOR_EVER if b is not None and (row.bundle or "").startswith(b) else "no-cache"
        return FileResponse(path, headers={"Cache-Control": kept})


def address(session: Session, row: Inspection, bundles: Path) -> str | None:
    """Where the picture is served; None if it is not at hand."""
    return f"/frames/{row.id}/reference?b={(row.bundle or '')[:16]}" if path_of(session, row, bundles) else None


def path_of(session: Session, row: Inspection, bundles: Path) -> Path | None:
    """The file, which lies inside the folder of bundles; None if the record does not know it or it is gone."""
    bundle = session.get(BundleRow, row.bundle) if row.bundle else None
    name = row.nearest_reference
    if bundle is None or not name or Path(name).name != name:
        return None
    return files.inside(bundles, f"{bundle.folder}/references/{name}")
