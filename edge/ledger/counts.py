"""A run in numbers, for the terminal: how many frames ended how, how fast, how late."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from edge.ledger.record import Camera, Inspection, Run
from edge.verdict import Outcome

RECENT_ROWS = 500
STEP_NS = 600 * 10**9  # rows further apart than this had another clock, before it was set


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of one run so far.

    reasons:          of frames not inspected, by reason
    frames_per_s:     over the latest rows, by time of capture
    latency_*_ms:     of the latest inspected rows, from capture to just before the commit
    """

    outcomes: dict[str, int]
    reasons: dict[str, int]
    frames_per_s: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None

    @property
    def total(self) -> int:
        """All frames recorded."""
        return sum(self.outcomes.values())


class RunCount:
    """Counts one run's rows as they come; each look reads only what was added, so it stays cheap in long runs."""

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine, self._run = engine, run
        self._last_id = 0
        self._outcomes: Counter[str] = Counter({outcome.value: 0 for outcome in Outcome})
        self._reasons: Counter[str] = Counter()
        self._captured_ns: deque[int] = deque(maxlen=RECENT_ROWS)
        self._latencies_ms: deque[float] = deque(maxlen=RECENT_ROWS)

    def look(self) -> Counts:
        """The counts by now."""
        columns = (
            Inspection.id, Inspection.outcome, Inspection.reason, Inspection.captured_ns, Inspection.latency_ms
        )  # fmt: skip
        with Session(self._engine) as session:
            run_id = select(Run.id).where(Run.name == self._run).scalar_subquery()
            new = select(*columns).where(Inspection.run_id == run_id, Inspection.id > self._last_id)
            for row in session.execute(new.order_by(Inspection.id)):
                self._add(*row)
        p50, p95 = np.percentile(self._latencies_ms, (50, 95)).tolist() if self._latencies_ms else (None, None)
        return Counts(dict(self._outcomes), dict(self._reasons), _rate(self._captured_ns), p50, p95)

    def _add(self, row_id: int, outcome: str, reason: str | None, captured_ns: int, latency_ms: float) -> None:
        self._last_id = row_id
        self._outcomes[outcome] += 1
        self._captured_ns.append(captured_ns)
        if outcome == Outcome.NOT_INSPECTED:
            self._reasons[str(reason)] += 1
        else:
            self._latencies_ms.append(latency_ms)


def highest_number(engine: Engine, run: str, camera: str) -> int:
    """The highest number of this camera in the record, 0 if there is none."""
    with Session(engine) as session:
        mine = select(Camera.run_id, Camera.id).join(Run, Camera.run_id == Run.id)
        found = session.execute(mine.where(Run.name == run, Camera.name == camera)).first()
        if found is None:
            return 0
        highest = select(func.max(Inspection.seq)).where(
            Inspection.run_id == found.run_id, Inspection.camera_id == found.id
        )
        return session.scalar(highest) or 0


def _rate(captured_ns: Sequence[int]) -> float | None:
    since = [each for each in captured_ns if abs(captured_ns[-1] - each) < STEP_NS]
    if len(since) < 2:
        return None
    span_s = (max(since) - min(since)) / 1e9
    return (len(since) - 1) / span_s if span_s > 0 else None
