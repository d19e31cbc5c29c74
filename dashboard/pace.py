"""How fast the line is: frames a second and latency, from the newest rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW_S = 10.0
NEWEST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """frames_per_s over the last 10 s; latencies in milliseconds, None if nothing was inspected yet."""

    frames_per_s: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    last_recorded_ns: int | None


def pace(frames: Sequence[tuple[int, float]], now_ns: int) -> Pace:
    """The pace of inspected frames, given (captured_ns, latency_ms) of at most the NEWEST_ROWS newest of them.

    A frame was recorded at captured_ns + latency. One from the future is as old as it is far away: after the clock was
    set back, frames of a whole hour would count as new otherwise. Where the rows do not reach back over the window,
    which a very fast line brings about, the rate is taken over the time they do cover.
    """
    if not frames:
        return Pace(0.0, None, None, None)
    captured_ns = np.array([captured for captured, _ in frames], dtype=np.int64)
    latency_ms = np.array([latency for _, latency in frames])
    recorded_ns = captured_ns + (latency_ms * 1e6).astype(np.int64)
    ages_s = np.abs(now_ns - recorded_ns) / 1e9
    inside = ages_s[ages_s < WINDOW_S]
    covered_s = float(max(inside.max(), 0.001)) if len(inside) == NEWEST_ROWS else WINDOW_S
    p50, p95 = np.percentile(latency_ms, [50, 95])
    return Pace(len(inside) / covered_s, float(p50), float(p95), int(recorded_ns.max()))
