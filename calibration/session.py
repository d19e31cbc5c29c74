"""Who runs a calibration, where and how, as its bundle keeps it for whoever signs."""

import re
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from edge import __version__
from edge.errors import EdgeError
from edge.line.camera_spec import parse_camera
from edge.local_account import local_account
from edge.settings import Settings
from edge.vision.manifest import Session

STREAM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def session_now(settings: Settings, *, good: Path | int | None = None, bad: Path | None = None) -> Session:
    """This process's; good, bad: where the known parts come from, a number: the next parts of the source."""
    return Session(
        host=socket.gethostname(),
        station=settings.station,
        account=local_account(),
        version=__version__,
        command=command_line(sys.argv[1:]),
        folder=str(Path.cwd()),
        good=f"the next {good} parts of the source" if isinstance(good, int) else _place(good),
        bad=_place(bad),
    )


def command_line(words: Sequence[str]) -> str:
    """As it would be typed again, but for what may be a password in a stream's address."""
    return shlex.join(["calibrate", *map(_without_password, words)])


def _without_password(word: str) -> str:
    if (found := STREAM.search(word)) is None:
        return word
    before, address = word[: found.start()], word[found.start() :]
    try:
        spec = parse_camera(address)
    except EdgeError:
        return f"{before}***"
    return f"{before}{spec.redacted}" + (f"={spec.category}" if spec.category else "")


def _place(folder: Path | None) -> str | None:
    return None if folder is None else str(folder.expanduser().resolve())
