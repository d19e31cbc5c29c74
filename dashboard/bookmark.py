"""How far a table that only grows has been counted, and whether it is still the table of which that was said."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import InstrumentedAttribute, Session


class Bookmark:
    """The id of the row counted last, with what tells that row from another of the same id.

    A backup copied over the record in place leaves the file's inode as it was, but not the row.
    """

    def __init__(self, id: InstrumentedAttribute[int], *facts: InstrumentedAttribute[Any]) -> None:
        self._columns = id, *facts
        self._row: Row[Any] | None = None
        self.id = 0

    def holds(self, session: Session) -> bool:
        """Whether the row counted last is still there as it was; so it is while nothing was counted."""
        return self._read(session) == self._row

    def move(self, session: Session, to: int) -> None:
        """All rows up to the id `to` are counted."""
        self.id = to
        self._row = self._read(session)

    def _read(self, session: Session) -> Row[Any] | None:
        return session.execute(select(*self._columns).where(self._columns[0] == self.id)).one_or_none()
