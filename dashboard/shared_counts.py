"""The record in numbers for all who listen to its news: asked of it about twice a second, however many they are."""

import threading
import time

from dashboard import queries
from dashboard.reader import Reader
from dashboard.views import Counts

KEPT_S = 0.4


class SharedCounts:
    """Safe to use from many threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._looked_s = 0.0
        self._counts: Counts | None = None

    def look(self) -> Counts:
        """The counts as they were KEPT_S ago at most. Raises NoRecordYetError."""
        with self._lock:
            if self._counts is None or time.monotonic() - self._looked_s > KEPT_S:
                with self._reader.read() as reading:
                    self._counts = queries.counts(reading, time.time_ns())
                self._looked_s = time.monotonic()
            return self._counts
