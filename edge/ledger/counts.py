"""A run in numbers, for the terminal: how many frames ended how, how fast, how late."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from edge.ledger.record import Inspection, Run
from edge.verdict import Outcome

RECENT_ROWS = 500


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


def count_run(engine: Engine, run: str) -> Counts:
    """Count one run's rows."""
    with Session(engine) as session:
        run_id = session.scalar(select(Run.id).where(Run.name == run))
        mine = Inspection.run_id == run_id
        groups = session.execute(
            select(Inspection.outcome, Inspection.reason, func.count()).where(mine).group_by("outcome", "reason")
        ).all()
        recent = session.execute(
            select(Inspection.captured_ns, Inspection.latency_ms, Inspection.outcome)
            .where(mine)
            .order_by(Inspection.id.desc())
            .limit(RECENT_ROWS)
        ).all()
    outcomes: Counter[str] = Counter({outcome.value: 0 for outcome in Outcome})
    reasons: Counter[str] = Counter()
    for outcome, reason, count in groups:
        outcomes[outcome] += count
        if outcome == Outcome.NOT_INSPECTED:
            reasons[str(reason)] += count
    latencies_ms = [row.latency_ms for row in recent if row.outcome != Outcome.NOT_INSPECTED]
    p50, p95 = np.percentile(latencies_ms, (50, 95)).tolist() if latencies_ms else (None, None)
    return Counts(dict(outcomes), dict(reasons), _rate([row.captured_ns for row in recent]), p50, p95)


def _rate(captured_ns: list[int]) -> float | None:
    if len(captured_ns) < 2:
        return None
    span_s = (max(captured_ns) - min(captured_ns)) / 1e9
    return (len(captured_ns) - 1) / span_s if span_s > 0 else None
