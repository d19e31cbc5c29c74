"""API tokens, for admins: a name and a role for a program."""

import time

from fastapi import APIRouter, HTTPException

from dashboard.people.person import Admin
from dashboard.people.refused import saying
from dashboard.people.views import MadeToken, NewToken, TokenView, token_view
from dashboard.site import SiteOf
from edge.ledger.accounts import clean_name
from edge.ledger.holders import make_token, tokens
from edge.ledger.people import ApiToken, record_event

router = APIRouter(prefix="/api/v1/tokens", tags=["people"])
MOST_ID = 2**31


@router.get("")
def list_tokens(site: SiteOf, person: Admin) -> list[TokenView]:
    """All tokens, the newest first, the revoked ones too."""
    with site.reader.read() as reading:
        return [token_view(row) for row in tokens(reading.session)]


@router.post("", status_code=201)
def make(site: SiteOf, person: Admin, new: NewToken) -> MadeToken:
    """Make a token; this answer alone holds its secret. 422 for a name that cannot be one, 409 if it is taken."""
    with saying(422):
        clean_name(new.name)
    with site.writes.write() as session, saying(409):
        row, secret = make_token(session, new.name, new.role, by=person)
        record_event(session, person, "made token", f"{row.name}, {row.role}")
        return MadeToken(**token_view(row).model_dump(), secret=secret)


@router.delete("/{token_id}", status_code=204)
def revoke(site: SiteOf, person: Admin, token_id: int) -> None:
    """Refuse a token from now on. Once is enough: a second time changes nothing."""
    with site.writes.write() as session:
        row = session.get(ApiToken, token_id) if 0 < token_id < MOST_ID else None
        if row is None:
            raise HTTPException(404, f"no token {token_id}")
        if row.revoked_ns is None:
            row.revoked_ns = time.time_ns()
            record_event(session, person, "revoked token", row.name)
