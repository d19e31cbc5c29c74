"""The folder of logs stays small: a file that has grown over its limit becomes its own predecessor, and begins anew."""

import json
import logging
import shutil
import time
from pathlib import Path

log = logging.getLogger(__name__)

LIMIT_BYTES = 16 << 20  # of a file; with its predecessor and what comes between two looks it is about twice that
LOOK_EVERY_S = 5.0
LAST_WORDS_BYTES = 64 << 10
SILENCE = "it said nothing."


class LogFiles:
    """Looks after a folder of logs. For one thread; call `tick` as often as you like."""

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._looked_s = 0.0

    def tick(self) -> None:
        """Now and then, see whether a file has grown too large."""
        if time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        for path in self._folder.glob("*.log"):
            if path.stat().st_size > self._limit_bytes:
                begin_anew(path)


def begin_anew(path: Path) -> None:
    """Copy a log to `NAME.log.1` and empty it, under the hands of a process that has it open for appending.

    Whatever writes there goes on, also libraries that know nothing of our logging. A line that is written between the
    end of the copy and the emptying is lost. On a full disk the whole predecessor is: the log is emptied all the same.
    """
    previous = path.with_name(f"{path.name}.1")
    with path.open("rb+") as full:
        try:
            with previous.open("wb") as kept:
                shutil.copyfileobj(full, kept, 1 << 20)
        except OSError as error:
            previous.unlink(missing_ok=True)
            log.error("%s could not be kept (%s), and was emptied", path, error)
        full.truncate(0)


def last_words(path: Path) -> str:
    """The last line of a log, or of its predecessor if it is empty; for a process that failed, that is its error."""
    for each in (path, path.with_name(f"{path.name}.1")):
        if each.is_file() and (lines := _tail(each).splitlines()):
            return _message(lines[-1])
    return SILENCE


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_WORDS_BYTES))
        return file.read().decode(errors="replace")


def _message(line: str) -> str:
    """What a line says: the message of a JSON one, and any other as it is."""
    try:
        said = json.loads(line)["message"]
    except (ValueError, TypeError, KeyError):
        said = line
    return str(said).removeprefix("error: ")
