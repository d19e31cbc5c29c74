"""A record with its tables for each test. The migrations take longer than most tests, so they run once a process."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from edge.database import Database
from edge.ledger.schema import prepare


def new_record(database: Database) -> None:
    """Make an empty record there, as `edge.ledger.schema.prepare` does; one with tables stays as it is."""
    if database.file is None:
        prepare(database)
    elif not database.file.exists() or not database.file.stat().st_size:
        database.file.parent.mkdir(parents=True, exist_ok=True)
        database.file.write_bytes(_migrated())
        with closing(sqlite3.connect(database.file)) as record, record:
            record.execute("UPDATE record_name SET name = ?", [uuid4().hex])


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "record.sqlite"
        prepare(Database(file=file))
        return file.read_bytes()
