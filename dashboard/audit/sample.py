"""Passed frames that were drawn for the audit and wait for a blind verdict, in an order of each judge's own.

The order is chance's and stays: hashes of the judge's name and the frame's id. So a reload shows the same frame again,
and no part of the record has to remember who was given what.
"""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from dashboard import files
from dashboard.audit.views import Sample
from edge.ledger.record import Inspection, Review

AHEAD = 8
"""First frames of a judge's order that a verdict is taken for: two are given out, and newer ones may come before."""


def waiting(session: Session, judge: str) -> int:
    """How many wait for this judge."""
    return session.scalar(_all(func.count(), judge)) or 0


def draw(session: Session, media: Path, judge: str, *, without: int | None = None) -> Sample | None:
    """The first frame of the judge's order; the second if the first is `without`; None if there is none."""
    return next((found for found in _in_order(session, media, judge) if found.frame != without), None)


def given(session: Session, media: Path, judge: str, frame_id: int) -> bool:
    """Whether this frame waits for this judge, among the first of their order."""
    return frame_id in {found.frame for found in islice(_in_order(session, media, judge), AHEAD)}


def reviewed_by(judge: str) -> Any:
    """Holds for the frames that this judge reviewed on their pages, where score and map are seen; undone or not."""
    sighted = Review.blind.is_(False) & Review.undoes.is_(None)
    return exists().where(Review.inspection_id == Inspection.id, Review.reviewer == judge, sighted)


def _all(what: Any, judge: str) -> Select[Any]:
    drawn = Inspection.audit_rate.is_not(None), Inspection.audited_as.is_(None), Inspection.picture_gone_ns.is_(None)
    return select(what).select_from(Inspection).where(*drawn, ~reviewed_by(judge))


def _in_order(session: Session, media: Path, judge: str) -> Iterator[Sample]:
    """Without those whose picture is gone."""
    ids = session.scalars(_all(Inspection.id, judge))
    for frame_id in sorted(ids, key=lambda each: blake2b(f"{each} {judge}".encode()).digest()):
        row = session.get_one(Inspection, frame_id)
        if files.inside(media, row.picture_path):
            picture = f"/frames/{row.id}/picture?v={row.captured_ns}"
            yield Sample(frame=row.id, camera=row.camera.name, category=row.category, picture=picture)
