"""Another file in the place of the record, and the old one with its log beside it.

SQLite replays a log that lies beside a record into it, whichever record that is: a file that is only copied over
`record.sqlite` gets the pages of the one before.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from edge.errors import EdgeError
from edge.ledger.copies import copy_database
from edge.ledger.damage import refuse_other


def replace_record(record: Path, by: Path, *, aside: Path) -> None:
    """Put a copy of `by` in the place of `record`, which becomes `aside`, with its log. Only for when no line runs.

    Raises EdgeError if `by` is no record that is whole, or somebody has the record open; then all is as it was.
    """
    if not by.is_file():
        raise EdgeError(f"no file {by}. Name a copy of a record, such as record-r0009-20261122T161818.sqlite.")
    refuse_other(by)
    new = record.with_name(f".{record.name}.new")
    _remove(new)
    try:
        copy_database(by, new)
        _close(record, aside)
    except sqlite3.DatabaseError as error:
        raise EdgeError(f"{by} is no record that could be put in the place of {record}: {error}.") from error
    else:
        os.sync()
        with suppress(FileNotFoundError):  # killed after this: simply run again
            record.rename(aside)
        for log in _logs(record):
            log.unlink(missing_ok=True)
        new.rename(record)
        os.sync()
    finally:
        _remove(new)


def _close(record: Path, aside: Path) -> None:
    """Have in the record what its log holds, and no log; of a damaged one the log is kept beside `aside`.

    Raises EdgeError if somebody has it open.
    """
    if not record.is_file():
        return
    log, kept = _logs(record)[0], _logs(aside)[0]
    if log.is_file():
        shutil.copy2(log, kept)  # SQLite removes the log of what is no database
    with closing(sqlite3.connect(record, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            kept.unlink(missing_ok=True)
            raise EdgeError(f"{record} is in use ({error}), perhaps by a page. Stop what has it open.") from error
        except sqlite3.DatabaseError:
            return
    kept.unlink(missing_ok=True)


def _logs(record: Path) -> list[Path]:
    return [record.with_name(f"{record.name}{ending}") for ending in ("-wal", "-shm")]


def _remove(record: Path) -> None:
    for path in (record, *_logs(record)):
        path.unlink(missing_ok=True)
