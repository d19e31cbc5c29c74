"""Secrets that a browser or a program holds: random, shown once, and kept here as their SHA-256 alone."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.accounts import clean_name
from edge.ledger.people import Account, Actor, ApiToken, Role, SignIn

SIGN_IN_NS = 12 * 3600 * 10**9
"""How long a sign-in lasts: a long shift."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a secret stands for, as the record knows it now."""

    name: str
    role: Role


def sha256(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin_sign_in(session: Session, account: Account) -> str:
    """Sign an account in; the secret for the browser's cookie. Sign-ins that have run out are removed by the way."""
    now_ns, secret = time.time_ns(), secrets.token_urlsafe(32)
    session.execute(delete(SignIn).where(SignIn.ends_ns <= now_ns))
    session.add(
        SignIn(account_id=account.id, token_sha256=sha256(secret), began_ns=now_ns, ends_ns=now_ns + SIGN_IN_NS)
    )
    return secret


def end_sign_in(session: Session, secret: str) -> None:
    """Sign out the browser that holds this secret."""
    session.execute(delete(SignIn).where(SignIn.token_sha256 == sha256(secret)))


def signed_in(session: Session, secret: str) -> Holder | None:
    """Whose sign-in this is; None if there is none, it has run out, or the account is disabled."""
    row = session.execute(
        select(Account.name, Account.role)
        .join(SignIn, SignIn.account_id == Account.id)
        .where(SignIn.token_sha256 == sha256(secret), SignIn.ends_ns > time.time_ns(), Account.disabled_ns.is_(None))
    ).one_or_none()
    return None if row is None else Holder(row.name, Role(row.role))


def make_token(session: Session, name: str, role: Role, *, by: Actor) -> tuple[ApiToken, str]:
    """A token for a program, and its secret. Raises EdgeError if the name cannot be one or is taken."""
    cleaned, secret = clean_name(name), f"edge_{secrets.token_urlsafe(32)}"
    if session.scalar(select(ApiToken.id).where(ApiToken.name == cleaned)) is not None:
        raise EdgeError(f"there is or was a token {cleaned!r}. Choose another name, so that the log stays clear.")
    row = ApiToken(name=cleaned, role=role.value, token_sha256=sha256(secret), made_by=by.name, made_ns=time.time_ns())
    session.add(row)
    session.flush()
    return row, secret


def tokens(session: Session) -> list[ApiToken]:
    """All tokens, the newest first, the revoked ones too."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


def token_holder(session: Session, secret: str) -> Holder | None:
    """Which token this is; None if there is none or it is revoked."""
    query = select(ApiToken).where(ApiToken.token_sha256 == sha256(secret), ApiToken.revoked_ns.is_(None))
    row = session.scalar(query)
    return None if row is None else Holder(row.name, Role(row.role))
