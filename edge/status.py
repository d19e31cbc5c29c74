"""Is the line inspecting at this moment, and if not, why not: as facts for a script, and in words."""

from dataclasses import asdict
from enum import IntEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.line_status import CameraStatus, LineStatus, line_status
from edge.ledger.record import open_engine
from edge.ledger.schema import need_record
from edge.settings import Settings


class StatusExit(IntEnum):
    """What a script learns from the exit code."""

    READY = 0
    NOT_READY = 1
    NO_LINE = 2


def look(settings: Settings) -> LineStatus:
    """The line now. Raises EdgeError if there is no record, or it cannot be read."""
    need_record(settings.database)
    engine = open_engine(settings.database)
    try:
        with Session(engine) as session:
            return line_status(settings, session)
    except DatabaseError as error:
        raise EdgeError(
            f"the record {settings.database} cannot be read: {error.orig}. edge/NIGHT.md says what to do."
        ) from error
    finally:
        engine.dispose()


def exit_code(now: LineStatus) -> StatusExit:
    """0 ready, 1 not ready, 2 no line."""
    if not now.running:
        return StatusExit.NO_LINE
    return StatusExit.READY if now.readiness.line.ready else StatusExit.NOT_READY


def as_facts(now: LineStatus) -> dict[str, Any]:
    """All that is known, for a script."""
    return {
        "running": now.running,
        "ready": now.running and now.readiness.line.ready,
        "heard_s": now.heard_s,
        "reasons": [asdict(reason) for reason in now.readiness.line.reasons],
        "cameras": [
            {
                "camera": one.camera,
                "run": one.run,
                "category": one.category,
                "state": one.state,
                "reason": one.reason,
                "ready": now.readiness.cameras[one.camera].ready,
                "frames_per_s": one.frames_per_s,
                "last_frame_age_s": _age_s(one, now),
            }
            for one in now.cameras
        ],
        "processes": {
            name: {
                "beat_age_s": _finite(beat.age_s(now.facts.now_s)),
                "frames_in_flight": beat.at_hand,
                "restarts": now.restarts.get(name),
            }
            for name, beat in now.beats.items()
        },
        "outputs": {name: {"failing": why} for name, why in now.outputs.items()},
        "alarms": list(now.alarms),
        "disk_free_bytes": now.facts.free_bytes,
        "disk_size_bytes": now.disk_bytes,
    }


def show(console: Console, settings: Settings, now: LineStatus) -> None:
    """The same in words, for a terminal of 80 columns."""
    console.print(_headline(now, str(settings.data)), markup=False)
    if now.running:
        for reason in now.readiness.line.reasons:
            console.print(f"  - {reason.sentence}", markup=False)
    if now.cameras:
        console.print(_table(now))
    for one in now.cameras if not now.running else ():
        console.print(f"  last word of {one.camera}: {one.state}, {one.reason or 'no reason given'}", markup=False)
    restarted = [f"{name} {times}" for name, times in now.restarts.items() if times]
    console.print(f"restarts: {', '.join(restarted) or 'none'}", markup=False)
    for name, why in now.outputs.items() if now.running else ():
        console.print(f"output {name}: {'tells' if why is None else f'CANNOT TELL, {why}'}", markup=False)
    for alarm in now.alarms:
        console.print(f"alarm: {alarm}", markup=False)
    console.print(f"disk: {now.facts.free_bytes / 1e9:.1f} GB of {now.disk_bytes / 1e9:.1f} GB are free")


def _headline(now: LineStatus, data: str) -> str:
    if now.running:
        return f"line of {data}: {'READY' if now.readiness.line.ready else 'NOT READY'}"
    heard = "" if now.heard_s is None else f" It was heard of {_ago(now.heard_s)}."
    return f"no line is running on {data}.{heard}"


def _table(now: LineStatus) -> Table:
    table = Table(show_edge=False, pad_edge=False, box=None)
    for title in ("camera", "category", "state"):
        table.add_column(title, overflow="fold")  # names are to be copied from here
    for title in ("frames/s", "last frame"):
        table.add_column(title, justify="right")
    table.add_column("ready")
    for one in now.cameras:
        age_s = _age_s(one, now)
        table.add_row(
            one.camera,
            one.category or "-",
            one.state,
            f"{one.frames_per_s:.1f}",
            "none" if age_s is None else _ago(age_s),
            "yes" if now.running and now.readiness.cameras[one.camera].ready else "NO",
        )
    return table


def _age_s(one: CameraStatus, now: LineStatus) -> float | None:
    return None if one.last_frame_ns is None else (now.facts.now_ns - one.last_frame_ns) / 1e9


def _finite(age_s: float) -> float | None:
    return None if age_s == float("inf") else age_s


def _ago(age_s: float) -> str:
    """`3.2 s ago`, `7 min ago`, `2.5 h ago`, `3 days ago`."""
    if age_s < 100:
        return f"{age_s:.1f} s ago"
    if age_s < 100 * 60:
        return f"{age_s / 60:.0f} min ago"
    return f"{age_s / 3600:.1f} h ago" if age_s < 48 * 3600 else f"{age_s / 86400:.0f} days ago"
