"""Frames that filters find: ids by keyset, newest or oldest first, never an offset and never a count of the table.

SQLite walks the table by id and stops when the page is full, unless few frames can match: those of an outcome but `ok`,
of a part's number, of a short stretch of time. Only then does an index pay, so from all others it is hidden.
"""

import re
from collections.abc import Sequence
from datetime import time
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from dashboard.find.filters import UNREVIEWED, Filters
from dashboard.queries import hidden
from edge.ledger.bundles import BundleRow
from edge.ledger.record import Camera, Inspection, Review, Run
from edge.verdict import Outcome

FEW_ROWS = 5_000
"""An index that leads to more rows than this is slower than the walk."""
SHORT_ROWS = 50_000
"""Rows of a stretch of time whose first and last id are worth finding."""
NOT_OK = tuple(outcome for outcome in Outcome if outcome is not Outcome.OK)
"""Outcomes that have a reason."""
HIGHEST = "\U0010ffff"
Wanted = list[ColumnElement[bool]]


def found_ids(
    session: Session,
    filters: Filters,
    *,
    now_ns: int,
    shifts: Sequence[time],
    after: int | None = None,
    before: int | None = None,
    only: Sequence[ColumnElement[bool]] = (),
    limit: int,
) -> list[int]:
    """Ids of frames that match: newest first below `before`, or with `after` oldest first above it.

    only: more that must hold
    """
    wanted = [*only, *_wanted(session, filters), *_captured(session, *filters.span_ns(now_ns, shifts))]
    if before is not None:
        wanted.append(Inspection.id < before)
    if after is not None:
        wanted.append(Inspection.id > after)
    order = Inspection.id.desc() if after is None else Inspection.id
    found: list[int] = []
    for outcome in _outcomes(filters.outcome or (NOT_OK if filters.reason is not None else ())):
        found += session.scalars(select(Inspection.id).where(*wanted, *outcome).order_by(order).limit(limit))
    return sorted(found, reverse=after is None)[:limit]


def _outcomes(asked: Sequence[Outcome]) -> list[Wanted]:
    """Conditions of queries that together find these outcomes, each in order of id."""
    if not asked or set(asked) == set(Outcome):
        return [[]]
    if Outcome.OK in asked:
        return [[hidden(Inspection.outcome).in_(asked)]]
    return [[Inspection.outcome == outcome] for outcome in dict.fromkeys(asked)]


def _wanted(session: Session, filters: Filters) -> Wanted:
    """All that is asked for but outcome and time."""
    wanted: Wanted = []
    if filters.run is not None:
        wanted.append(_among(Inspection.run_id, session.scalars(select(Run.id).where(Run.name == filters.run)).all()))
    if filters.camera is not None:
        cameras = session.scalars(select(Camera.id).where(Camera.name == filters.camera)).all()
        wanted.append(_among(Inspection.camera_id, cameras))
    for column, value in ((Inspection.category, filters.category), (Inspection.reason, filters.reason)):
        if value is not None:
            wanted.append(column == value)
    if filters.score_from is not None:
        wanted.append(Inspection.score >= filters.score_from)
    if filters.score_to is not None:
        wanted.append(Inspection.score <= filters.score_to)
    for number in ("part", "lot", "serial"):
        wanted += _number(session, getattr(Inspection, number), getattr(filters, number))
    if filters.bundle is not None:
        wanted.append(_bundle(session, filters.bundle))
    return wanted + _reviewed(filters.review)


def _number(session: Session, column: InstrumentedAttribute[str | None], asked: str | None) -> Wanted:
    """That a part's number is so, or with a star at its end begins so."""
    if asked is None:
        return []
    matching = select(column).where(*_is(column, asked)).limit(FEW_ROWS + 1).subquery()
    rows = session.scalar(select(func.count()).select_from(matching)) or 0
    return _is(column if rows <= FEW_ROWS else hidden(column), asked)


def _among(column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a column has one of these values; of none, a plain `no`, for which no row is read."""
    return column.in_(values) if values else false()


def _is(column: ColumnElement[Any] | InstrumentedAttribute[Any], asked: str) -> Wanted:
    if not asked.endswith("*"):
        return [column == asked]
    return [column >= asked[:-1], column < asked[:-1] + HIGHEST]


def _bundle(session: Session, asked: str) -> ColumnElement[bool]:
    named = session.scalars(select(BundleRow.sha256).where(*_is(BundleRow.name, f"{asked}*"))).all()
    by_name = _among(Inspection.bundle, named)
    if not re.fullmatch("[0-9a-fA-F]+", asked):
        return by_name
    from_hash, to_hash = _is(Inspection.bundle, f"{asked.lower()}*")
    return or_(by_name, from_hash & to_hash) if named else from_hash & to_hash


def _reviewed(asked: str | None) -> Wanted:
    if asked is None:
        return []
    if asked == UNREVIEWED:
        return [Inspection.reviewed_as.is_(None)]
    said = select(Review.inspection_id).where(Review.verdict == asked)
    return [Inspection.id.in_(said), Inspection.reviewed_as == asked]


def _captured(session: Session, begin_ns: int | None, end_ns: int | None) -> Wanted:
    """Captured at or after `begin_ns` and before `end_ns`.

    Frames are recorded nearly in the order of capture, so the ids of a short stretch lie close together: with the
    lowest and the highest known, the walk is as short as the stretch.
    """
    if begin_ns is None and end_ns is None:
        return []
    inside = select(Inspection.id).where(*_between(Inspection.captured_ns, begin_ns, end_ns)).limit(SHORT_ROWS + 1)
    ids = inside.subquery().c.id
    rows, lowest, highest = session.execute(select(func.count(), func.min(ids), func.max(ids))).one()
    wanted = _between(hidden(Inspection.captured_ns), begin_ns, end_ns)
    return wanted if rows > SHORT_ROWS else [*wanted, Inspection.id.between(lowest or 0, highest or 0)]


def _between(captured: ColumnElement[Any] | InstrumentedAttribute[Any], begin: int | None, end: int | None) -> Wanted:
    return [*([captured >= begin] if begin is not None else []), *([captured < end] if end is not None else [])]
