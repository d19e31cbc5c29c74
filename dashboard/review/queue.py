"""Flagged frames that nobody has reviewed, in order; read from one partial index that holds nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query
from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from dashboard import queries
from dashboard.queries import hidden
from dashboard.review.views import QueueCounts, QueueFrame, QueuePage
from edge.ledger.flagged import FlaggedRows
from edge.ledger.record import LARGEST_ID, Camera, Inspection
from edge.ledger.reviews import latest_ids
from edge.verdict import FLAGGED, Outcome

WAITING = FlaggedRows() & Inspection.reviewed_as.is_(None)
EXCESS: ColumnElement[float] = func.coalesce(Inspection.score / func.nullif(Inspection.threshold, 0), 0)
"""How bad a frame is: its score over its threshold; 0 where there is none."""


class Order(StrEnum):
    """Which frame comes first."""

    NEWEST = "newest"
    WORST = "worst"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which frames of the queue, and in which order; `category` may be empty: frames of cameras without one."""

    order: Order = Order.NEWEST
    camera: str | None = None
    category: str | None = None
    outcome: Outcome | None = None

    def query(self, **changes: object) -> str:
        """This filter with changes as a query string with its `?`; what is as by default is left out."""
        asked = {"order": self.order, "camera": self.camera, "category": self.category, "outcome": self.outcome}
        given = {name: value for name, value in (asked | changes).items() if value not in (None, Order.NEWEST)}
        return f"?{urlencode(given)}" if given else ""


def _filter(
    order: Order = Order.NEWEST,
    camera: str | None = None,
    category: Annotated[str | None, Query(description="empty: frames of cameras without a category")] = None,
    outcome: Outcome | None = None,
) -> Filter:
    return Filter(order, camera, category, outcome)


FilterOf = Annotated[Filter, Depends(_filter)]
"""Parameter type of a route that takes a filter of the queue by query string."""
Id = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]


def ids_after(session: Session, wanted: Filter, frame_id: int | None, *, limit: int) -> list[int]:
    """Ids in the filter's order, after this frame, which need not be in the queue itself; None: from the start."""
    query = _waiting(session, wanted)
    if wanted.order is Order.WORST:
        query = query.order_by(EXCESS.desc(), Inspection.id.desc())
    else:
        query = query.order_by(Inspection.id.desc())
    if frame_id is not None:
        query = query.where(_beyond(session, wanted, frame_id, forward=True))
    return list(session.scalars(query.limit(limit)))


def id_before(session: Session, wanted: Filter, frame_id: int) -> int | None:
    """The frame that comes before this one in the filter's order, None if this is the first."""
    query = _waiting(session, wanted).where(_beyond(session, wanted, frame_id, forward=False))
    if wanted.order is Order.WORST:
        query = query.order_by(EXCESS.asc(), Inspection.id.asc())
    else:
        query = query.order_by(Inspection.id.asc())
    found: int | None = session.scalar(query.limit(1))
    return found


def holds(session: Session, wanted: Filter, frame_id: int) -> bool:
    """Whether this frame waits in the queue, and the filter lets it through."""
    return session.scalar(_waiting(session, wanted).where(Inspection.id == frame_id)) is not None


def page(session: Session, media: Path, wanted: Filter, *, after: int | None, limit: int) -> QueuePage:
    """Some frames of the queue, after one of it."""
    ids = ids_after(session, wanted, after, limit=limit + 1)
    return QueuePage(frames=frames(session, media, ids[:limit]), next=ids[limit - 1] if len(ids) > limit else None)


def frames(session: Session, media: Path, ids: Sequence[int]) -> list[QueueFrame]:
    """These frames as they are shown, in this order."""
    latest = latest_ids(session, ids)
    return [QueueFrame(**dict(frame), seen=latest.get(frame.id)) for frame in queries.views(session, media, ids)]


def counts(session: Session, wanted: Filter) -> QueueCounts:
    """How many wait: in all under this filter, and by camera and by category, each as if it alone were not chosen."""
    columns = Inspection.camera_id, Inspection.category, Inspection.outcome
    query = select(*columns, func.count()).where(WAITING).group_by(*columns)
    names = {camera.id: camera.name for camera in session.scalars(select(Camera))}
    cells = [(names[row[0]], row[1] or "", row[2], row[3]) for row in session.execute(query)]
    found = QueueCounts(waiting=0, all=0, cameras={}, categories={}, outcomes={})
    for camera, category, outcome, number in cells:
        camera_fits = wanted.camera in (None, camera)
        category_fits = wanted.category in (None, category)
        outcome_fits = wanted.outcome in (None, outcome)
        found.all += number
        found.waiting += number * (camera_fits and category_fits and outcome_fits)
        _add(found.cameras, camera, number * (category_fits and outcome_fits))
        _add(found.categories, category, number * (camera_fits and outcome_fits))
        _add(found.outcomes, outcome, number * (camera_fits and category_fits))
    found.cameras = dict(sorted(found.cameras.items()))
    found.categories = dict(sorted(found.categories.items()))
    found.outcomes = {outcome: found.outcomes.get(outcome, 0) for outcome in FLAGGED}
    return found


def _add(cells: dict[str, int], name: str, number: int) -> None:
    cells[name] = cells.get(name, 0) + number


def _waiting(session: Session, wanted: Filter) -> Select[Any]:
    query = select(Inspection.id).where(WAITING)
    if wanted.camera is not None:
        cameras = session.scalars(select(Camera.id).where(Camera.name == wanted.camera)).all()
        query = query.where(Inspection.camera_id.in_(cameras))
    if wanted.category is not None:
        query = query.where(
            hidden(Inspection.category).in_([wanted.category])
            if wanted.category
            else hidden(Inspection.category).is_(None)
        )
    if wanted.outcome is not None:
        query = query.where(hidden(Inspection.outcome) == wanted.outcome)
    return query


def _beyond(session: Session, wanted: Filter, frame_id: int, *, forward: bool) -> ColumnElement[bool]:
    """What holds for the frames after this one in the filter's order, or before it."""
    if wanted.order is Order.NEWEST:
        return Inspection.id < frame_id if forward else Inspection.id > frame_id
    excess = session.scalar(select(EXCESS).where(Inspection.id == frame_id)) or 0
    here, there = tuple_(EXCESS, Inspection.id), tuple_(literal(excess), literal(frame_id))
    return here < there if forward else here > there
