"""GET /healthz: the page lives. GET /readyz: the line inspects, truly and now. Open to all; details are not."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException

from dashboard.people.door import check_way, visitor_now
from dashboard.reader import NoRecordYetError
from dashboard.site import Site, SiteOf
from edge.ledger.damage import Damaged
from edge.ledger.patience import in_words
from edge.ledger.readiness import Readiness, Ready, unreadable
from edge.ledger.ready_now import readiness_of
from edge.ledger.record import Inspection

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}


@router.get("/healthz", response_class=JSONResponse)
def health(site: SiteOf) -> dict[str, str]:
    """The page answers, and, for the local operator alone, whether it can read a record: `ready` or why not."""
    if not site.access.local:
        return {"page": "ok"}
    try:
        with site.reader.read() as reading:
            reading.session.scalar(select(func.max(Inspection.id)))
            return {"page": "ok", "record": "ready"}
    except (NoRecordYetError, Damaged) as error:
        return {"page": "ok", "record": str(error)}
    except DatabaseError as error:
        return {"page": "ok", "record": in_words(error)}


@router.get("/readyz", response_class=JSONResponse)
def ready(site: SiteOf, request: Request) -> JSONResponse:
    """200 if every camera of the line is inspecting, else 503.

    Why not, and each camera by itself, is for the local operator, and whoever has signed in or sends an API token.
    """
    now = _now(site)
    told: dict[str, Any] = {"ready": now.line.ready}
    if _is_known(request, site):
        told = _told(now.line) | {"cameras": {camera: _told(one) for camera, one in now.cameras.items()}}
    return JSONResponse(told, 200 if now.line.ready else 503, NO_STORE)


def _now(site: Site) -> Readiness:
    try:
        with site.reader.read() as reading:
            return readiness_of(site.settings, reading.session)
    except DatabaseError as error:
        return unreadable(str(error.orig))
    except (NoRecordYetError, Damaged, OSError) as error:
        return unreadable(str(error))


def _told(one: Ready) -> dict[str, Any]:
    return {"ready": one.ready, "reasons": [asdict(reason) for reason in one.reasons]}


def _is_known(request: Request, site: Site) -> bool:
    try:
        check_way(request, site)
        return visitor_now(request) is not None
    except (HTTPException, NoRecordYetError, Damaged, DatabaseError):
        return False
