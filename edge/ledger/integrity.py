"""Is the record's file whole? Asked of SQLite itself: every page, every index, every reference between rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.damage import damage

MOST_NAMED = 5


def check_record(database: Database) -> str:
    """Read all of the record, while a line writes it or not; what was found, in words.

    Raises EdgeError naming the first faults. PostgreSQL's server looks after its own files.
    """
    if database.file is None:
        return "not asked: the record is in PostgreSQL, whose server looks after its own files (pg_amcheck)"
    with closing(sqlite3.connect(f"{database.file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        check_database(connection, database.file)
    return "ok"


def check_database(connection: sqlite3.Connection, path: Path) -> None:
    """Raise EdgeError unless SQLite finds the file whole, and every row that is referred to."""
    try:
        faults = [str(found) for (found,) in connection.execute("PRAGMA integrity_check") if found != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise damage(error, path) or EdgeError(f"the record {path} cannot be read: {error}.") from error
    faults += [f"row {row} of {table} refers to a row of {other} that is not there" for table, row, other, _ in orphans]
    if faults:
        more = f"; and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
        raise EdgeError(
            f"the record {path} is damaged, SQLite finds: {'; '.join(faults[:MOST_NAMED])}{more}. The file is kept as "
            "it is. Stop the line, move the data folder aside, and `edge restore` a backup; edge/NIGHT.md, 8, has more."
        )
