"""How far long work is, for people who wait for it."""

import time

from rich.console import Console

TOLD_EVERY_S = 2.0


class Progress:
    """Says on stderr how far long work is, with its rate and the time that is left."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._began_s = self._told_s = time.monotonic()
        self._done = 0

    def told(self, done: int, total: int) -> None:
        """So many of so many are done."""
        now_s = time.monotonic()
        if done < self._done:  # the next of several rounds
            self._began_s = now_s
        self._done = done
        if now_s - self._told_s < TOLD_EVERY_S or not done:
            return
        self._told_s = now_s
        rate = done / max(now_s - self._began_s, 0.001)
        left_s = (total - done) / rate
        self._console.print(f"{self._what}: {done} of {total}, {rate:.0f} a second, {left_s:.0f} s left")


def megabytes(size_bytes: int) -> str:
    """`12.3 MB`."""
    return f"{size_bytes / 1e6:.1f} MB"
