"""Who may use the page: accounts, their sign-ins, API tokens, and the log of what people did."""

import time
from enum import StrEnum
from typing import Protocol

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.ledger.record import Base, BigKey


class Role(StrEnum):
    """What a person may do; each may do all that stands above it."""

    OPERATOR = "operator"  # see, review, audit, stop a camera
    ENGINEER = "engineer"  # start, changeover, regions, rates, kinds
    ADMIN = "admin"  # accounts and tokens

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Account(Base):
    """A person with a password; `password_hash` is argon2id's own format."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("role IN ('operator', 'engineer', 'admin')"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str]
    created_ns: Mapped[int] = mapped_column(BigInteger)
    disabled_ns: Mapped[int | None] = mapped_column(BigInteger)


class SignIn(Base):
    """A browser that knows a token whose SHA-256 is kept here, until `ends_ns`."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    token_sha256: Mapped[str] = mapped_column(unique=True)
    began_ns: Mapped[int] = mapped_column(BigInteger)
    ends_ns: Mapped[int] = mapped_column(BigInteger)


class ApiToken(Base):
    """A program that knows a token whose SHA-256 is kept here, until it is revoked."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("role IN ('operator', 'engineer', 'admin')"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    made_by: Mapped[str]
    made_ns: Mapped[int] = mapped_column(BigInteger)
    revoked_ns: Mapped[int | None] = mapped_column(BigInteger)


class AuditEvent(Base):
    """One thing that somebody did on the page; rows are never changed or removed, which triggers see to.

    what: a verb, for example `signed in`, `stopped camera`;  about: of what, in words;  address: the client's
    """

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at_ns: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str]
    what: Mapped[str]
    about: Mapped[str]
    address: Mapped[str | None]


class Actor(Protocol):
    """Whoever does something on the page, and from where."""

    @property
    def name(self) -> str:
        """As the log is to name them."""

    @property
    def address(self) -> str | None:
        """Of the browser or program; None where it is not known."""


def record_event(session: Session, actor: Actor, what: str, about: str) -> None:
    """Add to the log, in the transaction of the deed itself, so that neither is there without the other.

    what: a verb in the past, for example `stopped camera`;  about: of what, and why, in words. Never a secret.
    """
    row = AuditEvent(at_ns=time.time_ns(), who=actor.name, what=what, about=about, address=actor.address)
    session.add(row)


def events_before(session: Session, before: int | None, *, limit: int) -> list[AuditEvent]:
    """The log, the newest first, from below event id `before` on."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(AuditEvent.id < before)))
