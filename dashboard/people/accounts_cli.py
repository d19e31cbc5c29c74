"""`dashboard accounts`: accounts from the command line, for whoever may write the record's file: the way back in."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from dashboard.people.passwords import hashed
from dashboard.people.person import Person
from dashboard.people.views import account_view
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.accounts import account_named, accounts, add_account, enable, set_password
from edge.ledger.page_access import check_password
from edge.ledger.people import Account, Role, record_event
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.schema import open_existing, prepare
from edge.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Accounts of the page: list, add, and a new password where one is forgotten."
)
Data = Annotated[Path | None, typer.Option(help="Folder of the record. [default: edge-data]")]
Name = Annotated[str, typer.Argument(help="The account's name.")]


@app.command("list")
def show(
    data: Data = None, as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False
) -> None:
    """List all accounts with role and state."""
    engine = open_existing(Settings.read(data=data).database)
    with Session(engine) as session:
        rows = [account_view(row) for row in accounts(session)]
    engine.dispose()
    if as_json:
        typer.echo(json.dumps([row.model_dump(mode="json") for row in rows], ensure_ascii=False, indent=2))
        return
    table = Table("Name", "Role", "State", box=None)
    for row in rows:
        table.add_row(row.name, row.role, "may sign in" if row.disabled_at is None else "disabled")
    Console().print(table)


@app.command()
def add(
    name: Name, role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.OPERATOR, data: Data = None
) -> None:
    """Make an account. The password is asked for, or read from the first line of standard input."""
    database = Settings.read(data=data).database
    password_hash = hashed(_new_password())
    prepare(database)
    with _writing(database) as session:
        account = add_account(session, name, role, password_hash=password_hash)
        record_event(session, _who(), "made account", f"{account.name}, {account.role}")
    typer.echo(f"Made {account.name}, {account.role}.")


@app.command()
def password(name: Name, data: Data = None) -> None:
    """Give an account a new password, and let it sign in again if it was disabled.

    The password is asked for, or read from the first line of standard input. Whoever is signed in no longer is.
    """
    database = Settings.read(data=data).database
    open_existing(database).dispose()
    with _writing(database) as session:
        _existing(session, name)
    password_hash = hashed(_new_password())
    with _writing(database) as session:
        account = _existing(session, name)
        set_password(session, account, password_hash)
        enable(session, account)
        record_event(session, _who(), "gave new password", account.name)
    typer.echo(f"{account.name} has a new password.")


@contextmanager
def _writing(database: Database) -> Iterator[Session]:
    engine = open_engine(database, writes=True)
    try:
        with unit_of_work(engine) as session:
            yield session
    finally:
        engine.dispose()


def _existing(session: Session, name: str) -> Account:
    account = account_named(session, name)
    if account is None:
        known = ", ".join(row.name for row in accounts(session)) or "none yet; make one with `dashboard accounts add`"
        raise EdgeError(f"no account {name!r}. There are: {known}.")
    return account


def _new_password() -> str:
    """From the terminal, twice and unseen; from a pipe, one line."""
    if not sys.stdin.isatty():
        given = sys.stdin.readline().rstrip("\r\n")
    elif (given := getpass.getpass("Password: ")) != getpass.getpass("Once more: "):
        raise EdgeError("the two passwords differ. Nothing was changed; try again.")
    check_password(given)
    return given


def _who() -> Person:
    return Person(f"{getpass.getuser()} at the command line", Role.ADMIN)
