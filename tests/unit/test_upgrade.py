"""The record goes up and down through every revision with data in every table, and loses what is stated, no more."""

import json
import os
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Float, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from edge import lock
from edge.cli import app
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.copies import copy_database
from edge.ledger.record import open_engine
from edge.ledger.schema import _config, downgrade, prepare, way_back

REVISIONS = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
HEAD = REVISIONS[-1]
pytestmark = pytest.mark.sqlite
ROWS = 3
ALLOWED = {  # what a CHECK or a trigger holds a column to
    "verdict": "confirmed_defect", "role": "admin", "state": "done", "outcome": "defect", "rate": 0.25,
    "undoes": None, "undone_by": None, "blind": False, "scale_low": 0.5, "media_bytes": 77,
}  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def at(path: Path, revision: str) -> None:
    """Take a record, or a file that is none yet, up to a revision."""
    engine, config = open_engine(Database(file=path), writes=True), _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def tables(path: Path) -> tuple[MetaData, Any]:
    engine, metadata = open_engine(Database(file=path), writes=True), MetaData()
    metadata.reflect(engine)
    return metadata, engine


def fill(path: Path) -> None:
    """Put ROWS rows into every table that is empty, each referring to the row of its own number."""
    metadata, engine = tables(path)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if connection.execute(select(table)).first() is None:
                connection.execute(insert(table), [row_of(table, number) for number in range(1, ROWS + 1)])
    engine.dispose()


def row_of(table: Table, number: int) -> dict[str, Any]:
    def value(name: str) -> Any:
        column = table.columns[name]
        if name in ALLOWED:
            return ALLOWED[name]
        if name == "id" or column.foreign_keys:
            return number
        kinds: Mapping[type, Any] = {JSON: {"k": number}, Boolean: True, Integer: 1000 + number, Float: number / 8}
        found = [made for kind, made in kinds.items() if isinstance(column.type, kind)]
        return found[0] if found else f"{name} {number}"

    return {name: value(name) for name in table.c.keys()}  # noqa: SIM118


def content(path: Path) -> Rows:
    metadata, engine = tables(path)
    with engine.begin() as connection:
        found = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }
    engine.dispose()
    return found


def schema(path: Path) -> set[tuple[str, str]]:
    """What was made, but for SQLite's own `sqlite_sequence`, which stays once a table counts up by AUTOINCREMENT."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    with closing(sqlite3.connect(path)) as connection:
        return {(name, " ".join(sql.replace('"', "").split())) for name, sql in connection.execute(query)}


def same(old: Rows, new: Rows) -> None:
    """What the old one has, the new one has, too."""
    assert old.keys() <= new.keys()
    for name, rows in old.items():
        shared = [{column: row[column] for column in before} for before, row in zip(rows, new[name], strict=True)]
        assert shared == rows, name


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_data_of_every_version_survives_the_upgrade_and_the_way_back(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "record.sqlite"
    at(path, revision)
    fill(path)
    before, shape = content(path), schema(path)
    assert all(len(rows) >= 1 for rows in before.values())

    prepare(Database(file=path))
    same(before, content(path))
    fill(path)  # the tables that are new

    downgrade(Database(file=path), way_back(Database(file=path), revision))
    assert content(path) == before
    assert {name for name, _ in schema(path)} == {name for name, _ in shape}
    prepare(Database(file=path))
    same(before, content(path))
    whole(path)


def test_what_this_version_wrote_survives_the_way_to_every_older_one(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    prepare(Database(file=path))
    fill(path)
    whole(path)
    for revision in REVISIONS[-2::-1]:
        before = content(path)
        downgrade(Database(file=path), way_back(Database(file=path), revision))
        same(content(path), before)
        whole(path)
    assert content(path).keys() == {"run", "camera", "inspection", "region"}
    assert len(content(path)["inspection"]) == ROWS


def whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_reviews_that_an_older_version_does_not_know_are_lost_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    prepare(Database(file=path))
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        for verdict in ("confirmed_ok", "withdrawn", "false_alarm"):
            said = (
                "INSERT INTO review (inspection_id, verdict, reviewer, reviewed_ns, blind) VALUES (1, ?, 'Eva', 1, 0)"
            )
            connection.execute(said, (verdict,))
        connection.commit()
    way = way_back(Database(file=path), "r0007")
    assert "`confirmed_ok` or `withdrawn`" in way.losses["r0008"]
    downgrade(Database(file=path), way)
    assert [row["verdict"] for row in content(path)["review"]] == ["confirmed_defect"] * ROWS + ["false_alarm"]
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM review")


def test_every_way_back_says_what_it_loses(tmp_path: Path) -> None:
    prepare(Database(file=tmp_path / "record.sqlite"))
    way = way_back(Database(file=tmp_path / "record.sqlite"), REVISIONS[0])
    assert list(way.losses) == REVISIONS[:0:-1]
    assert all(loss.startswith("Loses ") for loss in way.losses.values())


@pytest.mark.parametrize("target", [HEAD, "r9999", "base", "", "head"])
def test_only_an_older_revision_is_gone_back_to(tmp_path: Path, target: str) -> None:
    prepare(Database(file=tmp_path / "record.sqlite"))
    with pytest.raises(EdgeError, match="can go back to: "):
        way_back(Database(file=tmp_path / "record.sqlite"), target)


def test_the_command_copies_the_record_first_and_leaves_a_running_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    prepare(Database(file=path))
    fill(path)
    before = content(path)
    arguments = ["downgrade", "r0004", "--data", str(tmp_path), "--json"]

    with lock.hold(tmp_path, run="night"):
        assert isinstance(CliRunner().invoke(app, arguments).exception, EdgeError)
    with lock.share(tmp_path):
        assert isinstance(CliRunner().invoke(app, arguments).exception, EdgeError)
    would = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert json.loads(would.stdout)["losses"]["r0006"].startswith("Loses accounts")
    assert content(path) == before

    done = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert content(Path(done["copy"])) == before
    assert "account" not in content(path)
    assert "review" in content(path)


def test_the_copy_comes_back_without_what_a_kill_left_in_the_log(tmp_path: Path) -> None:
    """SQLite replays a log into whichever record lies beside it."""
    path = tmp_path / "record.sqlite"
    prepare(Database(file=path))
    fill(path)
    before = content(path)
    copy = Path(
        json.loads(CliRunner().invoke(app, ["downgrade", "r0004", "--data", str(tmp_path), "--json"]).stdout)["copy"]
    )
    killed_while_writing(path)
    arguments = ["restore-record", str(copy), "--data", str(tmp_path), "--json"]

    with closing(sqlite3.connect(path)) as page:
        page.execute("SELECT count(*) FROM run").fetchall()
        assert "in use" in str(CliRunner().invoke(app, arguments).exception)
    with lock.share(tmp_path):
        assert isinstance(CliRunner().invoke(app, arguments).exception, EdgeError)
    killed_while_writing(path)
    done = CliRunner().invoke(app, arguments)

    assert done.exit_code == 0, done.exception
    assert content(path) == before
    whole(path)
    with closing(sqlite3.connect(json.loads(done.stdout)["replaced"])) as replaced:
        assert replaced.execute("SELECT count(*) FROM run WHERE name LIKE 'later%'").fetchone() == (80,)


def test_a_damaged_record_is_put_aside_with_its_log(tmp_path: Path) -> None:
    path, copy = tmp_path / "record.sqlite", tmp_path / "copy.sqlite"
    prepare(Database(file=path))
    copy_database(path, copy)
    killed_while_writing(path)
    path.write_bytes(b"no database" * 1000)
    (tmp_path / "empty").touch()
    for wrong in (tmp_path / "none", tmp_path / "empty", Path(__file__)):
        refused = CliRunner().invoke(app, ["restore-record", str(wrong), "--data", str(tmp_path)])
        assert isinstance(refused.exception, EdgeError), wrong
    assert CliRunner().invoke(app, ["restore-record", str(copy), "--data", str(tmp_path)]).exit_code == 0
    assert content(path) == content(copy)
    assert sorted(path.suffix for path in tmp_path.glob("record-replaced-*")) == [".sqlite", ".sqlite-wal"]
    killed_while_writing(path)
    path.unlink()  # and its log is left
    assert CliRunner().invoke(app, ["restore-record", str(copy), "--data", str(tmp_path)]).exit_code == 0
    assert content(path) == content(copy)


def killed_while_writing(path: Path) -> None:
    """Leave a log of 40 runs that are in no page of the record yet."""
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for _ in range(40):
            connection.execute("INSERT INTO run (name, started_ns, version) VALUES ('later' || random(), 1, 'x')")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_downgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    prepare(Database(file=path))
    fill(path)
    with closing(sqlite3.connect(path)) as connection:  # r0007 is to drop a table that is not there
        connection.execute("DROP TABLE bundle")
    before = content(path)
    with pytest.raises(DatabaseError):
        downgrade(Database(file=path), way_back(Database(file=path), "r0001"))
    assert content(path) == before
    assert way_back(Database(file=path), "r0001").current == HEAD
