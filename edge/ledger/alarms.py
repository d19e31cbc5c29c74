"""Drift alarms in the record: written with the frame that raised or cleared them, read as what is in force."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from edge.alarm import Alarm, Kind, State
from edge.frame import FrameInfo
from edge.ledger.record import AlarmRow, Camera, Run


def alarm_row(alarm: Alarm, info: FrameInfo, run_id: int, camera_id: int) -> AlarmRow:
    """The row of an alarm that began or ended with a frame."""
    columns = {field.name: getattr(alarm, field.name) for field in fields(Alarm)}
    columns |= {"kind": alarm.kind.value, "state": alarm.state.value}
    return AlarmRow(run_id=run_id, camera_id=camera_id, seq=info.seq, at_ns=info.captured_ns, **columns)


def rows_in_force(session: Session, camera_ids: Sequence[int]) -> list[AlarmRow]:
    """The alarms of these cameras that have begun and not ended, in the order in which they began."""
    newest = (
        select(func.max(AlarmRow.id))
        .where(AlarmRow.camera_id.in_(camera_ids))
        .group_by(AlarmRow.camera_id, AlarmRow.measure)
    )
    query = select(AlarmRow).where(AlarmRow.id.in_(newest), AlarmRow.state == State.RAISED.value)
    return list(session.scalars(query.order_by(AlarmRow.id)))


def in_force(engine: Engine, run: str, camera: str) -> list[Alarm]:
    """The alarms in force of one camera of one run; for a worker that takes over from another."""
    with Session(engine) as session:
        mine = select(Camera.id).join(Run, Camera.run_id == Run.id).where(Run.name == run, Camera.name == camera)
        return [_alarm(row) for row in rows_in_force(session, session.scalars(mine).all())]


class AlarmNews:
    """What alarms of one run are new since the last look, as lines for a terminal."""

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine, self._run = engine, run
        self._last_id = 0

    def look(self) -> list[str]:
        """A line for each alarm that began or ended meanwhile."""
        with Session(self._engine) as session:
            run_id = select(Run.id).where(Run.name == self._run).scalar_subquery()
            new = (
                select(AlarmRow, Camera.name)
                .join(Camera, AlarmRow.camera_id == Camera.id)
                .where(AlarmRow.run_id == run_id, AlarmRow.id > self._last_id)
            )
            rows = session.execute(new.order_by(AlarmRow.id)).all()
        if rows:
            self._last_id = rows[-1][0].id
        return [
            f"{'ALARM' if row.state == State.RAISED else 'alarm ended'}: {row.kind} of {row.category} at camera "
            f"{camera}, frame {row.seq}: {row.sentence}"
            for row, camera in rows
        ]


def _alarm(row: AlarmRow) -> Alarm:
    columns = {field.name: getattr(row, field.name) for field in fields(Alarm)}
    return Alarm(**columns | {"kind": Kind(row.kind), "state": State(row.state)})
