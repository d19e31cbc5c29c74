"""Found frames with all that is said of them, in chunks, each read by itself so that no transaction is held long."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, selectinload

from dashboard.find.choices import bundle_names
from dashboard.find.filters import Filters
from dashboard.find.search import found_ids
from dashboard.reader import Reader
from edge.ledger.record import Inspection, Review

ROWS_AT_ONCE = 500
Cell = str | int | float | None
PLAIN = (
    "outcome", "reason", "score", "threshold", "defect_threshold", "recipe", "category", "bundle", "part", "lot",
    "serial", "nearest_reference", "nearest_distance", "scale_low", "scale_mark", "scale_high", "width", "height",
    "picture_path", "map_path", "map_top", "audit_rate",
)  # fmt: skip
COLUMNS = (
    "id", "run", "camera", "seq", "source", "captured_at", "latency_ms", *PLAIN, "bundle_name", "head_scores",
    "head_limits", "areas", "review", "review_kind", "review_note", "reviewer", "reviewed_at", "reviews",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """A frame, what its bundle is called, and its reviews, oldest first."""

    row: Inspection
    bundle_name: str | None
    reviews: Sequence[Review]

    @property
    def review(self) -> Review | None:
        """What counts of what people said: the latest, unless that was withdrawn."""
        return self.reviews[-1] if self.row.reviewed_as else None


def exported(
    reader: Reader,
    filters: Filters,
    *,
    now_ns: int,
    shifts: Sequence[clock],
    only: Sequence[ColumnElement[bool]] = (),
    limit: int | None = None,
) -> Iterator[Exported]:
    """Frames that match, newest first, at most `limit`; only: more that must hold."""
    before, left = None, limit
    while left is None or left > 0:
        size = ROWS_AT_ONCE if left is None else min(ROWS_AT_ONCE, left)
        with reader.read() as reading:
            ids = found_ids(
                reading.session, filters, now_ns=now_ns, shifts=shifts, before=before, only=only, limit=size
            )
            frames = _read(reading.session, ids)
        yield from frames
        if len(ids) < size:
            return
        before, left = ids[-1], None if left is None else left - size


def cells(frame: Exported) -> dict[str, Cell]:
    """A frame's line in a table, by COLUMNS: times are ISO 8601 in UTC, what is unknown is None, lists are JSON."""
    row, review = frame.row, frame.review
    plain = {name: getattr(row, name) for name in PLAIN}
    areas = [{name: getattr(area, name) for name in ("x0", "y0", "x1", "y1", "area", "peak")} for area in row.regions]
    return {
        "id": row.id, "run": row.run.name, "camera": row.camera.name, "seq": row.seq, "source": row.source,
        "captured_at": iso(row.captured_ns), "latency_ms": round(row.latency_ms, 3), **plain,
        "bundle_name": frame.bundle_name, "head_scores": json.dumps(row.head_scores),
        "head_limits": json.dumps(row.head_limits), "areas": json.dumps(areas),
        "review": review and review.verdict, "review_kind": review and review.kind,
        "review_note": review and review.note, "reviewer": review and review.reviewer,
        "reviewed_at": review and iso(review.reviewed_ns), "reviews": len(frame.reviews),
    }  # fmt: skip


def iso(ns: int) -> str:
    """A time in nanoseconds since the Unix epoch as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(ns // 1000 / 1e6, tz=UTC).isoformat(timespec="microseconds")


def _read(session: Session, ids: Sequence[int]) -> list[Exported]:
    rows = session.scalars(
        select(Inspection)
        .where(Inspection.id.in_(ids))
        .options(joinedload(Inspection.camera), joinedload(Inspection.run), selectinload(Inspection.regions))
    )
    by_id = {row.id: row for row in rows}
    said: dict[int, list[Review]] = {frame_id: [] for frame_id in ids}
    for review in session.scalars(select(Review).where(Review.inspection_id.in_(ids)).order_by(Review.id)):
        said[review.inspection_id].append(review)
    names = bundle_names(session)
    return [Exported(by_id[each], names.get(by_id[each].bundle or ""), said[each]) for each in ids]
