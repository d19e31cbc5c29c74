"""One line, one data folder: a lock that ends with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import EdgeError

RUN, PROCESSES, MEDIA = "edge.lock", "processes.lock", "media.lock"
ALONE_TIMEOUT_S = 8.0  # the processes of a supervisor that was killed end by themselves
ASKED_S = 0.5  # `held` takes the lock for a moment, to see whether it can


@contextmanager
def hold(data: Path, *, run: str) -> Iterator[None]:
    """Hold the data folder for a run, made if it is not there. Raises EdgeError naming the process that has it."""
    data.mkdir(parents=True, exist_ok=True)
    with _open(data, RUN) as fd:
        if not _taken(fd, timeout_s=ASKED_S):
            holder = os.pread(fd, 200, 0).decode().strip()
            raise EdgeError(
                f"data folder {data} is in use by another `edge run` ({holder}). "
                "Stop that one, or choose another folder with --data."
            )
        with suppress(OSError):  # on a full disk nobody can be told who has it
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()}, run {run}\n".encode(), 0)
        yield


@contextmanager
def share(data: Path) -> Iterator[None]:
    """Be one of the processes that count and record frames here; nobody is `alone` meanwhile."""
    data.mkdir(parents=True, exist_ok=True)
    with _open(data, PROCESSES) as fd:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(data: Path, *, timeout_s: float = ALONE_TIMEOUT_S) -> Iterator[None]:
    """Be sure that no capture and no worker is at work here. Raises EdgeError if one still is after `timeout_s`."""
    with _open(data, PROCESSES) as fd:
        if not _taken(fd, timeout_s=timeout_s):
            raise EdgeError(
                f"a capture or a worker is at work on data folder {data} without `edge run`. "
                "Stop it, or choose another folder with --data."
            )
        yield


@contextmanager
def sole(data: Path, command: str) -> Iterator[None]:
    """Be the only `edge COMMAND` on this data folder. Raises EdgeError if there is one already."""
    data.mkdir(parents=True, exist_ok=True)
    with _open(data, f"{command}.lock") as fd:
        if not _taken(fd):
            raise EdgeError(f"`edge {command}` is at work on data folder {data} already. Stop that one first.")
        yield


def held(data: Path) -> bool:
    """Whether a line, or one of its processes, is running on this data folder."""
    if not data.is_dir() or not os.access(data, os.W_OK) or os.statvfs(data).f_flag & os.ST_RDONLY:
        return False  # nobody could run a line where nothing can be written, such as on a backup's disk
    with _open(data, RUN) as run_fd, _open(data, PROCESSES) as processes_fd:
        try:
            fcntl.flock(run_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(processes_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def media(data: Path, *, timeout_s: float = 0.0) -> Iterator[None]:
    """Be the only one that removes pictures here, or that copies them. Raises EdgeError if somebody else still is."""
    with _open(data, MEDIA) as fd:
        if not _taken(fd, timeout_s=timeout_s):
            raise EdgeError(
                f"the pictures of {data} are being copied or trimmed by another process. Try again when it has ended."
            )
        yield


@contextmanager
def backups(folder: Path) -> Iterator[None]:
    """Be the only one that makes backups in a folder. Raises EdgeError if somebody else does."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _taken(fd):
            raise EdgeError(f"another `edge backup` writes to {folder}. Try again when it has ended.")
        yield
    finally:
        os.close(fd)


def _taken(fd: int, *, timeout_s: float = 0.0) -> bool:
    """Lock an open file for this process alone; False if another has it all that time."""
    until_s = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(0.1)
        else:
            return True


@contextmanager
def _open(data: Path, name: str) -> Iterator[int]:
    try:
        fd = os.open(data / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise EdgeError(
            f"{data / name} cannot be opened: {error.strerror}. It is what keeps two lines apart."
        ) from error
    try:
        yield fd
    finally:
        os.close(fd)
