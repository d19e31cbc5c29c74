"""The record as a SQLite file: how it is opened, read and written."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event

from edge.ledger.damage import damage


def sqlite_engine(path: Path, *, writes: bool, wait_s: float) -> Engine:
    """As `edge.ledger.record.open_engine`: WAL, synchronous=FULL, foreign keys on; BEGIN IMMEDIATE.

    Whatever is asked of a damaged file raises Damaged, in words for a person.
    """
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

    @event.listens_for(engine, "handle_error")
    def _damaged(context: ExceptionContext) -> None:
        if damaged := damage(context.original_exception, path):
            raise damaged from context.original_exception

    return engine
