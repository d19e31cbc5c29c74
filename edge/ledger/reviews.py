"""What people said of frames: rows that are only ever added, of which a frame's latest counts."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.record import Inspection, Review, unit_of_work
from edge.verdict import Outcome

LARGEST_ID = 2**63 - 1


class ReviewVerdict(StrEnum):
    """What a reviewer may say of a frame."""

    CONFIRMED_DEFECT = "confirmed_defect"
    FALSE_ALARM = "false_alarm"
    UNSURE = "unsure"
    WITHDRAWN = "withdrawn"  # an undone first verdict: the frame counts as not reviewed


def add_reviews(
    engine: Engine,
    frame_ids: Sequence[int],
    verdict: ReviewVerdict,
    *,
    reviewer: str,
    reviewed_ns: int,
    kind: str | None = None,
    note: str | None = None,
) -> list[Review]:
    """Record one review for each of these frames, all in one transaction, in their order.

    engine:      opened with `writes=True`
    reviewed_ns: wall clock, nanoseconds since the Unix epoch;  kind: of defect
    Raises EdgeError, and records nothing, without a reviewer, or for a frame that is not there, was not inspected, or
    was `ok` and is called a false alarm.
    """
    if not reviewer.strip():
        raise EdgeError("a review needs its reviewer's name: --by NAME.")
    with unit_of_work(engine) as session:
        rows = [_reviewable(session, frame_id, verdict) for frame_id in dict.fromkeys(frame_ids)]
        reviews = [
            Review(
                inspection_id=row.id,
                verdict=verdict.value,
                reviewer=reviewer.strip(),
                reviewed_ns=reviewed_ns,
                bundle=row.bundle,
                kind=kind,
                note=note,
            )
            for row in rows
        ]
        session.add_all(reviews)
    return reviews


def reviews_of(session: Session, frame_id: int) -> list[Review]:
    """A frame's reviews, the latest, which counts, first."""
    return list(session.scalars(select(Review).where(Review.inspection_id == frame_id).order_by(Review.id.desc())))


def _reviewable(session: Session, frame_id: int, verdict: ReviewVerdict) -> Inspection:
    row = session.get(Inspection, frame_id) if 0 < frame_id <= LARGEST_ID else None
    if row is None:
        raise EdgeError(f"no frame {frame_id} in the record. `edge review --list` shows flagged frames with their ids.")
    if row.outcome == Outcome.NOT_INSPECTED:
        raise EdgeError(f"frame {frame_id} was not inspected ({row.reason}): there is no verdict to review.")
    if row.outcome == Outcome.OK and verdict is ReviewVerdict.FALSE_ALARM:
        raise EdgeError(f"frame {frame_id} was ok: nothing was flagged, so it is no false alarm.")
    return row
