"""The page's questions to the record. Each takes a short read session and returns typed views."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from dashboard import files, state
from dashboard.moments import utc
from dashboard.pace import NEWEST_ROWS, pace
from dashboard.reader import Reading
from dashboard.views import Box, CameraCounts, Counts, FrameView
from edge.ledger.record import LARGEST_ID, Inspection
from edge.verdict import FLAGGED, Outcome

RECENT_S = 60
RECENT_ROWS = 20_000
INSPECTED = (Outcome.OK, *FLAGGED)


def find(session: Session, frame_id: int) -> Inspection | None:
    """The row with this id; None for any number that is no row's."""
    return session.get(Inspection, frame_id) if 0 < frame_id <= LARGEST_ID else None


def hidden(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The same value as an expression, for which no database uses an index of the column."""
    return func.coalesce(column, None, type_=column.type)


def newest_id(session: Session) -> int:
    """The id of the newest row, 0 if there is none."""
    return session.scalar(select(func.max(Inspection.id))) or 0


def ids_after(session: Session, outcomes: Sequence[Outcome], *, after: int, limit: int) -> list[int]:
    """Ids of these outcomes with id > after, oldest first. Reads the index once an outcome, never the table."""
    found: list[int] = []
    for outcome in outcomes:
        query = select(Inspection.id).where(Inspection.outcome == outcome, Inspection.id > after)
        found += session.scalars(query.order_by(Inspection.id).limit(limit))
    return sorted(found)[:limit]


def views(session: Session, media: Path, ids: Sequence[int]) -> list[FrameView]:
    """What is shown of these rows, in their order."""
    rows = session.scalars(
        select(Inspection)
        .where(Inspection.id.in_(ids))
        .options(
            joinedload(Inspection.camera),
            joinedload(Inspection.run),
            joinedload(Inspection.judged_by),
            selectinload(Inspection.regions),
        )
    )
    by_id = {row.id: view(row, media) for row in rows}
    return [by_id[frame_id] for frame_id in ids]


def view(row: Inspection, media: Path) -> FrameView:
    """What is shown of a row. `v` in an address is the capture time, so that a cached picture is never another's."""
    picture = files.inside(media, row.picture_path)
    columns = {name: getattr(row, name) for name in FrameView.model_fields if name in Inspection.__table__.columns}
    heated = has_heatmap(row, media)
    here, version = f"/frames/{row.id}", f"?v={row.captured_ns}"
    return FrameView(
        **columns,
        run=row.run.name,
        camera=row.camera.name,
        bundle_name=row.judged_by and row.judged_by.name,
        captured_at=utc(row.captured_ns),
        boxes=[Box.model_validate(region, from_attributes=True) for region in row.regions],
        picture=f"{here}/picture{version}" if picture else None,
        thumbnail=f"{here}/thumbnail.jpg{version}" if picture else None,
        picture_missing=row.picture_path is not None and picture is None,
        picture_gone_at=row.picture_gone_ns and utc(row.picture_gone_ns),
        heatmap=f"{here}/heatmap.png{version}" if heated else None,
        heatmap_thumbnail=f"{here}/heatmap-thumbnail.png{version}" if heated else None,
    )


def has_heatmap(row: Inspection, media: Path) -> bool:
    """Whether the row has a map on disk, a picture size and a scale to draw it on."""
    needed = (row.width, row.height, row.map_top, row.scale_low, row.scale_high)
    return None not in needed and files.inside(media, row.map_path) is not None


def counts(reading: Reading, now_ns: int) -> Counts:
    """The record in numbers, at `now_ns` (wall clock, nanoseconds since the Unix epoch)."""
    newest_id, cells = reading.tally.count(reading.session)
    totals = dict.fromkeys(Outcome, 0)
    cameras: dict[str, CameraCounts] = {}
    reasons: dict[str, int] = {}
    for cell, frames in cells.items():
        outcome = Outcome(cell.outcome)
        totals[outcome] += frames
        camera = cameras.setdefault(cell.camera, CameraCounts(camera=cell.camera))
        camera.frames += frames
        setattr(camera, outcome.value, getattr(camera, outcome.value) + frames)
        if outcome is Outcome.NOT_INSPECTED:
            reasons[cell.reason or "?"] = reasons.get(cell.reason or "?", 0) + frames
    speed = pace(_newest_inspected(reading.session, newest_id), now_ns)
    return Counts(
        frames=sum(totals.values()),
        **{outcome.value: frames for outcome, frames in totals.items()},
        reasons=dict(sorted(reasons.items())),
        recent_reasons=_recent_reasons(reading.session, newest_id, now_ns),
        cameras=[cameras[name] for name in sorted(cameras)],
        frames_per_s=round(speed.frames_per_s, 1),
        latency_p50_ms=speed.latency_p50_ms,
        latency_p95_ms=speed.latency_p95_ms,
        last_recorded_at=speed.last_recorded_ns and utc(speed.last_recorded_ns),
        alarms=state.alarms(reading.session),
        checks=state.checks(reading.session),
        newest_id=newest_id,
    )


def _newest_inspected(session: Session, newest_id: int) -> list[tuple[int, float]]:
    """(captured_ns, latency_ms) of inspected frames among the newest rows, by id."""
    query = select(Inspection.captured_ns, Inspection.latency_ms).where(
        Inspection.id > newest_id - RECENT_ROWS, Inspection.outcome.in_(INSPECTED)
    )
    rows = session.execute(query.order_by(Inspection.id.desc()).limit(NEWEST_ROWS))
    return [(captured_ns, latency_ms) for captured_ns, latency_ms in rows]


def _recent_reasons(session: Session, newest_id: int, now_ns: int) -> dict[str, int]:
    """Frames captured in the last minute and not inspected, by reason, among the newest rows."""
    recent_ns = RECENT_S * 1_000_000_000
    query = (
        select(Inspection.reason, func.count())
        .where(
            Inspection.outcome == Outcome.NOT_INSPECTED,
            Inspection.id > newest_id - RECENT_ROWS,
            Inspection.captured_ns.between(now_ns - recent_ns, now_ns + recent_ns),  # the clock may have been set back
        )
        .group_by(Inspection.reason)
    )
    return {reason or "?": frames for reason, frames in session.execute(query)}
