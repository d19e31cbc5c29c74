"""A metronome that can be stopped from another thread."""

import threading
import time


class Pace:
    """A metronome: `wait` returns at most `fps` times a second; a late caller is not made to hurry afterwards."""

    def __init__(self, fps: float | None) -> None:
        self._period_s = 0.0 if fps is None else 1.0 / fps
        self._due_s = time.monotonic()
        self._stopped = threading.Event()

    def wait(self) -> bool:
        """Wait for the next beat; False if stopped before it."""
        if self._stopped.wait(max(0.0, self._due_s - time.monotonic())):
            return False
        self._due_s = max(self._due_s + self._period_s, time.monotonic())
        return True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def due(self) -> bool:
        """Whether the beat has come; does not wait, and counts the beat if it has."""
        return time.monotonic() >= self._due_s and self.wait()

    def stop(self) -> None:
        """Make every `wait`, present and future, return False."""
        self._stopped.set()
