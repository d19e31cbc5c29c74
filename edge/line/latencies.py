"""How long frames take from their capture to the acknowledgement of their commit."""

import time
from collections import deque

import numpy as np

KEPT = 100_000


class Latencies:
    """Those of one camera's newest frames. For one thread."""

    def __init__(self) -> None:
        self._latest_ms: deque[float] = deque(maxlen=KEPT)
        self._captured_ns: dict[int, int] = {}

    def sent(self, seq: int, *, captured_ns: int) -> None:
        """Note that a frame is on its way."""
        self._captured_ns[seq] = captured_ns

    def committed(self, first: int, last: int) -> None:
        """Frames first..last are committed now."""
        for seq in [seq for seq in self._captured_ns if first <= seq <= last]:
            self._latest_ms.append((time.time_ns() - self._captured_ns.pop(seq)) / 1e6)

    def forget_sent(self) -> None:
        """What was on its way will be sent again, or is committed already: since when, nobody knows."""
        self._captured_ns.clear()

    def percentiles_ms(self) -> tuple[float | None, float | None, float | None]:
        """The 50th, 95th and 99th; None without a frame."""
        if not self._latest_ms:
            return None, None, None
        p50, p95, p99 = np.percentile(self._latest_ms, (50, 95, 99)).tolist()
        return p50, p95, p99
