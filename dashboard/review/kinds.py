"""Kinds of defect: a page for people and the API behind it."""

import time

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from dashboard.moments import utc
from dashboard.people.person import Engineer
from dashboard.review.views import KindView, NewKind
from dashboard.site import SiteOf
from edge.errors import EdgeError
from edge.ledger.kinds import DefectKind, add_kind, kinds, retire_kind
from edge.ledger.people import record_event

router = APIRouter(tags=["kinds of defect"])


@router.get("/kinds", response_class=HTMLResponse, include_in_schema=False)
def kinds_page(request: Request, site: SiteOf) -> HTMLResponse:
    """The list, with the keys that choose from it."""
    return site.templates.TemplateResponse(request, "review/kinds.html", {"kinds": list_kinds(site)})


@router.get("/api/v1/kinds")
def list_kinds(site: SiteOf) -> list[KindView]:
    """All kinds of defect in the order of their keys, retired ones too."""
    with site.reader.read() as reading:
        return [_view(row) for row in kinds(reading.session)]


@router.post("/api/v1/kinds", status_code=201)
def add(site: SiteOf, person: Engineer, kind: NewKind) -> KindView:
    """Offer a kind of defect to reviewers, as the last of the list."""
    try:
        with site.writes.write() as session:
            row = add_kind(session, kind.name, added_by=person.name, added_ns=time.time_ns())
            record_event(session, person, "added kind", row.name)
            return _view(row)
    except EdgeError as error:
        raise HTTPException(409, str(error)) from error


@router.delete("/api/v1/kinds/{kind_id:int}")
def retire(site: SiteOf, person: Engineer, kind_id: int) -> KindView:
    """Offer a kind no more. Reviews that name it stay as they are."""
    try:
        with site.writes.write() as session:
            row = retire_kind(session, kind_id, retired_ns=time.time_ns())
            record_event(session, person, "retired kind", row.name)
            return _view(row)
    except EdgeError as error:
        raise HTTPException(404, str(error)) from error


def _view(row: DefectKind) -> KindView:
    return KindView(
        id=row.id,
        name=row.name,
        added_by=row.added_by,
        added_at=utc(row.added_ns),
        retired_at=None if row.retired_ns is None else utc(row.retired_ns),
    )
