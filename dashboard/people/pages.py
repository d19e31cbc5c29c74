"""/people for admins, with the log; /me for everybody."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboard.people import account_api, log_api, token_api
from dashboard.people.log_api import Before
from dashboard.people.person import Admin, Operator
from dashboard.site import SiteOf
from edge.ledger.page_access import SHORTEST_PASSWORD
from edge.ledger.people import Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
NEWEST_EVENTS = 20


@router.get("/people")
def people(request: Request, site: SiteOf, person: Admin) -> HTMLResponse:
    """Accounts, tokens, and the newest of the log."""
    context = {
        "accounts": account_api.list_accounts(site, person),
        "tokens": token_api.list_tokens(site, person),
        "log": log_api.log(site, person, limit=NEWEST_EVENTS),
        "roles": list(Role),
        "person": person,
        "local": site.access.local,
        "shortest": SHORTEST_PASSWORD,
    }
    return site.templates.TemplateResponse(request, "people/people.html", context)


@router.get("/people/log")
def log(request: Request, site: SiteOf, person: Admin, before: Before = None) -> HTMLResponse:
    """The whole log, page by page."""
    context = {"log": log_api.log(site, person, before=before), "before": before}
    return site.templates.TemplateResponse(request, "people/log.html", context)


@router.get("/me")
def me(request: Request, site: SiteOf, person: Operator) -> HTMLResponse:
    """Who one is, and one's own password."""
    context = {"person": person, "shortest": SHORTEST_PASSWORD}
    return site.templates.TemplateResponse(request, "people/me.html", context)
