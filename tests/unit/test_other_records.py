"""What lies in the record's place and is none, or is damaged: said in one sentence, exit code 2, and left as it is."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dashboard.reader import Reader
from edge.cli import main
from edge.ledger.damage import Damaged
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine
from tests.damage import overwrite_page, root_page
from tests.here import run_here
from tests.ledger_rows import Ledger, grey_picture, map_with_spot
from tests.page_client import page_client

pytestmark = pytest.mark.sqlite


def nothing(file: Path) -> None:
    file.touch()


def empty_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")


def somebody_elses(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def no_database(file: Path) -> None:
    file.write_bytes(b"Dear diary, " * 1000)


def folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("command", ["verify", "export", "status"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "it has no tables"),
        (empty_database, "it has no tables"),
        (somebody_elses, "tables of something else (recipes)"),
        (no_database, "file is not a database"),
        (folder, "is a folder"),
    ],
)
def test_what_is_no_record_is_named_with_the_next_step_and_not_changed(
    tmp_path: Path, make: Callable[[Path], None], said: str, command: str
) -> None:
    file = tmp_path / "record.sqlite"
    make(file)
    before = None if file.is_dir() else file.read_bytes()
    ended = run_here(main, command, "--data", str(tmp_path))
    assert ended.returncode == 2, ended
    words = " ".join(ended.stderr.split())
    assert str(file) in words and said in words and "--data" in words
    assert ended.stdout == ""
    assert before is None or file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["record.sqlite"]


def overwrite_root(file: Path, table: str) -> None:
    overwrite_page(file, root_page(file, table))


@pytest.fixture
def damaged(ledger: Ledger) -> Ledger:
    """A record with one damaged page, its tables' descriptions whole."""
    ledger.add("defect", picture=grey_picture(), anomaly_map=map_with_spot())
    ledger.engine.dispose()
    overwrite_root(ledger.settings.data / "record.sqlite", "inspection")
    return ledger


def test_whoever_meets_a_damaged_page_says_so_and_what_to_do(damaged: Ledger) -> None:
    for words in (["verify"], ["verify", "--integrity"], ["export"], ["retention", "--dry-run"]):
        ended = run_here(main, *words, "--data", str(damaged.settings.data))
        said = " ".join(ended.stderr.split())
        assert ended.returncode == 2, (words, ended)
        assert "record.sqlite" in said and "kept as it is" in said and "edge restore" in said, words
        assert "Traceback" not in said and "all is" not in ended.stdout


def test_the_page_says_of_a_damaged_record_what_it_is(damaged: Ledger) -> None:
    with pytest.raises(Damaged), Reader(damaged.settings.database).read() as reading:
        reading.tally.count(reading.session)
    with page_client(damaged.settings) as client:
        answer = client.get("/api/v1/counts")
        assert answer.status_code == 500
        assert "kept as it is" in answer.json()["detail"]
        assert client.get("/readyz").status_code == 503


def test_a_line_on_a_damaged_record_is_not_ready(damaged: Ledger) -> None:
    overwrite_root(damaged.settings.data / "record.sqlite", "bundle")
    engine = open_engine(damaged.settings.database)
    found = ready_now(damaged.settings, engine)
    engine.dispose()
    assert [reason.why for reason in found.line.reasons] == ["record_unreadable"]


def test_integrity_is_asked_of_sqlite_and_told(ledger: Ledger) -> None:
    ledger.add("ok")
    data = str(ledger.settings.data)
    assert json.loads(run_here(main, "verify", "--json", "--data", data).stdout)["integrity"] is None
    assert json.loads(run_here(main, "verify", "--json", "--integrity", "--data", data).stdout)["integrity"] == "ok"
    assert "integrity of the record's file: ok" in run_here(main, "verify", "--integrity", "--data", data).stdout


def test_integrity_finds_what_a_comparison_of_numbers_does_not(ledger: Ledger) -> None:
    ledger.add("ok")
    ledger.engine.dispose()
    with closing(sqlite3.connect(ledger.settings.data / "record.sqlite")) as connection:
        insert = "INSERT INTO region (inspection_id, x0, y0, x1, y1, area, peak) VALUES (?, 0, 0, 1, 1, 1, 1)"
        connection.execute(insert, (99,))
        connection.commit()
    data = str(ledger.settings.data)
    assert "region" not in run_here(main, "verify", "--data", data).stdout
    ended = run_here(main, "verify", "--integrity", "--data", data)
    assert ended.returncode == 2
    assert "of region refers to a row of inspection that is not there" in " ".join(ended.stderr.split())
