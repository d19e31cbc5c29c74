"""Which frames are flagged, as the record's partial indexes say it."""

from typing import Self

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType

FLAGGED_IN_SQLITE, FLAGGED_IN_POSTGRESQL = "+outcome IN ('defect', 'unsure')", "outcome IN ('defect', 'unsure')"
"""Word for word, or SQLite does not use the indexes; + leaves it no other."""


class FlaggedRows(ColumnElement[bool]):
    """The condition of the partial indexes of flagged frames, in each database's words."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: OperatorType | None = None) -> Self:
        """As it stands: SQLAlchemy would add `= 1` to a condition for SQLite, which then knows it no more."""
        return self


@compiles(FlaggedRows)
def _in_postgresql(element: FlaggedRows, compiler: SQLCompiler, **_: object) -> str:
    return FLAGGED_IN_POSTGRESQL


@compiles(FlaggedRows, "sqlite")
def _in_sqlite(element: FlaggedRows, compiler: SQLCompiler, **_: object) -> str:
    return FLAGGED_IN_SQLITE
