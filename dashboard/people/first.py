"""The first account, made where there is none yet."""

from dashboard.people.passwords import hashed
from dashboard.people.person import Person
from edge.database import Database
from edge.ledger.accounts import add_account, has_accounts
from edge.ledger.page_access import FirstAccount
from edge.ledger.people import Role, record_event
from edge.ledger.record import open_engine, unit_of_work


def make_first_account(database: Database, first: FirstAccount) -> None:
    """Make it an admin, unless somebody was quicker. `database` is an upgraded record."""
    password_hash = hashed(first.password)
    engine = open_engine(database, writes=True)
    try:
        with unit_of_work(engine) as session:
            if not has_accounts(session):
                account = add_account(session, first.name, Role.ADMIN, password_hash=password_hash)
                record_event(session, Person("environment", Role.ADMIN), "made account", f"{account.name}, admin")
    finally:
        engine.dispose()
