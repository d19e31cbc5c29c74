"""Frames of the record as reviews are about them: what was decided, and what a person said of it last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from edge.ledger.record import Camera, Inspection, RegionRow, Review, Run
from edge.ledger.reviews import ReviewVerdict
from edge.verdict import FLAGGED

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in the picture's pixels, as in edge.verdict.Region."""


@dataclass(frozen=True, slots=True)
class ReviewedFrame:
    """A frame with its outcome and what was said of it last, None if nobody looked at it yet.

    width, height: of the picture, in pixels; None if there never was one
    picture_path:  relative to the media folder; None if no picture was kept
    """

    id: int
    run: str
    camera: str
    seq: int
    source: str
    captured_ns: int
    category: str | None
    outcome: str
    score: float | None
    threshold: float | None
    bundle: str | None
    width: int | None
    height: int | None
    picture_path: str | None
    latest: Review | None

    @property
    def review(self) -> Review | None:
        """The review that counts: the latest, unless it was withdrawn."""
        withdrawn = self.latest is not None and self.latest.verdict == ReviewVerdict.WITHDRAWN
        return None if withdrawn else self.latest

    @property
    def key(self) -> str:
        """What the frame is called outside its record, where ids mean nothing: run/camera/number."""
        return f"{self.run}/{self.camera}/{self.seq}"


def flagged_frames(engine: Engine, *, category: str | None, unreviewed: bool, limit: int) -> list[ReviewedFrame]:
    """The newest flagged frames, newest first; of one category, and only those that nobody reviewed, if asked."""
    wanted: list[ColumnElement[bool]] = [Inspection.outcome.in_(FLAGGED)]
    if category is not None:
        wanted.append(Inspection.category == category)
    if unreviewed:
        wanted.append(Inspection.reviewed_as.is_(None))
    return _frames(engine, wanted, newest=limit)


def frames_by_id(engine: Engine, frame_ids: Collection[int]) -> list[ReviewedFrame]:
    """The frames with these ids, oldest first; those that the record does not have are left out."""
    return _frames(engine, [Inspection.id.in_(frame_ids)])[::-1]


def judged_frames(
    engine: Engine, category: str, verdict: ReviewVerdict, *, run: str | None = None
) -> list[ReviewedFrame]:
    """A category's frames whose latest review says this, oldest first."""
    return _frames(engine, [Inspection.category == category, Review.verdict == verdict, *_of_run(run)])[::-1]


def stored_frames(
    engine: Engine, category: str, *, run: str | None = None, since_ns: int = 0, limit: int | None = None
) -> list[ReviewedFrame]:
    """A category's frames that kept a picture, the newest `limit` of them, oldest first."""
    wanted = [Inspection.category == category, Inspection.picture_path.is_not(None), *_of_run(run)]
    return _frames(engine, [*wanted, Inspection.captured_ns >= since_ns], newest=limit)[::-1]


def count_without_picture(engine: Engine, category: str, *, run: str | None = None, since_ns: int = 0) -> int:
    """How many inspected frames of a category kept none."""
    wanted = [Inspection.category == category, Inspection.picture_path.is_(None), *_of_run(run)]
    with Session(engine) as session:
        counted = (
            select(func.count(Inspection.id))
            .join(Run, Inspection.run_id == Run.id)
            .where(*wanted, Inspection.captured_ns >= since_ns)
        )
        return int(session.scalar(counted) or 0)


def boxes_of(engine: Engine, frame_ids: Collection[int]) -> dict[int, list[Box]]:
    """By frame, the areas that its verdict marked; frames without any are left out."""
    found: dict[int, list[Box]] = {}
    with Session(engine) as session:
        for frame_id in frame_ids:  # one by one, since a query takes only so many ids
            for region in session.scalars(select(RegionRow).where(RegionRow.inspection_id == frame_id)):
                found.setdefault(frame_id, []).append((region.x0, region.y0, region.x1, region.y1))
    return found


def _of_run(run: str | None) -> list[ColumnElement[bool]]:
    return [] if run is None else [Run.name == run]


def _frames(engine: Engine, wanted: Sequence[ColumnElement[bool]], *, newest: int | None = None) -> list[ReviewedFrame]:
    """Frames for which all of these hold, newest first; each joined with its latest review."""
    latest = select(func.max(Review.id)).where(Review.inspection_id == Inspection.id).correlate(Inspection)
    query = (
        select(Inspection, Run.name, Camera.name, Review)
        .join(Run, Inspection.run_id == Run.id)
        .join(Camera, Inspection.camera_id == Camera.id)
        .outerjoin(Review, Review.id == latest.scalar_subquery())
        .where(*wanted)
        .order_by(Inspection.id.desc())
        .limit(newest)
    )
    with Session(engine) as session:
        return [_frame(row, run, camera, review) for row, run, camera, review in session.execute(query)]


def _frame(row: Inspection, run: str, camera: str, review: Review | None) -> ReviewedFrame:
    return ReviewedFrame(
        row.id, run, camera, row.seq, row.source, row.captured_ns, row.category, row.outcome, row.score, row.threshold,
        row.bundle, row.width, row.height, row.picture_path, review,
    )  # fmt: skip
