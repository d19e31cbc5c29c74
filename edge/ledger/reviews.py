"""What people said of frames: rows that are only ever added, of which a frame's latest counts."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.kinds import kinds_offered
from edge.ledger.record import LARGEST_ID, Inspection, Review, unit_of_work
from edge.verdict import Outcome

IDS_AT_ONCE = 500
LONGEST_WORDS = 2000
"""Characters of a kind or a note."""

Seen = Mapping[int, int | None]
"""By frame id, the latest review that whoever reviews it now has seen; None, or no entry, if there was none."""


class ReviewVerdict(StrEnum):
    """What a review says of a frame."""

    CONFIRMED_DEFECT = "confirmed_defect"
    FALSE_ALARM = "false_alarm"
    UNSURE = "unsure"
    CONFIRMED_OK = "confirmed_ok"  # of a frame that the line passed
    WITHDRAWN = "withdrawn"  # an undone first verdict: the frame counts as not reviewed


class ReviewConflict(EdgeError):
    """Somebody said something of these frames that the reviewer has not seen; `latest` holds those reviews."""

    def __init__(self, latest: Sequence[Review]) -> None:
        self.latest = latest
        first = latest[0]
        others = f", and {len(latest) - 1} more frames" if len(latest) > 1 else ""
        super().__init__(
            f"frame {first.inspection_id}{others}: already reviewed by {first.reviewer} as "
            f"{first.verdict.replace('_', ' ')}. Nothing was recorded; look again, then say it with that review seen."
        )


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
    """`review_frames` in a transaction of its own; engine: opened with `writes=True`."""
    with unit_of_work(engine) as session:
        return review_frames(
            session, frame_ids, verdict, reviewer=reviewer, reviewed_ns=reviewed_ns, kind=kind, note=note
        )


def review_frames(
    session: Session,
    frame_ids: Sequence[int],
    verdict: ReviewVerdict,
    *,
    reviewer: str,
    reviewed_ns: int,
    kind: str | None = None,
    note: str | None = None,
    blind: bool = False,
    seen: Seen | None = None,
) -> list[Review]:
    """Record one review for each of these frames, in their order; they are in `session`, flushed and not committed.

    session:     holds the write lock
    reviewed_ns: wall clock, nanoseconds since the Unix epoch;  kind: of defect
    blind:       said before the reviewer could see score, map or outcome
    seen:        what the reviewer knew; None where it does not matter
    Raises EdgeError, and records nothing, without a reviewer, or for a frame that is not there, was not inspected, was
    `ok` and is called a false alarm, or was flagged and is called ok; for a kind of what is called good, or one that is
    not in the list where there is a list; ReviewConflict as `seen` tells.
    """
    if not reviewer.strip():
        raise EdgeError("a review needs its reviewer's name: --by NAME.")
    if verdict is ReviewVerdict.WITHDRAWN:
        raise EdgeError("a review is withdrawn by undoing it: it is no verdict.")
    _refuse_kind(session, verdict, kind)
    rows = [_reviewable(session, frame_id, verdict) for frame_id in dict.fromkeys(frame_ids)]
    if seen is not None:
        _refuse_unseen(session, [row.id for row in rows], seen)
    reviews = [
        Review(
            inspection_id=row.id,
            verdict=verdict.value,
            reviewer=reviewer.strip(),
            reviewed_ns=reviewed_ns,
            bundle=row.bundle,
            kind=kind,
            note=note,
            blind=blind,
        )
        for row in rows
    ]
    session.add_all(reviews)
    session.flush()
    return reviews


def undo_reviews(session: Session, review_ids: Sequence[int], *, reviewer: str, reviewed_ns: int) -> list[Review]:
    """Take reviews back: for each a new row that says what counted before it, `withdrawn` where there was nothing.

    session: holds the write lock; the new rows are in it, flushed and not committed
    A verdict that counts again stays its author's, with kind and note; `undone_by` says who took the later one back.
    What was taken back counts as never said, so whoever said what counts now may take that back in turn. A blind
    verdict can be taken back after somebody has reviewed its frame in sight, whose verdict then stays what counts.
    Raises EdgeError, and records nothing, for a review that is not there, is somebody else's or is an undo itself;
    ReviewConflict for one that does not count any more.
    """
    undone = [_undoable(session, review_id, reviewer) for review_id in dict.fromkeys(review_ids)]
    _refuse_later(session, undone)
    rows = [_back(row, _standing(session, row.inspection_id, without=row.id), reviewer, reviewed_ns) for row in undone]
    session.add_all(rows)
    session.flush()
    return rows


def reviews_of(session: Session, frame_id: int) -> list[Review]:
    """A frame's reviews, the latest, which counts, first."""
    return list(session.scalars(select(Review).where(Review.inspection_id == frame_id).order_by(Review.id.desc())))


def latest_ids(session: Session, frame_ids: Sequence[int]) -> dict[int, int]:
    """By frame, the id of its latest review; frames without any are left out."""
    found: dict[int, int] = {}
    for start in range(0, len(frame_ids), IDS_AT_ONCE):
        some = frame_ids[start : start + IDS_AT_ONCE]
        query = select(Review.inspection_id, func.max(Review.id)).where(Review.inspection_id.in_(some))
        found.update((frame_id, newest) for frame_id, newest in session.execute(query.group_by(Review.inspection_id)))
    return found


def _refuse_unseen(session: Session, frame_ids: Sequence[int], seen: Seen) -> None:
    latest = latest_ids(session, frame_ids)
    unseen = [newest for frame_id, newest in latest.items() if seen.get(frame_id) != newest]
    if unseen:
        raise ReviewConflict(_reviews(session, unseen))


def _refuse_kind(session: Session, verdict: ReviewVerdict, kind: str | None) -> None:
    if kind is None:
        return
    if verdict in (ReviewVerdict.FALSE_ALARM, ReviewVerdict.CONFIRMED_OK):
        raise EdgeError(f"kind {kind!r}: what is called good has no kind of defect. Leave the kind out.")
    offered = kinds_offered(session)
    if offered and kind not in offered:
        raise EdgeError(f"kind {kind!r} is not in the list: {', '.join(offered)}. An engineer adds kinds at /kinds.")


def _refuse_later(session: Session, undone: Sequence[Review]) -> None:
    """A review can be taken back while it stands, and is the last that does; a blind one while it stands at all."""
    late = [row for row in undone if not _stands_last(session, row)]
    if late:
        raise ReviewConflict(_reviews(session, latest_ids(session, [row.inspection_id for row in late]).values()))


def _stands_last(session: Session, row: Review) -> bool:
    last = _standing(session, row.inspection_id, blind=row.blind)
    return last is not None and last.id == row.id


def _reviews(session: Session, review_ids: Iterable[int]) -> list[Review]:
    found = (session.get(Review, review_id) for review_id in review_ids)
    return [review for review in found if review is not None]


def _reviewable(session: Session, frame_id: int, verdict: ReviewVerdict) -> Inspection:
    row = session.get(Inspection, frame_id) if 0 < frame_id <= LARGEST_ID else None
    if row is None:
        raise EdgeError(f"no frame {frame_id} in the record. `edge review --list` shows flagged frames with their ids.")
    if row.outcome == Outcome.NOT_INSPECTED:
        raise EdgeError(f"frame {frame_id} was not inspected ({row.reason}): there is no verdict to review.")
    if row.outcome == Outcome.OK and verdict is ReviewVerdict.FALSE_ALARM:
        raise EdgeError(f"frame {frame_id} was ok: nothing was flagged, so it is no false alarm.")
    if row.outcome != Outcome.OK and verdict is ReviewVerdict.CONFIRMED_OK:
        raise EdgeError(f"frame {frame_id} was flagged: if it is good, it is a false alarm.")
    return row


def _undoable(session: Session, review_id: int, reviewer: str) -> Review:
    row = session.get(Review, review_id) if 0 < review_id <= LARGEST_ID else None
    if row is None:
        raise EdgeError(f"no review {review_id} in the record, so there is nothing to undo.")
    if row.reviewer != reviewer:
        raise EdgeError(f"review {review_id} is {row.reviewer}'s: only who said it can undo it. Add your own instead.")
    if row.undoes is not None:
        raise EdgeError(f"review {review_id} took another one back, which stays so. Say what the frame is anew.")
    return row


def _standing(session: Session, frame_id: int, *, without: int | None = None, blind: bool = False) -> Review | None:
    """The last of a frame's reviews that nobody has taken back; leaving one out, or of the blind ones alone."""
    undone = select(Review.undoes).where(Review.inspection_id == frame_id, Review.undoes.is_not(None))
    said = select(Review).where(Review.inspection_id == frame_id, Review.undoes.is_(None), Review.id.not_in(undone))
    if without is not None:
        said = said.where(Review.id != without)
    if blind:
        said = said.where(Review.blind)
    return session.scalar(said.order_by(Review.id.desc()).limit(1))


def _back(undone: Review, before: Review | None, reviewer: str, reviewed_ns: int) -> Review:
    return Review(
        inspection_id=undone.inspection_id,
        verdict=ReviewVerdict.WITHDRAWN.value if before is None else before.verdict,
        reviewer=reviewer if before is None else before.reviewer,
        reviewed_ns=reviewed_ns,
        bundle=undone.bundle,
        kind=before and before.kind,
        note=before and before.note,
        undoes=undone.id,
        undone_by=reviewer,
    )
