"""Opens the record for reading, as soon as there is one; never creates, upgrades or writes it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dashboard.latencies import Latencies
from dashboard.tally import Tally
from dashboard.trends.rollup import Rollup
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.damage import Damaged
from edge.ledger.record import Base, open_engine

HOW_TO_START = "edge run --camera demo:pcb"


class NoRecordYetError(EdgeError):
    """There is nothing to read yet: no line has run here, or a newer one has not upgraded the record."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One short read: a session, and the running counts that belong to the same file."""

    session: Session
    tally: Tally
    latencies: Latencies
    rollup: Rollup


@dataclass(slots=True)
class _Opened:
    """readers: how many read now;  forgotten: to be closed by the last of them"""

    identity: tuple[int, int]
    engine: Engine
    readers: int = 0
    forgotten: bool = False
    tally: Tally = field(default_factory=Tally)
    latencies: Latencies = field(default_factory=Latencies)
    rollup: Rollup = field(default_factory=Rollup)


class Reader:
    """Hands out short read sessions on the record; safe to use from many threads.

    A SQLite file may appear after the page has started, and may be replaced while it runs: its device and
    inode are compared before every read, so an old file is never shown for a new one. When the file itself was written,
    connections are opened anew, as those that are open keep pages that a file copied over it in place has not; all
    that the line writes comes through its log, which is folded into the file now and then.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._written_ns = 0

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A session for a few queries. Raises NoRecordYetError while the file or its tables are missing."""
        opened = self._enter()
        try:
            with Session(opened.engine) as session:
                yield Reading(session, opened.tally, opened.latencies, opened.rollup)
        finally:
            self._leave(opened)

    def close(self) -> None:
        """Close all connections, those in use once their read ends; the next read opens them again."""
        with self._lock:
            self._forget()

    def _enter(self) -> _Opened:
        with self._lock:
            opened = self._current()
            opened.readers += 1
            return opened

    def _leave(self, opened: _Opened) -> None:
        with self._lock:
            opened.readers -= 1
            if opened.forgotten and not opened.readers:
                opened.engine.dispose()

    def _current(self) -> _Opened:
        identity, written_ns = _identity(self._database)
        if self._opened and self._opened.identity == identity:
            if written_ns != self._written_ns:
                self._opened.engine.dispose()
                self._written_ns = written_ns
            return self._opened
        self._forget()
        if identity is None:
            raise NoRecordYetError(f"no line has run here yet: {HOW_TO_START}")
        self._opened = _Opened(identity, _open(self._database))
        self._written_ns = written_ns
        return self._opened

    def _forget(self) -> None:
        if self._opened:
            self._opened.forgotten = True
            if not self._opened.readers:
                self._opened.engine.dispose()
            self._opened = None


def _identity(database: Database) -> tuple[tuple[int, int] | None, int]:
    """(device, inode) of the file, None if it is not there or still empty; and when it was written, in nanoseconds.

    A PostgreSQL database stays the one that it is: what was restored into it is told by its rows (dashboard.bookmark).
    """
    if database.file is None:
        return (0, 0), 0
    try:
        status = database.file.stat()
    except FileNotFoundError:
        return None, 0
    return (status.st_dev, status.st_ino) if status.st_size else None, status.st_mtime_ns


def _open(database: Database) -> Engine:
    engine = open_engine(database)
    try:
        missing = _missing_columns(engine)
    except (DBAPIError, Damaged):
        engine.dispose()
        raise
    if missing:
        engine.dispose()
        raise NoRecordYetError(
            f"the record {database} has no {missing[0]} yet; start the line once, which upgrades it: {HOW_TO_START}"
        )
    return engine


def _missing_columns(engine: Engine) -> list[str]:
    """Columns, as table.column, that this page reads and the record has not."""
    inspector = inspect(engine)
    there = {
        f"{table}.{column['name']}" for table in inspector.get_table_names() for column in inspector.get_columns(table)
    }
    return [str(c) for table in Base.metadata.sorted_tables for c in table.columns if str(c) not in there]
