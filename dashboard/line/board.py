"""The line by now, asked of the record at most twice a second, however many browsers look."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import state
from dashboard.line.pictures import LivePictures
from dashboard.line.views import CameraView, CategoryView, LineView, OrderView
from dashboard.moments import utc
from dashboard.pace import pace
from dashboard.reader import Reader, Reading
from dashboard.tally import Cell
from edge.ledger.beats import OUTPUTS, read_beats
from edge.ledger.bundles import BundleRow
from edge.ledger.camera_states import AT_WORK, CameraState, states
from edge.ledger.categories import categories_at_hand
from edge.ledger.orders import Order, newest_orders
from edge.ledger.readiness import Readiness, unreadable
from edge.ledger.ready_now import readiness_of
from edge.ledger.record import Camera, Inspection, Run
from edge.ledger.room import room_for_pictures
from edge.settings import Settings
from edge.verdict import Outcome

KEPT_S = 0.5
NEWEST_ROWS = 1000
RECENT_S = 60
LOST_AFTER_S = 7.0
"""A supervisor gives a sign of life every two seconds."""
ORDERS = 12


class Board:
    """Safe to use from many threads."""

    def __init__(self, settings: Settings, reader: Reader, pictures: LivePictures) -> None:
        self._settings, self._reader, self._pictures = settings, reader, pictures
        self._lock = threading.Lock()
        self._looked_s = 0.0
        self._line: LineView | None = None

    def look(self) -> LineView:
        """The line as it was half a second ago at most. Raises NoRecordYetError."""
        with self._lock:
            if self._line is None or time.monotonic() - self._looked_s > KEPT_S:
                with self._reader.read() as reading:
                    self._line = self._look(reading, time.time_ns())
                self._looked_s = time.monotonic()
            return self._line

    def forget(self) -> None:
        """Let the next look be a new one: something was written."""
        with self._lock:
            self._line = None

    def _look(self, reading: Reading, now_ns: int) -> LineView:
        _, cells = reading.tally.count(reading.session)
        session = reading.session
        known = states(session)
        rows = {row.camera: row for row in known}
        others = {camera: run for camera, (run, _) in self._pictures.newest().items() if camera not in rows}
        runs = {row.camera: row.run for row in known} | others
        cameras = [_camera(session, name, runs[name], rows.get(name), cells, now_ns) for name in sorted(runs)]
        now = _readiness(self._settings, session)
        return LineView(
            running=any(row.state in AT_WORK and not _lost(row, now_ns) for row in known),
            ready=now.line.ready,
            not_ready=[reason.sentence for reason in now.line.reasons],
            disk=_disk(self._settings),
            outputs=_failing_outputs(self._settings),
            cameras=cameras,
            categories=[CategoryView(name=row.name, bundle=row.bundle) for row in categories_at_hand(session)],
            orders=[order_view(order) for order in newest_orders(session, limit=ORDERS)],
        )


def _camera(
    session: Session, name: str, run: str, row: CameraState | None, cells: Mapping[Cell, int], now_ns: int
) -> CameraView:
    """One camera as its run knows it.

    row: None: a capture and a worker without a supervisor, of which only the frames are known
    """
    known = session.scalar(
        select(Camera).join(Run, Camera.run_id == Run.id).where(Run.name == run, Camera.name == name)
    )
    newest = _newest(session, known) if known else []
    inspected = [(each.captured_ns, each.latency_ms) for each in newest if each.outcome != Outcome.NOT_INSPECTED]
    speed = pace(inspected, now_ns)
    category = row.category if row else known and known.category
    judged = session.get(BundleRow, next((each.bundle for each in newest if each.bundle), ""))
    in_use = judged if judged and judged.category == category else None
    mine = {cell: frames for cell, frames in cells.items() if known and cell.camera_id == known.id}
    return CameraView(
        camera=name,
        run=run,
        source=row.source if row else known and known.source,
        category=category,
        state=row.state if row else "unknown",
        lost=row is not None and row.state in AT_WORK and _lost(row, now_ns),
        reason=row and row.reason,
        asked_by=row and row.asked_by,
        since=row and utc(row.since_ns),
        last_sign=row and utc(row.beat_ns),
        bundle=in_use and in_use.name,
        encoder=in_use and in_use.encoder,
        **{outcome.value: _of(mine, outcome) for outcome in Outcome},
        reasons={cell.reason or "?": n for cell, n in mine.items() if cell.outcome == Outcome.NOT_INSPECTED},
        recent_reasons=_recent(newest, now_ns),
        frames_per_s=round(speed.frames_per_s, 1),
        latency_p50_ms=speed.latency_p50_ms,
        latency_p95_ms=speed.latency_p95_ms,
        check=next((check for check in state.checks(session) if check.category == category), None),
        alarms=[alarm for alarm in state.alarms(session) if alarm.camera == name],
    )


def _readiness(settings: Settings, session: Session) -> Readiness:
    """Whether the line of this data folder is ready; where there is no such folder, none is."""
    try:
        return readiness_of(settings, session)
    except OSError as error:
        return unreadable(str(error))


def _disk(settings: Settings) -> str | None:
    """What an operator should know of the disk of the pictures, while its reserve is not whole."""
    if not settings.data.is_dir():  # a page on a database alone makes no folder
        return None
    room = room_for_pictures(settings.data, settings.media, settings.disk_reserve)
    if not room.short_bytes:
        return None
    consequence = (
        "Pictures that are worth least are removed to make room."
        if room.for_pictures
        else "Frames are inspected and recorded without their pictures."
    )
    return f"{room.free_bytes / 1e6:.0f} MB are free, and {room.reserve_bytes / 1e6:.0f} MB should be. {consequence}"


def _failing_outputs(settings: Settings) -> list[str]:
    """Which outputs cannot tell results now, and why."""
    beat = read_beats(settings.beats).get(OUTPUTS)
    return [] if beat is None else [f"{name}: {why}" for name, why in beat.failing.items() if why is not None]


def order_view(order: Order) -> OrderView:
    """An order as it is shown."""
    return OrderView.model_validate(
        {
            "id": order.id,
            "kind": order.kind,
            "camera": order.camera,
            "category": order.category,
            "reason": order.reason,
            "asked_by": order.asked_by,
            "asked_at": utc(order.asked_ns),
            "state": order.state,
            "answer": order.answer,
            "answered_at": None if order.answered_ns is None else utc(order.answered_ns),
        }
    )


def _newest(session: Session, camera: Camera) -> Sequence[Any]:
    """The newest rows of a camera, by its numbers, the newest first."""
    columns = Inspection.outcome, Inspection.reason, Inspection.captured_ns, Inspection.latency_ms, Inspection.bundle
    query = select(*columns).where(Inspection.run_id == camera.run_id, Inspection.camera_id == camera.id)
    return session.execute(query.order_by(Inspection.seq.desc()).limit(NEWEST_ROWS)).all()


def _recent(newest: Sequence[Any], now_ns: int) -> dict[str, int]:
    """Not inspected in the last minute, by reason, among the newest rows."""
    recent_ns = RECENT_S * 1_000_000_000
    return dict(
        Counter(
            each.reason or "?"
            for each in newest
            if each.outcome == Outcome.NOT_INSPECTED and abs(now_ns - each.captured_ns) < recent_ns
        )
    )


def _of(cells: Mapping[Cell, int], outcome: Outcome) -> int:
    return sum(frames for cell, frames in cells.items() if cell.outcome == outcome)


def _lost(row: CameraState, now_ns: int) -> bool:
    return abs(now_ns - row.beat_ns) > LOST_AFTER_S * 1e9
