"""One line, one data folder: a lock that ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import EdgeError


@contextmanager
def hold(data: Path, *, run: str) -> Iterator[None]:
    """Hold the data folder for a run. Raises EdgeError naming the process that has it."""
    with _open(data) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode().strip()
            raise EdgeError(
                f"data folder {data} is in use by another `edge run` ({holder}). "
                "Stop that one, or choose another folder with --data."
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"process {os.getpid()}, run {run}\n".encode(), 0)
        yield


def held(data: Path) -> bool:
    """Whether a line is running on this data folder."""
    with _open(data) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def _open(data: Path) -> Iterator[int]:
    fd = os.open(data / "edge.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)
