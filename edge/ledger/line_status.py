"""The line at one moment, for whoever looks from outside: what `edge status` prints and the page's metrics tell."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from edge.ledger.alarms import rows_in_force
from edge.ledger.beats import OUTPUTS, SUPERVISOR, Beat
from edge.ledger.camera_states import CameraState, states
from edge.ledger.readiness import Limits, LineFacts, Readiness, readiness
from edge.ledger.ready_now import line_facts
from edge.ledger.record import Camera, Inspection, Run
from edge.settings import Settings
from edge.verdict import Outcome

PACE_S = 10.0
SILENT_S = 10.0  # a supervisor that waits for a locked record still speaks sooner


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera of the latest run. run_id, camera_id: of its rows, None while it has none.

    frames_per_s:  captured in the last ten seconds, and inspected
    last_frame_ns: when the newest recorded frame was captured, wall clock; None if there is none
    """

    camera: str
    run: str
    category: str | None
    state: str
    reason: str | None
    camera_id: int | None
    frames_per_s: float
    last_frame_ns: int | None


@dataclass(frozen=True, slots=True)
class LineStatus:
    """The whole line. heard_s: since its processes were heard of last, None if never; alarms: drift, in words."""

    facts: LineFacts
    readiness: Readiness
    cameras: Sequence[CameraStatus]
    alarms: Sequence[str]
    disk_bytes: int

    @property
    def heard_s(self) -> float | None:
        """Seconds since any process of the line beat last; None if none ever did, or before a reboot."""
        ages = [beat.age_s(self.facts.now_s) for beat in self.facts.beats.values()]
        heard = min(ages, default=float("inf"))
        return None if heard == float("inf") else heard

    @property
    def running(self) -> bool:
        """Whether any process of the line was heard of a moment ago."""
        return self.heard_s is not None and self.heard_s < SILENT_S

    @property
    def restarts(self) -> Mapping[str, int]:
        """By process, how often the supervisor started it again in this run; empty where no supervisor runs."""
        supervisor = self.facts.beats.get(SUPERVISOR)
        return {} if supervisor is None else supervisor.restarts

    @property
    def outputs(self) -> Mapping[str, str | None]:
        """By output, why it cannot tell now, None if it can; empty where none was asked for."""
        outputs = self.facts.beats.get(OUTPUTS)
        return {} if outputs is None else outputs.failing

    @property
    def beats(self) -> Mapping[str, Beat]:
        """What each process said of itself last."""
        return self.facts.beats


def line_status(settings: Settings, session: Session) -> LineStatus:
    """Look at heartbeats, record and disk. Raises OSError if the data folder is gone."""
    facts = line_facts(settings, session)
    cameras = [_camera(session, row, facts.now_ns) for row in states(session)]
    ids = {one.camera_id: one.camera for one in cameras if one.camera_id is not None}
    return LineStatus(
        facts,
        readiness(facts, Limits(settings.ready_limit_s, settings.camera_limit_s)),
        cameras,
        [f"{ids[row.camera_id]}: {row.sentence}" for row in rows_in_force(session, list(ids))],
        shutil.disk_usage(settings.data).total,
    )


def _camera(session: Session, row: CameraState, now_ns: int) -> CameraStatus:
    known = session.execute(
        select(Camera.run_id, Camera.id)
        .join(Run, Camera.run_id == Run.id)
        .where(Run.name == row.run, Camera.name == row.camera)
    ).first()
    if known is None:
        return CameraStatus(row.camera, row.run, row.category, row.state, row.reason, None, 0.0, None)
    newest = (
        select(Inspection.captured_ns)
        .where(Inspection.run_id == known.run_id, Inspection.camera_id == known.id)
        .order_by(Inspection.seq.desc())
        .limit(1)
    )
    pace_ns = int(PACE_S * 1e9)
    recent = select(func.count()).where(
        Inspection.captured_ns.between(now_ns - pace_ns, now_ns + pace_ns),  # the clock may have been set back
        Inspection.camera_id == known.id,
        Inspection.outcome != Outcome.NOT_INSPECTED.value,
    )
    frames_per_s = (session.scalar(recent) or 0) / PACE_S
    last_ns = session.scalar(newest)
    return CameraStatus(
        row.camera, row.run, row.category, row.state, row.reason, known.id, frames_per_s, last_ns
    )  # fmt: skip
