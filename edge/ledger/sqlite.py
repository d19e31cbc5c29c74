"""The record as a SQLite file: how it is opened, read and written."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event


def sqlite_engine(path: Path, *, writes: bool, wait_s: float) -> Engine:
    """As `edge.ledger.record.open_engine`: WAL, synchronous=FULL, foreign keys on; BEGIN IMMEDIATE."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": wait_s, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if not writes:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
