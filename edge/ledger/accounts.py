"""Accounts of the page: made, changed and disabled, never removed, since the record's rows name them."""

import time
import unicodedata

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.people import Account, Role, SignIn

LONGEST_NAME = 64
RESERVED_NAMES = ("local operator",)
TOKEN_MARK = " (token)"
"""Ends the name under which an API token's deeds are recorded, so no account's name may."""


def clean_name(name: str) -> str:
    """The name of an account or a token as it is kept: NFC, spaces joined. Raises EdgeError if it cannot be one."""
    cleaned = same_name(name)
    if not 1 <= len(cleaned) <= LONGEST_NAME or not cleaned.isprintable():
        raise EdgeError(f"name {name[:80]!r}: a name has 1 to {LONGEST_NAME} printable characters. Choose another one.")
    if cleaned.casefold() in RESERVED_NAMES or cleaned.casefold().endswith(TOKEN_MARK):
        raise EdgeError(f"name {cleaned!r} is the page's own. Choose another one.")
    return cleaned


def accounts(session: Session) -> list[Account]:
    """All accounts by name, the disabled ones too."""
    return list(session.scalars(select(Account).order_by(func.lower(Account.name))))


def has_accounts(session: Session) -> bool:
    """Whether anybody could ever sign in."""
    return session.scalar(select(Account.id).limit(1)) is not None


def same_name(name: str) -> str:
    """One name for all ways to type it: NFC, spaces joined."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def account_named(session: Session, name: str) -> Account | None:
    """The account with this name, exactly as it was given at its making but for spaces at its ends."""
    return session.scalar(select(Account).where(Account.name == same_name(name)))


def add_account(session: Session, name: str, role: Role, *, password_hash: str) -> Account:
    """Make an account. Raises EdgeError if the name cannot be one, or one differs from it in capitals at most."""
    cleaned = clean_name(name)
    for there in accounts(session):
        if there.name.casefold() == cleaned.casefold():
            raise EdgeError(f"there is an account {there.name!r} already. Choose another name, or change that account.")
    account = Account(name=cleaned, role=role.value, password_hash=password_hash, created_ns=time.time_ns())
    session.add(account)
    session.flush()
    return account


def set_password(session: Session, account: Account, password_hash: str) -> None:
    """Give a new password; whoever was signed in with the old one no longer is."""
    account.password_hash = password_hash
    end_sign_ins(session, account)


def set_role(session: Session, account: Account, role: Role) -> None:
    """Takes effect with the next request. Raises EdgeError rather than leave nobody who may manage accounts."""
    if role is not Role.ADMIN:
        _keep_an_admin(session, account)
    account.role = role.value


def disable(session: Session, account: Account) -> None:
    """No sign-in any more, and none that goes on. Raises EdgeError for the last admin."""
    _keep_an_admin(session, account)
    account.disabled_ns = time.time_ns()
    end_sign_ins(session, account)


def enable(session: Session, account: Account) -> None:
    """Let a disabled account sign in again, with the password that it had."""
    account.disabled_ns = None


def end_sign_ins(session: Session, account: Account) -> None:
    """Sign an account out everywhere."""
    session.execute(delete(SignIn).where(SignIn.account_id == account.id))


def _keep_an_admin(session: Session, account: Account) -> None:
    others = select(Account.id).where(
        Account.role == Role.ADMIN, Account.disabled_ns.is_(None), Account.id != account.id
    )
    if account.role == Role.ADMIN and account.disabled_ns is None and session.scalar(others.limit(1)) is None:
        raise EdgeError(f"{account.name} is the last admin. Make another one first.")
