"""What the page and the API show of people: never a password, a hash, or a token's secret but once."""

from datetime import datetime

from pydantic import BaseModel, Field

from dashboard.moments import utc
from edge.ledger.page_access import LONGEST_PASSWORD, SHORTEST_PASSWORD
from edge.ledger.people import Account, ApiToken, AuditEvent, Role

Password = Field(min_length=1, max_length=LONGEST_PASSWORD, description=f"{SHORTEST_PASSWORD} characters or more")


class Me(BaseModel):
    """Whoever asks."""

    name: str
    role: Role
    csrf: str | None = Field(description="what writes of a browser carry in X-CSRF-Token; None for an API token")


class OwnPassword(BaseModel):
    """A new password for oneself; all sign-ins of the account end, this one too."""

    current: str = Field(max_length=LONGEST_PASSWORD)
    password: str = Password


class NewAccount(BaseModel):
    """A person who is to use the page."""

    name: str = Field(max_length=200)
    role: Role
    password: str = Password


class AccountChange(BaseModel):
    """What is to change of an account; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = Field(default=None, description="true: no sign-in any more, and the present ones end")


class NewPassword(BaseModel):
    """A new password for somebody; all sign-ins of the account end."""

    password: str = Password


class AccountView(BaseModel):
    """A person who may use the page."""

    id: int
    name: str
    role: Role
    made_at: datetime
    disabled_at: datetime | None = Field(description="since when nobody can sign in with it; None: they can")


class NewToken(BaseModel):
    """A program that is to use the API."""

    name: str = Field(max_length=200)
    role: Role


class TokenView(BaseModel):
    """A program that may use the API."""

    id: int
    name: str
    role: Role
    made_by: str
    made_at: datetime
    revoked_at: datetime | None = Field(description="since when it is refused; None: it is good")


class MadeToken(TokenView):
    """A token just made."""

    secret: str = Field(description="goes into `Authorization: Bearer SECRET`; it is never shown again")


class EventView(BaseModel):
    """One thing that somebody did."""

    id: int
    at: datetime
    who: str
    what: str
    about: str
    address: str | None = Field(description="of the browser or program")


class EventPage(BaseModel):
    """Some of the log, the newest first."""

    events: list[EventView]
    next: int | None = Field(description="the `before` of the next page; None on the last")


def account_view(row: Account) -> AccountView:
    """An account without its password."""
    return AccountView(
        id=row.id, name=row.name, role=Role(row.role), made_at=utc(row.created_ns),
        disabled_at=None if row.disabled_ns is None else utc(row.disabled_ns),
    )  # fmt: skip


def token_view(row: ApiToken) -> TokenView:
    """A token without its secret."""
    return TokenView(
        id=row.id, name=row.name, role=Role(row.role), made_by=row.made_by, made_at=utc(row.made_ns),
        revoked_at=None if row.revoked_ns is None else utc(row.revoked_ns),
    )  # fmt: skip


def event_page(rows: list[AuditEvent], *, limit: int) -> EventPage:
    """rows: the newest first, one more than `limit` where there is a next page"""
    shown = [
        EventView(id=row.id, at=utc(row.at_ns), who=row.who, what=row.what, about=row.about, address=row.address)
        for row in rows[:limit]
    ]
    return EventPage(events=shown, next=shown[-1].id if len(rows) > limit else None)
