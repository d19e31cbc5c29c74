"""Running histogram of latency by camera: every frame that is recorded from the first look on is counted once.

It begins at nothing, as Prometheus expects of a histogram whose process was started again, so that a record of months
costs nothing at the start.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from dashboard.tally import ROWS_A_STEP, frames_counted
from edge.ledger.record import Camera, Inspection
from edge.verdict import Outcome

BOUNDS_S = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets; one without a bound follows."""


@dataclass(slots=True)
class Latency:
    """Of one camera: inspected frames, the sum of their latencies, and how many took up to each bound (or less)."""

    frames: int = 0
    sum_s: float = 0.0
    up_to: Counter[float] = field(default_factory=Counter)


class Latencies:
    """Latency from capture to record, of frames that were inspected. Safe to use from many threads."""

    def __init__(self, rows_a_step: int = ROWS_A_STEP) -> None:
        self._rows_a_step = rows_a_step
        self._lock = threading.Lock()
        self._looked = False
        self._last = frames_counted()
        self._cameras: dict[str, Latency] = {}

    def count(self, session: Session) -> Mapping[str, Latency]:
        """Count the rows that are new since the last call, none at the first; returns all counts, by camera."""
        with self._lock:
            newest = session.scalar(select(func.max(Inspection.id))) or 0
            if not self._looked or not self._last.holds(session):
                self._begin(session, newest)
            while self._last.id < newest:
                upto = min(self._last.id + self._rows_a_step, newest)
                self._add(session, upto)
                self._last.move(session, upto)
                session.rollback()  # ends the read transaction, so that the writer's log can be folded back
            return {
                camera: Latency(one.frames, one.sum_s, one.up_to.copy()) for camera, one in self._cameras.items()
            }  # fmt: skip

    def _begin(self, session: Session, newest: int) -> None:
        """At the first look, and anew if the record has become another."""
        self._looked, self._last, self._cameras = True, frames_counted(), {}
        self._last.move(session, newest)

    def _add(self, session: Session, upto: int) -> None:
        took_ms = Inspection.latency_ms
        within = [func.sum(case((took_ms <= 1000 * bound_s, 1), else_=0)) for bound_s in BOUNDS_S]
        rows = session.execute(
            select(Camera.name, func.count(), func.sum(took_ms), *within)
            .join(Camera, Inspection.camera_id == Camera.id)
            .where(
                Inspection.id > self._last.id,
                Inspection.id <= upto,
                Inspection.outcome != Outcome.NOT_INSPECTED.value,
            )
            .group_by(Camera.name)
        )
        for name, frames, sum_ms, *counts in rows:
            one = self._cameras.setdefault(name, Latency())
            one.frames += frames
            one.sum_s += sum_ms / 1000
            one.up_to.update(dict(zip(BOUNDS_S, counts, strict=True)))
