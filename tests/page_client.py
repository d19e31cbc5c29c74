"""The page asked without a browser, as its own scripts ask it: on loopback, or open to the plant, with people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from dashboard.app import create_app
from dashboard.people import cookie
from dashboard.people.csrf import HEADER, csrf_of
from dashboard.site import Site
from edge.database import Database
from edge.ledger.accounts import account_named, add_account
from edge.ledger.holders import begin_sign_in
from edge.ledger.people import Role
from edge.ledger.record import open_engine, unit_of_work
from edge.settings import Settings
from tests.new_record import new_record

LOOPBACK = "http://127.0.0.1"
PLANT = "https://page.plant"
PASSWORD = "correct horse"
WEAK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Fast; a sign-in replaces such a hash by one with today's parameters."""


@contextmanager
def page_client(settings: Settings) -> Iterator[TestClient]:
    """The page on loopback, asked by the local operator, whose writes carry the CSRF token that each page holds."""
    app = create_app(settings)
    site: Site = app.state.site
    with TestClient(app, base_url=LOOPBACK, headers={HEADER: site.access.local_csrf}) as client:
        yield client


def plant_settings(data: Path, **more: object) -> Settings:
    """A page for the plant's network behind a proxy that is not there."""
    return Settings.read(data=data, page_host="0.0.0.0", page_hosts="page.plant", page_proxy="10.0.0.1", **more)


def add_people(database: Database, **roles: Role) -> None:
    """Accounts, all with PASSWORD, in a record that is made if there is none."""
    new_record(database)
    engine = open_engine(database, writes=True)
    with unit_of_work(engine) as session:
        for name, role in roles.items():
            add_account(session, name, role, password_hash=WEAK_HASHER.hash(PASSWORD))
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Plant:
    """A page with accounts in force."""

    settings: Settings
    app: FastAPI

    def stranger(self, **headers: str) -> TestClient:
        """A browser or program that nobody knows."""
        return TestClient(self.app, base_url=PLANT, headers=headers, follow_redirects=False)

    def signed_in(self, name: str) -> TestClient:
        """A browser of a person who has signed in."""
        engine = open_engine(self.settings.database, writes=True)
        with unit_of_work(engine) as session:
            account = account_named(session, name)
            assert account is not None
            secret = begin_sign_in(session, account)
        engine.dispose()
        client = self.stranger(**{HEADER: csrf_of(secret)})
        client.cookies.set(cookie.NAME, secret)
        return client

    @contextmanager
    def record(self) -> Iterator[Session]:
        """A session on the record."""
        engine = open_engine(self.settings.database, writes=True)
        try:
            with unit_of_work(engine) as session:
                yield session
        finally:
            engine.dispose()


@contextmanager
def plant_page(data: Path, **roles: Role) -> Iterator[Plant]:
    """A page with these accounts, all with PASSWORD."""
    settings = plant_settings(data)
    add_people(settings.database, **roles)
    app = create_app(settings)
    with TestClient(app):
        yield Plant(settings, app)
