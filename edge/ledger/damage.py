"""A record whose file is damaged, or is no record at all: it is left as it is, and whoever meets it says what to do."""

import sqlite3
from pathlib import Path

from edge.errors import EdgeError

CODES = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB


class Damaged(EdgeError):
    """The record's file is damaged; it is left as it is."""


def damage(error: BaseException | None, file: Path) -> Damaged | None:
    """What to tell a person whose record is damaged; None if that is not what SQLite's error says."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in CODES:
        return None
    return Damaged(
        f"the record {file} is no whole database: {error}. The file is kept as it is. "
        "Move the data folder aside, and `edge restore` a backup in its place; without one, begin anew with another "
        "--data. edge/NIGHT.md, 8, has the steps."
    )


def refuse_other(file: Path) -> None:
    """Raise EdgeError if what lies in the record's place is none, and Damaged if it cannot be read; changes nothing."""
    move = "Move it away, or name the record's folder with --data."
    if file.is_dir():
        raise EdgeError(f"the record {file} is a folder, and should be a SQLite file. {move}")
    try:
        tables = _tables(file)
    except sqlite3.DatabaseError as error:
        raise damage(error, file) or EdgeError(f"the record {file} cannot be read: {error}.") from error
    if "alembic_version" not in tables:
        holds = f"tables of something else ({', '.join(sorted(tables)[:3])})" if tables else "no tables"
        raise EdgeError(f"the record {file} is no record of a line: it has {holds}. {move}")


def _tables(file: Path) -> set[str]:
    """The names of a SQLite file's tables; opened so that not even an empty file is made a database."""
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()
