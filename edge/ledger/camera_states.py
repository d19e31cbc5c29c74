"""What each camera of the running line is doing, as the supervisor sees it, or a worker that has none."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Engine, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.ledger.record import Base, unit_of_work

BEAT_S = 2.0
"""How often a supervisor says that it lives."""


class Doing(StrEnum):
    """What a camera of a running line can be doing."""

    STARTING = "starting"  # its process runs, and no frame of it has been recorded yet
    INSPECTING = "inspecting"
    STOPPING = "stopping"  # on somebody's order: what is in flight is recorded first
    STOPPED = "stopped"
    RESTARTING = "restarting"  # its process, or the worker, died and is started again
    ENDED = "ended"  # its source came to its end, or the line was stopped
    FAILED = "failed"


AT_WORK = (Doing.STARTING, Doing.INSPECTING, Doing.STOPPING, Doing.STOPPED, Doing.RESTARTING)
"""What a camera does while its supervisor lives; the others are the last word of a run."""


@dataclass(frozen=True, slots=True)
class CameraNow:
    """What a camera is doing. reason: why it does not inspect;  asked_by: who wanted it so."""

    camera: str
    source: str
    category: str | None
    state: Doing
    reason: str | None = None
    asked_by: str | None = None


class CameraState(Base):
    """One row a camera, kept up to date by the supervisor, or the worker where there is none; old if `beat_ns` is.

    source:   without the password;  state: see Doing
    reason:   why it does not inspect, in the words of whoever stopped it or of the process that failed
    asked_by: who stopped it
    since_ns: when it began to do what it does;  beat_ns: when the supervisor last said so
    """

    __tablename__ = "camera_state"

    camera: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str]
    source: Mapped[str]
    category: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    asked_by: Mapped[str | None]
    since_ns: Mapped[int] = mapped_column(BigInteger)
    beat_ns: Mapped[int] = mapped_column(BigInteger)


def tell_states(engine: Engine, run: str, cameras: Sequence[CameraNow], *, now_ns: int) -> None:
    """Say what the cameras of this run do now; cameras of other runs are forgotten. engine: opened for writing."""
    tell_cameras(engine, [(run, one) for one in cameras], now_ns=now_ns)


def tell_cameras(engine: Engine, cameras: Sequence[tuple[str, CameraNow]], *, now_ns: int) -> None:
    """The same of cameras that have each a run of their own; all others are forgotten."""
    with unit_of_work(engine) as session:
        known = {row.camera: row for row in session.scalars(select(CameraState))}
        for camera in known.keys() - {one.camera for _, one in cameras}:
            session.delete(known[camera])
        for run, one in cameras:
            row = known.get(one.camera)
            since_ns = row.since_ns if row and (row.run, row.state) == (run, one.state) else now_ns
            session.merge(
                CameraState(
                    camera=one.camera, run=run, source=one.source, category=one.category, state=one.state.value,
                    reason=one.reason, asked_by=one.asked_by, since_ns=since_ns, beat_ns=now_ns,
                )
            )  # fmt: skip


def forget_camera(engine: Engine, camera: str) -> None:
    """Take a camera's row away, where no process is there to do it. engine: opened for writing."""
    with unit_of_work(engine) as session:
        session.execute(delete(CameraState).where(CameraState.camera == camera))


def other_line(engine: Engine, *, wait_s: float = BEAT_S + 1) -> str | None:
    """The run of a line that is at work on this record, None if there is none: whether its signs of life move.

    Waits for that long if a line is said to be at work; one that was killed says so, too.
    """
    before = _signs(engine)
    if not before:
        return None
    time.sleep(wait_s)
    return next((run for run, beat_ns in _signs(engine).items() if before.get(run) != beat_ns), None)


def _signs(engine: Engine) -> dict[str, int]:
    """The last signs of life of lines that are at work, by run."""
    newest = select(CameraState.run, func.max(CameraState.beat_ns)).where(CameraState.state.in_(AT_WORK))
    with Session(engine) as session:
        return {row[0]: row[1] for row in session.execute(newest.group_by(CameraState.run))}


def states(session: Session) -> list[CameraState]:
    """The cameras of the latest run, by name."""
    return list(session.scalars(select(CameraState).order_by(CameraState.camera)))
