"""Numbers for what a camera delivers, also while the journal's disk has no room for them."""

import logging
import threading
from array import array
from dataclasses import dataclass

from edge.frame import NO_IDENTITY, FrameInfo, PartIdentity
from edge.line.journal import Journal

log = logging.getLogger(__name__)

AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Numbered:
    """A shot's number, and the numbers (first, last) that shots before it only get now; their pictures are gone."""

    info: FrameInfo | None
    late: tuple[int, int] | None = None


class Numbering:
    """Gives numbers from a journal. Used by one thread; `held_by` is for all to read."""

    def __init__(self, journal: Journal, *, source: str, waits: bool, stop: threading.Event) -> None:
        """waits: with the shot in hand until there is room; else it is only remembered that there was one."""
        self._journal, self._source, self._waits, self._stop = journal, source, waits, stop
        self._missed_ns = array("q")  # when they were captured
        self.held_by: str | None = None

    def number(
        self, *, captured_ns: int, source: str, identity: PartIdentity | None = None, deadline_ns: int | None = None
    ) -> Numbered:
        """The number of a shot; none if there was no room for it, or the waiting for room was ended.

        identity: what the plant called the part. Its shot is not numbered later: the plant is told that there is none
        """
        first = self._journal.numbered + 1
        info = None
        while info is None:
            try:
                self._make_up_for_missed()
                info = self._journal.append(
                    captured_ns=captured_ns, source=source, identity=identity or NO_IDENTITY, deadline_ns=deadline_ns
                )
            except OSError as error:
                self._hold(error)
                if not self._waits and identity is None:
                    self._missed_ns.append(captured_ns)
                if not self._waits or self._stop.wait(AGAIN_S):
                    break
        else:
            self._go_on()
        last = self._journal.numbered - (info is not None)
        return Numbered(info, (first, last) if first <= last else None)

    @property
    def missed(self) -> int:
        """How many shots have no number yet for want of room."""
        return len(self._missed_ns)

    def _make_up_for_missed(self) -> None:
        """Give the missed shots their numbers. Raises OSError at the first for which there still is no room."""
        while self._missed_ns:
            self._journal.append(captured_ns=self._missed_ns[0], source=self._source)
            del self._missed_ns[0]

    def _hold(self, error: OSError) -> None:
        if self.held_by is None:
            log.error("frames cannot be numbered: %s; %s", error, "they wait" if self._waits else "they are counted")
        self.held_by = f"the journal cannot be written: {error.strerror}"

    def _go_on(self) -> None:
        if self.held_by is not None:
            log.warning("frames can be numbered again")
        self.held_by = None
