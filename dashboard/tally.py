"""Running counts of an append-only table: every row is counted once, and all anew if the table becomes another."""

import threading
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.bookmark import Bookmark
from edge.ledger.record import Camera, Inspection

ROWS_A_STEP = 100_000
"""Rows counted in one read transaction; the first count of a big record takes many short ones."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What frames are counted by."""

    camera: str
    outcome: str
    reason: str | None
    camera_id: int  # a row of the camera table: the camera in one run


class Tally:
    """Counts rows by camera, outcome and reason; remembers how far it came. Safe to use from many threads."""

    def __init__(self, rows_a_step: int = ROWS_A_STEP) -> None:
        self._rows_a_step = rows_a_step
        self._lock = threading.Lock()
        self._forget()

    def count(self, session: Session) -> tuple[int, Counter[Cell]]:
        """Count the rows that are new since the last call; returns the newest id (0 if none) and all counts."""
        with self._lock:
            if not self._last.holds(session):
                self._forget()
            newest = session.scalar(select(func.max(Inspection.id))) or 0
            while self._last.id < newest:
                upto = min(self._last.id + self._rows_a_step, newest)
                self._cells.update(_count(session, after=self._last.id, upto=upto))
                self._last.move(session, upto)
                session.rollback()  # ends the read transaction, so that the writer's log can be folded back
            return self._last.id, self._cells.copy()

    def _forget(self) -> None:
        self._last = frames_counted()
        self._cells: Counter[Cell] = Counter()


def frames_counted() -> Bookmark:
    """A bookmark in the table of frames, at its beginning."""
    return Bookmark(Inspection.id, Inspection.run_id, Inspection.camera_id, Inspection.seq, Inspection.captured_ns)


def _count(session: Session, *, after: int, upto: int) -> Counter[Cell]:
    """Rows with after < id <= upto, by cell."""
    keys = Inspection.camera_id, Inspection.outcome, Inspection.reason
    rows = session.execute(
        select(*keys, func.count()).where(Inspection.id > after, Inspection.id <= upto).group_by(*keys)
    ).all()
    names = {camera.id: camera.name for camera in session.scalars(select(Camera))}
    cells: Counter[Cell] = Counter()
    for camera_id, outcome, reason, frames in rows:
        cells[Cell(names[camera_id], outcome, reason, camera_id)] += frames
    return cells
