"""The page of the line, and the pieces of it that the browser renews."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboard.people.person import Operator
from dashboard.site import SiteOf
from edge.ledger.people import Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/line")
def line(request: Request, site: SiteOf, person: Operator) -> HTMLResponse:
    """Each camera: what it sees, what it does, and what can be ordered of it."""
    context = {
        "line": site.board.look(),
        "engineer": person.role.covers(Role.ENGINEER),
        "limit_s": site.settings.live_limit_s,
    }
    return site.templates.TemplateResponse(request, "line/line.html", context)


@router.get("/line/facts")
def facts(request: Request, site: SiteOf) -> HTMLResponse:
    """What changes, to be put in place of what is older."""
    return site.templates.TemplateResponse(request, "line/facts.html", {"line": site.board.look()})
