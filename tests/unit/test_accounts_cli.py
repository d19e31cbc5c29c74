"""`dashboard accounts`: the way back in for whoever may write the record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from dashboard.cli import app
from dashboard.people.passwords import is_right
from edge.errors import EdgeError
from edge.ledger.accounts import account_named, disable
from edge.ledger.people import AuditEvent, Role
from tests.page_client import PASSWORD, Plant, plant_page

NEW = "another horse"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with plant_page(tmp_path / "data", anna=Role.ADMIN, olga=Role.OPERATOR) as plant:
        yield plant


def run(plant: Plant, *words: str, given: str = "") -> str:
    result = CliRunner().invoke(app, ["accounts", *words, "--data", str(plant.settings.data)], input=given)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_forgotten_password_is_given_anew_and_old_sign_ins_end(plant: Plant) -> None:
    browser = plant.signed_in("olga")
    with plant.record() as session:
        olga = account_named(session, "olga")
        assert olga is not None
        disable(session, olga)
    assert run(plant, "password", "olga", given=f"{NEW}\n") == "olga has a new password.\n"
    assert browser.get("/api/v1/me").status_code == 401
    with plant.record() as session:
        olga = account_named(session, "olga")
        assert olga is not None and olga.disabled_ns is None
        assert is_right(olga.password_hash, NEW) and not is_right(olga.password_hash, PASSWORD)
        logged = session.scalars(select(AuditEvent)).one()
        assert (logged.what, logged.about) == ("gave new password", "olga")
        assert logged.who.endswith("at the command line")


def test_added_account_is_listed(plant: Plant) -> None:
    run(plant, "add", "emil", "--role", "engineer", given=f"{NEW}\n")
    rows = json.loads(run(plant, "list", "--json"))
    assert [(row["name"], row["role"]) for row in rows] == [
        ("anna", "admin"), ("emil", "engineer"), ("olga", "operator"),
    ]  # fmt: skip
    assert "emil" in run(plant, "list")


@pytest.mark.parametrize(
    ("words", "given", "problem"),
    [
        (("add", "emil"), "short\n", "needs 10 or more"),
        (("add", "emil"), "", "0 characters"),
        (("add", "Anna"), f"{NEW}\n", "'anna' already"),
        (("password", "nobody"), f"{NEW}\n", "There are: anna, olga"),
    ],
)
def test_what_cannot_be_is_refused_in_words(plant: Plant, words: tuple[str, ...], given: str, problem: str) -> None:
    with pytest.raises(EdgeError, match=problem):
        run(plant, *words, given=given)
