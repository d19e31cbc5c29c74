"""What is new in the record, for all who listen: asked of it about twice a second, however many they are."""

import threading
import time
from dataclasses import dataclass

from sqlalchemy import func, select

from dashboard import queries
from dashboard.reader import Reader
from edge.ledger.record import Review

KEPT_S = 0.4


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest ids, 0 if there is none, and Counts as JSON."""

    newest_id: int
    newest_review: int
    counts_json: str


class Pulse:
    """Safe to use from many threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._looked_s = 0.0
        self._beat: Beat | None = None

    def look(self) -> Beat:
        """The record as it was KEPT_S ago at most. Raises NoRecordYetError."""
        with self._lock:
            if self._beat is None or time.monotonic() - self._looked_s > KEPT_S:
                self._beat = None
                with self._reader.read() as reading:
                    counts = queries.counts(reading, time.time_ns())
                    newest_review = reading.session.scalar(select(func.max(Review.id))) or 0
                self._beat = Beat(counts.newest_id, newest_review, counts.model_dump_json())
                self._looked_s = time.monotonic()
            return self._beat
