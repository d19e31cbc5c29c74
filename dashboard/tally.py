"""Running counts of an append-only table: every row is counted once in the life of the page."""

import threading
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
    """Counts rows by camera, outcome and reason; remembers the last id it saw. Safe to use from many threads."""

    def __init__(self, rows_a_step: int = ROWS_A_STEP) -> None:
        self._rows_a_step = rows_a_step
        self._lock = threading.Lock()
        self._last_id = 0
        self._cells: Counter[Cell] = Counter()

    def count(self, session: Session) -> tuple[int, Counter[Cell]]:
        """Count the rows that are new since the last call; returns the newest id (0 if none) and all counts."""
        with self._lock:
            newest = session.scalar(select(func.max(Inspection.id))) or 0
            while self._last_id < newest:
                upto = min(self._last_id + self._rows_a_step, newest)
                self._cells.update(_count(session, after=self._last_id, upto=upto))
                self._last_id = upto
                session.rollback()  # ends the read transaction, so that the writer's log can be folded back
            return self._last_id, self._cells.copy()


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
