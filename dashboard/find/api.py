"""Frames by filters as JSON, and as what can be taken away: CSV and ZIP."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from dashboard import queries
from dashboard.find.archive import MOST_PICTURES, archive, items
from dashboard.find.exported import COLUMNS, cells, exported, iso
from dashboard.find.filters import Filters, FramesQuery
from dashboard.find.search import found_ids
from dashboard.find.table import csv_lines
from dashboard.people.person import Engineer, Operator, Person
from dashboard.site import Site, SiteOf
from dashboard.views import FramePage
from edge.ledger.people import record_event
from edge.ledger.record import Inspection

router = APIRouter(prefix="/api/v1")


@router.get("/frames")
def frames(site: SiteOf, person: Operator, asked: Annotated[FramesQuery, Query()]) -> FramePage:
    """Frames that match all filters, newest first; or with `after` oldest first, so that none is passed over."""
    if asked.after is not None and asked.before is not None:
        raise HTTPException(422, "give `after` or `before`, not both")
    with site.reader.read() as reading:
        ids = found_ids(
            reading.session, asked, now_ns=time.time_ns(), shifts=site.settings.shift_starts, after=asked.after,
            before=asked.before, limit=asked.limit + 1,
        )  # fmt: skip
        shown = queries.views(reading.session, site.settings.media, ids[: asked.limit])
    return FramePage(frames=shown, next=shown[-1].id if len(ids) > asked.limit else None)


@router.get("/export.csv", response_class=StreamingResponse)
def export_csv(site: SiteOf, person: Engineer, asked: Annotated[Filters, Query()]) -> StreamingResponse:
    """All frames that match as CSV in UTF-8, newest first, a line a frame with its latest review; times are in UTC.

    In texts = + - and @ have an apostrophe before them at the start, and after ; , a tab or a new line, so that no
    spreadsheet takes them for a formula.
    """
    _log(site, person, "frames.csv", asked)
    found = exported(site.reader, asked, now_ns=time.time_ns(), shifts=site.settings.shift_starts)
    lines = csv_lines(COLUMNS, (cells(frame) for frame in found))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=_as_file("frames.csv"))


@router.get("/export.zip", response_class=StreamingResponse)
def export_zip(site: SiteOf, person: Engineer, asked: Annotated[Filters, Query()]) -> StreamingResponse:
    """Found pictures, sorted by what people said, with maps and reviews: the newest 5000 that were kept, at most.

    The layout is what `calibrate --images`, `--bad` and `calibrate evaluate --dataset folder` take; README.txt in it
    says how.
    """
    _log(site, person, "frames.zip", asked)
    now_ns = time.time_ns()
    found = exported(
        site.reader, asked, now_ns=now_ns, shifts=site.settings.shift_starts, limit=MOST_PICTURES,
        only=[Inspection.picture_path.is_not(None)],
    )  # fmt: skip
    about = f"Frames of {asked.address()}, taken away by {person.name}, {iso(now_ns)}. At most {MOST_PICTURES}, newest."
    blocks = archive(site.settings.media, items(found), about=about)
    return StreamingResponse(blocks, media_type="application/zip", headers=_as_file("frames.zip"))


def _log(site: Site, person: Person, name: str, asked: Filters) -> None:
    with site.writes.write() as session:
        record_event(session, person, "took away", f"{name}: {asked.in_words()}")


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
