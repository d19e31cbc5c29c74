"""Passed parts that were drawn for the audit and wait for a blind verdict."""

import random
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dashboard.audit.views import Sample
from edge.ledger.record import Inspection

DICE = random.SystemRandom()
WAITING = (Inspection.audit_rate.is_not(None), Inspection.audited_as.is_(None))


def waiting(session: Session) -> int:
    """How many wait."""
    return session.scalar(_all(func.count())) or 0


def draw(session: Session, *, without: Collection[int] = ()) -> Sample | None:
    """One of those that wait, each as likely as any other; None if there is none but `without`."""
    ids = [frame_id for frame_id in session.scalars(_all(Inspection.id)) if frame_id not in set(without)]
    return _sample(session, DICE.choice(ids)) if ids else None


def waits(session: Session, frame_id: int) -> bool:
    """Whether this frame was drawn and nobody has judged it blind yet."""
    return session.scalar(_all(Inspection.id).where(Inspection.id == frame_id)) is not None


def _all(what: Any) -> Select[Any]:
    return select(what).select_from(Inspection).where(*WAITING)


def _sample(session: Session, frame_id: int) -> Sample:
    row = session.get_one(Inspection, frame_id)
    picture = f"/frames/{row.id}/picture?v={row.captured_ns}"
    return Sample(frame=row.id, camera=row.camera.name, category=row.category, picture=picture)
