"""A record that cannot be written for a while is waited for; one that is damaged is not."""

import errno
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.damage import Damaged
from edge.ledger.patience import Patience, passing_cause
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.schema import prepare
from tests.ledger_rows import Ledger

pytestmark = pytest.mark.sqlite


def write(database: Database) -> None:
    engine = open_engine(database, writes=True, wait_s=0.05)
    try:
        with unit_of_work(engine) as session:
            session.execute(text("INSERT INTO run (name, started_ns, version) VALUES ('patient', 1, '1')"))
    finally:
        engine.dispose()


def test_a_locked_record_is_waited_for_and_meanwhile_it_is_said_why(ledger: Ledger) -> None:
    patience = Patience(threading.Event())
    with closing(sqlite3.connect(ledger.settings.data / "record.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=patience.until_done, args=(lambda: write(ledger.settings.database),))
        waiting.start()
        until_s = time.monotonic() + 20
        while patience.held_by is None and time.monotonic() < until_s:
            time.sleep(0.01)
        assert patience.held_by == "the record cannot be written: another program holds it locked"
        other.execute("ROLLBACK")
    waiting.join(20)
    assert patience.held_by is None
    with closing(sqlite3.connect(ledger.settings.data / "record.sqlite")) as reader:
        assert reader.execute("SELECT count(*) FROM run WHERE name = 'patient'").fetchone() == (1,)


def test_who_must_end_waits_no_longer(ledger: Ledger) -> None:
    ended = threading.Event()
    ended.set()
    with closing(sqlite3.connect(ledger.settings.data / "record.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EdgeError, match="recorded at the next start"):
            Patience(ended).until_done(lambda: write(ledger.settings.database))


def test_a_worker_can_start_beside_whoever_holds_the_record_locked(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.settings.data / "record.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began_s = time.monotonic()
        prepare(ledger.settings.database)
        assert time.monotonic() - began_s < 5, "SQLite's own wait would be 10 s"


def test_a_damaged_record_is_refused_with_what_to_do_and_left_as_it_is(ledger: Ledger) -> None:
    ledger.engine.dispose()
    database = ledger.settings.data / "record.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # all pages but the one with the header
    database.write_bytes(content)
    with pytest.raises(Damaged, match=r"kept as it is.*edge restore"):
        Patience(threading.Event()).until_done(lambda: write(ledger.settings.database))
    with pytest.raises(Damaged):
        prepare(ledger.settings.database)
    assert database.read_bytes() == bytes(content)


def test_full_and_read_only_disks_pass_and_what_the_program_does_wrong_does_not(ledger: Ledger) -> None:
    assert passing_cause(OSError(errno.ENOSPC, "no space")) == "the disk is full"
    assert passing_cause(OSError(errno.EROFS, "read only")) == "the disk is read-only"
    assert passing_cause(FileNotFoundError(errno.ENOENT, "none")) is None
    engine = open_engine(ledger.settings.database)
    with engine.connect() as connection, pytest.raises(DBAPIError) as wrong:
        connection.execute(text("SELECT nothing FROM nowhere"))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(DBAPIError) as read_only:
            connection.execute(text("DELETE FROM run"))
    engine.dispose()
    assert passing_cause(wrong.value) is None
    assert passing_cause(read_only.value) == "its disk is read-only"
    with pytest.raises(FileNotFoundError):
        Patience(threading.Event()).until_done(Path("/nowhere/at/all").read_bytes)
