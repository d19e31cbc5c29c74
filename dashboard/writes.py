"""The page's own writes to the record: reviews, accounts, orders to the line. Each is one short transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from dashboard.reader import NoRecordYetError
from edge.database import Database
from edge.ledger.record import open_engine, unit_of_work

PATIENCE_S = 2.0
BUSY = "The record is busy: somebody else writes. Nothing was changed; try again in a moment."


class Writes:
    """Hands out sessions that take the write lock at once and commit at the end of the block.

    A connection is opened for each block, so that a record that was replaced meanwhile is never written under its old
    name. Safe to use from many threads.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is rolled back unless the block reaches its end.

        Raises NoRecordYetError if there is none, and HTTPException 503 or sqlalchemy's OperationalError where others
        hold it for longer than PATIENCE_S: whoever waits here keeps others from reading.
        """
        if not self._one_at_a_time.acquire(timeout=PATIENCE_S):
            raise HTTPException(503, BUSY, {"Retry-After": "2"})
        try:
            with self._engine() as engine, unit_of_work(engine) as session:
                yield session
        finally:
            self._one_at_a_time.release()

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        if self._database.file is not None and not self._database.file.is_file():
            raise NoRecordYetError("no line has run here yet, so there is no record to write to")
        engine = open_engine(self._database, writes=True, wait_s=PATIENCE_S)
        try:
            yield engine
        finally:
            engine.dispose()
