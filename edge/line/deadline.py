"""When a verdict gets worthless: by a clock that nobody sets, and by the wall clock from one machine to another.

So a wall clock that is set while a frame is under way counts only for the moment between its sending and its receipt.
"""

import time

from edge.frame import FrameInfo


def deadline_after(captured_ns: int, seconds: float | None) -> int | None:
    """CLOCK_MONOTONIC of this machine, so many seconds after a capture (wall clock); None: never."""
    if seconds is None:
        return None
    age_ns = max(0, time.time_ns() - captured_ns)
    return time.monotonic_ns() - age_ns + int(seconds * 1e9)


def to_wall(deadline_ns: int | None) -> int | None:
    """A deadline of this machine as wall clock, for another one."""
    return None if deadline_ns is None else max(0, time.time_ns() + deadline_ns - time.monotonic_ns())


def from_wall(wall_ns: int | None) -> int | None:
    """A deadline that was told by the wall clock, as CLOCK_MONOTONIC of this machine."""
    return None if wall_ns is None else time.monotonic_ns() + wall_ns - time.time_ns()


def expired(info: FrameInfo) -> bool:
    """Whether a frame's deadline has passed."""
    return info.deadline_ns is not None and time.monotonic_ns() > info.deadline_ns
