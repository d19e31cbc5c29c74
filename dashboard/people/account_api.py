"""Accounts, for admins. None is ever removed: the record names them."""

from fastapi import APIRouter, HTTPException
from sqlalchemy.orm import Session

from dashboard.people import passwords
from dashboard.people.person import Admin
from dashboard.people.refused import saying
from dashboard.people.views import AccountChange, AccountView, NewAccount, NewPassword, account_view
from dashboard.site import SiteOf
from edge.ledger.accounts import accounts, add_account, clean_name, disable, enable, set_password, set_role
from edge.ledger.page_access import check_password
from edge.ledger.people import Account, record_event

router = APIRouter(prefix="/api/v1/accounts", tags=["people"])
MOST_ID = 2**31


@router.get("")
def list_accounts(site: SiteOf, person: Admin) -> list[AccountView]:
    """All accounts by name."""
    with site.reader.read() as reading:
        return [account_view(row) for row in accounts(reading.session)]


@router.post("", status_code=201)
def make_account(site: SiteOf, person: Admin, new: NewAccount) -> AccountView:
    """Make an account. 422 for a name or password that cannot be one, 409 for a name that is taken."""
    with saying(422):
        check_password(new.password)
        clean_name(new.name)
    password_hash = passwords.hashed(new.password)  # before the write lock is taken: it takes its time
    with site.writes.write() as session, saying(409):
        account = add_account(session, new.name, new.role, password_hash=password_hash)
        record_event(session, person, "made account", f"{account.name}, {account.role}")
        return account_view(account)


@router.patch("/{account_id}")
def change_account(site: SiteOf, person: Admin, account_id: int, change: AccountChange) -> AccountView:
    """Change role, disable, or enable again; at once, for present sign-ins too. 409 for the last admin."""
    with site.writes.write() as session, saying(409):
        account = _account(session, account_id)
        if change.role is not None and change.role != account.role:
            before = account.role
            set_role(session, account, change.role)
            record_event(session, person, "changed role", f"{account.name}, {before} to {account.role}")
        if change.disabled is not None and change.disabled != (account.disabled_ns is not None):
            (disable if change.disabled else enable)(session, account)
            record_event(session, person, "disabled account" if change.disabled else "enabled account", account.name)
        return account_view(account)


@router.put("/{account_id}/password", status_code=204)
def give_password(site: SiteOf, person: Admin, account_id: int, new: NewPassword) -> None:
    """Give somebody a new password; wherever they are signed in they no longer are."""
    with saying(422):
        check_password(new.password)
    password_hash = passwords.hashed(new.password)
    with site.writes.write() as session:
        account = _account(session, account_id)
        set_password(session, account, password_hash)
        record_event(session, person, "gave new password", account.name)


def _account(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id) if 0 < account_id < MOST_ID else None
    if account is None:
        raise HTTPException(404, f"no account {account_id}")
    return account
