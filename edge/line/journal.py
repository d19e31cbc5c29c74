"""The capture's own count of what its camera delivered: one line a frame, written before the frame goes anywhere.

A line is handed to the operating system in one write, so it survives SIGKILL of the capture (not a power cut).
The file: a header line {"version", "run", "camera", "source", "category"}, then one line a frame,
[seq, captured_ns, source, part, lot, serial], {"category"} where the camera was changed over to another category, and
{"ended": true} after a clean end.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from edge.errors import EdgeError
from edge.frame import NO_IDENTITY, FrameInfo, PartIdentity

VERSION = 1
FRAME_FIELDS = 6
INDEX_STEP = 256  # one remembered file offset for so many frames
ENDED = b'{"ended": true}\n'


class JournalInUse(EdgeError):
    """Another process writes this journal."""


class DamagedJournal(EdgeError):
    """A journal says something that no capture wrote."""


class Journal:
    """The journal of one camera in one run, open for writing by exactly one process."""

    def __init__(self, folder: Path, *, run: str, camera: str, source: str, category: str | None) -> None:
        """Open or create `<folder>/<run>/<camera>.jsonl` and go on after its last whole line.

        category: what the next frames are inspected as; noted where it is not what the last ones were
        Raises EdgeError if another process writes it, or a newer version wrote it.
        """
        self.run, self.camera, self.category = run, camera, category
        self.path = folder / run / f"{camera}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lock()
        self._offsets: list[int] = []  # of the lines of frames 1, 1 + INDEX_STEP, ...
        self.numbered = 0
        self._size = self._recover()
        if self._size == 0:
            header = {"version": VERSION, "run": run, "camera": camera, "source": source, "category": category}
            self._write(header)
        elif last_category(self.path) != category:
            self._write({"category": category})

    def append(
        self, *, captured_ns: int, source: str, identity: PartIdentity = NO_IDENTITY, deadline_ns: int | None = None
    ) -> FrameInfo:
        """Give the next number to a frame and write it down; the frame may only be used after this returns.

        Raises OSError if the line cannot be written whole (the disk is full); then no number was given.
        """
        info = FrameInfo(self.run, self.camera, self.numbered + 1, captured_ns, source, identity, deadline_ns)
        offset = self._size
        self._write([info.seq, captured_ns, source, identity.part, identity.lot, identity.serial])
        self._index(info.seq, offset)
        self.numbered = info.seq
        return info

    def entries(self, first: int, last: int) -> list[FrameInfo]:
        """The frames numbered first..last (both included), read back from the file."""
        start = self._offsets[(first - 1) // INDEX_STEP]
        with self.path.open("rb") as file:
            file.seek(start)
            frames = frames_in(file, run=self.run, camera=self.camera)
            return [info for info, _ in zip(_from(frames, first), range(first, last + 1), strict=False)]

    def end(self) -> None:
        """Note that the run ended cleanly for this camera: a later capture will not go on with it."""
        os.write(self._fd, ENDED)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, line: object) -> None:
        encoded = json.dumps(line).encode() + b"\n"
        written = os.write(self._fd, encoded)
        if written < len(encoded):
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, f"journal {self.path}: no room for the next line")
        self._size += written

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise JournalInUse(
                f"journal {self.path} is being written by another capture; one camera, one capture. "
                "Stop the other one, or give this camera another name."
            ) from None

    def _recover(self) -> int:
        """Count what is there and cut off a last line that was not written whole; returns the file's size."""
        size = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if size == 0:
                    _checked(_said(line, self.path), self.path)
                elif line.startswith(b"["):
                    self.numbered += 1
                    self._index(self.numbered, size)
                size += len(line)
        os.ftruncate(self._fd, size)
        return size

    def _index(self, seq: int, offset: int) -> None:
        if (seq - 1) % INDEX_STEP == 0:
            self._offsets.append(offset)


def read_header(path: Path) -> dict[str, str | None] | None:
    """Who wrote a journal, or None if its capture died before even this was whole."""
    with path.open("rb") as file:
        first = file.readline()
    if not first.endswith(b"\n"):
        return None
    return _checked(_said(first, path), path)


def last_category(path: Path) -> str | None:
    """What a journal's camera inspected last; None: nobody said, or nothing whole was written."""
    category: str | None = None
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b"{") and line.endswith(b"\n"):
                category = _said(line, path).get("category", category)
    return category


def numbers_in(path: Path) -> list[int]:
    """The numbers that a journal gave to frames, as they stand there; a torn last line gave none."""
    with path.open("rb") as file:
        return [info.seq for info in frames_in(file, run=path.parent.name, camera=path.stem)]


def count_in(folder: Path, run: str, camera: str) -> int:
    """How many numbers a camera has given in a run; 0 if it has no journal there."""
    path = folder / run / f"{camera}.jsonl"
    return len(numbers_in(path)) if path.exists() else 0


def ended(path: Path) -> bool:
    """Whether a journal's capture ended cleanly, so that all its frames are recorded."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(ENDED)))
        return file.read() == ENDED


class JournalCount:
    """How many frames are in some journals by now, reading only what was added since the last look."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._offsets = dict.fromkeys(paths, 0)
        self._numbered = 0

    def look(self) -> int:
        """The frames numbered so far; a journal that does not exist yet has none."""
        for path, offset in self._offsets.items():
            if path.exists():
                with path.open("rb") as file:
                    file.seek(offset)
                    added = file.read()
                whole = added[: added.rfind(b"\n") + 1]
                self._numbered += sum(line.startswith(b"[") for line in whole.splitlines())
                self._offsets[path] = offset + len(whole)
        return self._numbered


def new_run() -> str:
    """A name for a run that begins now: UTC time to the millisecond, `20261121T231747.123Z`."""
    now = datetime.now(UTC)
    return now.strftime("%Y%m%dT%H%M%S.") + f"{now.microsecond // 1000:03d}Z"


def unfinished_run(folder: Path, camera: str, category: str | None) -> str | None:
    """The latest run of this camera, if it did not end cleanly and inspects this category; else None."""
    paths = sorted(folder.glob(f"*/{camera}.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    if not paths or ended(paths[-1]) or last_category(paths[-1]) != category:
        return None
    return paths[-1].parent.name


def frames_in(lines: Iterator[bytes], *, run: str, camera: str) -> Iterator[FrameInfo]:
    """The frames written in these journal lines. Raises DamagedJournal."""
    for line in lines:
        if line.startswith(b"[") and line.endswith(b"\n"):
            seq, captured_ns, source, part, lot, serial = _said(line, Path(run) / f"{camera}.jsonl")
            yield FrameInfo(run, camera, seq, captured_ns, source, PartIdentity(part, lot, serial))


def _said(line: bytes, path: Path) -> Any:
    """What a whole line says. Raises DamagedJournal."""
    try:
        said = json.loads(line)
    except ValueError as error:
        raise _damaged(line, path) from error
    if not (isinstance(said, dict) or (isinstance(said, list) and len(said) == FRAME_FIELDS)):
        raise _damaged(line, path)
    return said


def _damaged(line: bytes, path: Path) -> DamagedJournal:
    return DamagedJournal(
        f"journal {path} is damaged at {line[:40]!r}. It is kept as it is; move it out of the journal folder, and the "
        "frames that it counted are not compared any more."
    )


def _from(frames: Iterator[FrameInfo], first: int) -> Iterator[FrameInfo]:
    return (info for info in frames if info.seq >= first)


def _checked(header: dict[str, Any], path: Path) -> dict[str, str | None]:
    if header.get("version") != VERSION:
        raise EdgeError(
            f"journal {path} has format {header.get('version')}, this program knows {VERSION}. "
            "Use the version that wrote it, or another data folder."
        )
    return header
