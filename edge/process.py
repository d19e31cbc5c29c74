"""What every process of the line does at its start: signals, and not outliving its parent."""

import ctypes
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.settings import PREFIX

PARENT = f"{PREFIX}PARENT_PID"
CONFIG_EXIT = 2  # an error that the user can mend and a restart cannot
LOST_EXIT = 3  # a camera that worked is gone, and may come back
STOPPED_EXIT = 4  # a capture that a supervisor started was told to stop, so its source has not come to its end
PARENT_CHECK_S = 1.0
SPIN_COUNT = "1000"  # what libgomp itself takes where threads outnumber cores
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h


def stop_on_signal(stop: Callable[[], None], *, abandoned: Callable[[], None] | None = None) -> None:
    """Call `stop` at SIGTERM and SIGINT, and when the parent that asked for it has gone: then `abandoned`, if given."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    follow_parent(abandoned or stop)


def supervised() -> bool:
    """Whether a supervisor started this process."""
    return PARENT in os.environ


def follow_parent(stop: Callable[[], None]) -> None:
    """Where a supervisor started this process (it says so in the environment), call `stop` once it is gone."""
    parent = os.environ.get(PARENT)

    def follow() -> None:
        while str(os.getppid()) == parent:
            time.sleep(PARENT_CHECK_S)
        logging.getLogger(__name__).warning("the supervisor (process %s) is gone; stopping", parent)
        stop()

    if parent:
        threading.Thread(target=follow, name="parent watch", daemon=True).start()


def tune_for_scoring() -> None:
    """Make this process a good host for the encoder; call it before torch is imported.

    Two defaults cost a CPU line a good part of its speed (README, "Speed"): glibc gives every large tensor back to the
    kernel and faults it in again, and libgomp's threads spin while another process needs their core.
    On a C library without mallopt only the second is done.
    """
    spin_briefly()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 1 << 30)):
            mallopt(parameter, value)


def spin_briefly() -> None:
    """Let torch's threads sleep soon where other work needs their core; call it before torch is imported."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def peak_mb(pid: int) -> float:
    """The largest resident size that a process has had, in MiB (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
