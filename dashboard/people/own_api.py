"""What everybody may do with their own account: see who they are, sign out, change their password."""

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.people import cookie, passwords
from dashboard.people.person import Operator, visitor_of
from dashboard.people.refused import saying
from dashboard.people.sign_in import check_password
from dashboard.people.views import Me, OwnPassword
from dashboard.site import SiteOf
from edge.ledger import page_access
from edge.ledger.accounts import account_named, set_password
from edge.ledger.holders import end_sign_in
from edge.ledger.people import record_event

router = APIRouter(prefix="/api/v1/me", tags=["people"])


@router.get("")
def me(request: Request, person: Operator) -> Me:
    """Who asks, by cookie, token, or because they sit at this machine."""
    visitor = visitor_of(request)
    return Me(name=person.name, role=person.role, csrf=visitor.csrf if visitor else None)


@router.delete("/sign-in", status_code=204)
def sign_out(request: Request, response: Response, site: SiteOf, person: Operator) -> None:
    """End this browser's sign-in. 409 for whoever has none."""
    secret = _own_secret(request)
    with site.writes.write() as session:
        end_sign_in(session, secret)
        record_event(session, person, "signed out", person.role)
    cookie.take_back(response)


@router.put("/password", status_code=204)
def change_password(request: Request, response: Response, site: SiteOf, person: Operator, change: OwnPassword) -> None:
    """Change one's own password, and sign out everywhere. 403 if the current one is wrong, 422 if the new is short."""
    _own_secret(request)
    with saying(422):
        page_access.check_password(change.password)
    known = check_password(request, site, person.name, change.current, refused="password change refused")
    if known is None:
        raise HTTPException(403, "The current password is wrong.")
    password_hash = passwords.hashed(change.password)
    with site.writes.write() as session:
        account = account_named(session, person.name)
        if account is None or account.password_hash != known:
            raise HTTPException(409, "The account changed meanwhile. Sign in again.")
        set_password(session, account, password_hash)
        record_event(session, person, "changed password", account.name)
    cookie.take_back(response)


def _own_secret(request: Request) -> str:
    visitor = visitor_of(request)
    if visitor is None or visitor.secret is None or not visitor.signed_in:
        raise HTTPException(409, "This is for people who are signed in; the local operator and API tokens are not.")
    return visitor.secret
