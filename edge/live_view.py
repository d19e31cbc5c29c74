"""What each camera saw last, written for the page: a few times a second, on a thread beside the line's work."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from edge.ledger.live import write_live
from edge.ledger.writer import MAP_TOP, Entry

log = logging.getLogger(__name__)

EVERY_S = 0.2  # a camera
WARN_EVERY_S = 30.0


class LiveView:
    """Keeps the newest frame of each camera and writes it when its turn comes; those between are passed over."""

    def __init__(self, live: Path) -> None:
        self._live = live
        self._newest: dict[str, Entry] = {}  # by camera, what is not written yet
        self._changed = threading.Condition()
        self._closed = False

    def offer(self, entries: Sequence[Entry]) -> None:
        """Take what was recorded just now; returns at once."""
        with self._changed:
            for entry in entries:
                if entry.pixels is not None:
                    self._newest[entry.info.camera] = entry
            self._changed.notify()

    def close(self) -> None:
        """Let `run` return."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def run(self) -> None:
        """Write until closed. A disk that is full makes the view old, which the page says, and not the line stop."""
        warned_s = float("-inf")
        while entries := self._take():
            began_s = time.monotonic()
            for entry in entries:
                assert entry.pixels is not None
                try:
                    write_live(
                        self._live, entry.info, entry.verdict, entry.pixels, map_top=MAP_TOP, now_ns=time.time_ns()
                    )
                except OSError as error:
                    if began_s - warned_s > WARN_EVERY_S:
                        warned_s = began_s
                        log.warning("the live picture of %s cannot be written: %s", entry.info.camera, error)
            self._rest(until_s=began_s + EVERY_S)

    def _take(self) -> list[Entry]:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._newest))
            entries = [] if self._closed else list(self._newest.values())
            self._newest.clear()
            return entries

    def _rest(self, *, until_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=max(0.0, until_s - time.monotonic()))
