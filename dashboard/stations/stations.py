"""The stations by now, each read from its own tables, asked at most every two seconds, however many browsers look."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.moments import utc
from dashboard.reader import NoRecordYetError, Reader, Reading
from dashboard.review import queue
from dashboard.stations.views import StationView
from edge.database import Database
from edge.ledger.camera_states import AT_WORK, CameraState, Doing, states
from edge.ledger.postgresql import stations
from edge.ledger.record import open_engine
from edge.verdict import Outcome

KEPT_S = 2.0
LOST_AFTER_S = 7.0
"""A supervisor gives a sign of life every two seconds."""


@dataclass(frozen=True, slots=True)
class _Sign:
    """The last sign of life of a station, and when we found it to be new; seconds of this machine's monotonic clock."""

    beat_ns: int
    found_s: float


class Stations:
    """Safe to use from many threads. `database` is PostgreSQL."""

    def __init__(self, database: Database, pages: Mapping[str, str]) -> None:
        """pages: addresses of the stations' own pages, by station."""
        self._database, self._pages = database, pages
        self._lock = threading.Lock()
        self._readers: dict[str, Reader] = {}
        self._signs: dict[str, _Sign] = {}
        self._looked_s = float("-inf")
        self._views: list[StationView] = []

    def look(self) -> list[StationView]:
        """All stations by name, as they were KEPT_S ago at most. Raises OperationalError."""
        with self._lock:
            if time.monotonic() - self._looked_s > KEPT_S:
                self._views = [self._station(name) for name in self._names()]
                self._looked_s = time.monotonic()
            return self._views

    def reader(self, name: str) -> Reader | None:
        """What reads a station's record; None for one that is not in this database."""
        names = [view.station for view in self.look()]
        with self._lock:
            return self._readers[name] if name in names else None

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for reader in self._readers.values():
                reader.close()

    def _names(self) -> list[str]:
        engine = open_engine(self._database)
        try:
            with engine.connect() as connection:
                return stations(connection)
        finally:
            engine.dispose()

    def _station(self, name: str) -> StationView:
        reader = self._readers.setdefault(name, Reader(replace(self._database, station=name)))
        page = self._pages.get(name)
        try:
            with reader.read() as reading:
                return self._view(name, page, reading)
        except NoRecordYetError as error:
            return StationView(station=name, page=page, trouble=str(error), running=False, last_sign=None)

    def _view(self, name: str, page: str | None, reading: Reading) -> StationView:
        waiting = queue.counts(
            reading.session, queue.Filter()
        ).waiting  # before they are counted: never more than flagged
        _, cells = reading.tally.count(reading.session)
        cameras = states(reading.session)
        running = self._runs(name, cameras)
        counts = dict.fromkeys(Outcome, 0)
        for cell, frames in cells.items():
            counts[Outcome(cell.outcome)] += frames
        return StationView(
            station=name,
            page=page,
            trouble=None,
            running=running,
            last_sign=utc(max(row.beat_ns for row in cameras)) if cameras else None,
            cameras=len(cameras),
            inspecting=sum(row.state == Doing.INSPECTING for row in cameras) if running else 0,
            waiting=waiting,
            **{outcome.value: frames for outcome, frames in counts.items()},
        )

    def _runs(self, name: str, cameras: Sequence[CameraState]) -> bool:
        """Whether its supervisor lives: by whether its signs move, as the clocks of two machines may differ.

        At the first look, or after a while without one, nothing else than the clocks is there to go by.
        """
        at_work = [row.beat_ns for row in cameras if row.state in AT_WORK]
        if not at_work:
            self._signs.pop(name, None)
            return False
        beat_ns, now_s, known = max(at_work), time.monotonic(), self._signs.get(name)
        if known is None or known.beat_ns != beat_ns:
            watched = known is not None and now_s - self._looked_s < LOST_AFTER_S
            fresh = watched or abs(time.time_ns() - beat_ns) < LOST_AFTER_S * 1e9
            known = self._signs[name] = _Sign(beat_ns, now_s if fresh else float("-inf"))
        return now_s - known.found_s < LOST_AFTER_S
