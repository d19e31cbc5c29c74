"""Running counts behind the trends: every frame and every review is counted once; all anew if the record changed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dashboard.bookmark import Bookmark
from dashboard.tally import frames_counted
from dashboard.trends.histogram import Histogram, Ints, LogBins, key
from edge.ledger.record import Camera, Inspection, Review
from edge.ledger.reviews import ReviewVerdict
from edge.verdict import FLAGGED, Outcome

ROWS_A_STEP = 50_000
OUTCOMES = {outcome.value: number for number, outcome in enumerate(Outcome)}
DECIDED = {ReviewVerdict.CONFIRMED_DEFECT.value: 0, ReviewVerdict.FALSE_ALARM.value: 1}
"""What counts of the reviews of flagged frames; who is unsure has not decided."""
SCORES = LogBins(lowest=-8, octaves=16)
"""Of a score as a multiple of its threshold."""
LATENCIES = LogBins(lowest=-3, octaves=21)
"""Of milliseconds."""


@dataclass(frozen=True, slots=True)
class Series:
    """What counts can be told apart by."""

    camera: str
    category: str | None
    bundle: str | None


@dataclass(frozen=True, slots=True)
class Rolled:
    """The counts at one moment; `series` by their number."""

    series: tuple[Series, ...] = ()
    outcomes: Histogram = field(default_factory=Histogram)
    scores: Histogram = field(default_factory=Histogram)
    latencies: Histogram = field(default_factory=Histogram)
    reviews: Histogram = field(default_factory=Histogram)


class Rollup:
    """Counts frames and reviews as they come; safe to use from many threads."""

    def __init__(self, rows_a_step: int = ROWS_A_STEP) -> None:
        self._rows_a_step = rows_a_step
        self._lock = threading.Lock()
        self._rolled = Rolled()
        self._forget()

    def count(self, session: Session) -> Rolled:
        """Count what is new since the last call; returns all counts."""
        with self._lock:
            if not (self._last.holds(session) and self._last_review.holds(session)):
                self._forget()
            newest = session.scalar(select(func.max(Inspection.id))) or 0
            while self._last.id < newest:
                upto = min(self._last.id + self._rows_a_step, newest)
                self._add_frames(session, upto)
                self._last.move(session, upto)
                session.rollback()  # ends the read transaction, so that the writer's log can be folded back
            newest_review = session.scalar(select(func.max(Review.id))) or 0
            if self._last_review.id < newest_review:
                self._add_reviews(session, newest_review)
                self._last_review.move(session, newest_review)
            self._rolled = replace(self._rolled, series=tuple(self._numbers))
            return self._rolled

    def _forget(self) -> None:
        self._last = frames_counted()
        self._last_review = Bookmark(Review.id, Review.inspection_id, Review.verdict, Review.reviewed_ns)
        self._numbers: dict[Series, int] = {}
        self._rolled = Rolled()

    def _add_frames(self, session: Session, upto: int) -> None:
        frame = Inspection
        rows = session.execute(
            select(
                frame.captured_ns, frame.camera_id, frame.category, frame.bundle, frame.outcome, frame.score,
                frame.threshold, frame.latency_ms,
            ).where(frame.id > self._last.id, frame.id <= upto)
        ).all()  # fmt: skip
        if not rows:  # numbers that no frame has
            return
        captured_ns, series = self._placed(session, rows)
        _, _, _, _, outcome, score, threshold, latency_ms = zip(*rows, strict=True)
        outcomes = np.array([OUTCOMES[name] for name in outcome], np.int64)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.array(score, float) / np.array(threshold, float)
        latencies = np.array(latency_ms, float)
        rolled, scored = self._rolled, np.isfinite(ratios) & (ratios >= 0)
        inspected = outcomes != OUTCOMES[Outcome.NOT_INSPECTED]
        self._rolled = replace(
            rolled,
            outcomes=_more(rolled.outcomes, captured_ns, series, outcomes),
            scores=_more(rolled.scores, captured_ns[scored], series[scored], SCORES.index(ratios[scored])),
            latencies=_more(
                rolled.latencies, captured_ns[inspected], series[inspected], LATENCIES.index(latencies[inspected])
            ),
        )

    def _add_reviews(self, session: Session, upto: int) -> None:
        """Each reviewed flagged frame counts as its latest review says, and no longer as the one before."""
        earlier, later = aliased(Review), aliased(Review)
        before = (
            select(earlier.verdict)
            .where(earlier.inspection_id == Inspection.id, earlier.id <= self._last_review.id)
            .order_by(earlier.id.desc())
            .limit(1)
        )
        followed = select(later.id).where(
            later.inspection_id == Inspection.id, later.id > Review.id, later.id <= upto
        )  # fmt: skip
        rows = session.execute(
            select(
                Inspection.captured_ns, Inspection.camera_id, Inspection.category, Inspection.bundle, Review.verdict,
                before.correlate(Inspection).scalar_subquery().label("before"),
            )
            .join(Inspection, Review.inspection_id == Inspection.id)
            .where(
                Review.id > self._last_review.id, Review.id <= upto, Inspection.outcome.in_(FLAGGED),
                ~followed.correlate(Inspection, Review).exists(),
            )
        ).all()  # fmt: skip
        for column, weight in (("before", -1), ("verdict", 1)):
            some = [row for row in rows if getattr(row, column) in DECIDED]
            decided = np.array([DECIDED[getattr(row, column)] for row in some], np.int64)
            reviews = _more(self._rolled.reviews, *self._placed(session, some), decided, weight=weight)
            self._rolled = replace(self._rolled, reviews=reviews)

    def _placed(self, session: Session, rows: Sequence[Any]) -> tuple[Ints, Ints]:
        """Of rows of captured_ns, camera_id, category, bundle and more: when they were captured, and their series."""
        cameras = {camera.id: camera.name for camera in session.scalars(select(Camera))}
        series = []
        seen: dict[tuple[int, str | None, str | None], int] = {}
        for _, camera_id, category, bundle, *_ in rows:
            number = seen.get((camera_id, category, bundle))
            if number is None:
                one = Series(cameras[camera_id], category, bundle)
                number = seen[camera_id, category, bundle] = self._numbers.setdefault(one, len(self._numbers))
            series.append(number)
        return np.array([row[0] for row in rows], np.int64), np.array(series, np.int64)


def _more(histogram: Histogram, captured_ns: Ints, series: Ints, bins: Ints, *, weight: int = 1) -> Histogram:
    return histogram.plus(key(captured_ns, series, bins), np.full(len(bins), weight, np.int64))
