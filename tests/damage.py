"""Damages a SQLite file, page by page."""

import sqlite3
from contextlib import closing
from pathlib import Path

GARBAGE = b"\xa5"


def root_page(file: Path, table: str) -> int:
    """The number of the page that a table begins with, counted from 1."""
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(page)


def overwrite_page(file: Path, page: int) -> None:
    """Fill a page with garbage."""
    size = page_size(file)
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(GARBAGE * size)


def is_overwritten(file: Path, page: int) -> bool:
    """Whether the garbage is still there."""
    size = page_size(file)
    return file.read_bytes()[(page - 1) * size : page * size] == GARBAGE * size


def page_size(file: Path) -> int:
    """Bytes a page, as the file's own header has them."""
    return int.from_bytes(file.read_bytes()[16:18], "big")
