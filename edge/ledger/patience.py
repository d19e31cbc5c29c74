"""What keeps a record from being written for a while, and waiting until it has passed."""

import errno
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from edge.errors import EdgeError

log = logging.getLogger(__name__)

AGAIN_S = 0.5
SAY_EVERY_S = 30.0
SQLITE_CAUSES = {  # by SQLite's primary result code
    5: "another program holds it locked",
    6: "another program holds it locked",
    8: "its disk is read-only",
    10: "its disk cannot be read or written",
    13: "its disk is full",
    14: "its file cannot be opened",
}
DISK_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk cannot be read or written",
}

T = TypeVar("T")


def passing_cause(error: DBAPIError | OSError) -> str | None:
    """Why this may be over after a while, without anybody changing the program; None if it will not pass."""
    if isinstance(error, OSError):
        return DISK_CAUSES.get(error.errno or 0)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return SQLITE_CAUSES.get(code & 0xFF)
    return "the database cannot be reached" if isinstance(error, OperationalError) else None


def in_words(error: DatabaseError) -> str:
    """What a command says of a record that it could not use, with the next step; a damaged one says so itself."""
    if cause := passing_cause(error):
        return f"the record cannot be used now: {cause} ({error.orig}). Mend that, and try again."
    if "no such table" in str(error.orig) or "no such column" in str(error.orig):
        return f"this is no record of this version ({error.orig}). Start a line on it once, which upgrades it: edge run"
    return f"the record cannot be read or written: {error.orig}"


class Patience:
    """Does again what the record or its disk refuses, until it goes. For one thread; `held_by` is for all to read."""

    def __init__(self, ended: threading.Event) -> None:
        """ended: when it is set, nobody waits any longer."""
        self._ended = ended
        self.held_by: str | None = None

    def until_done(self, do: Callable[[], T]) -> T:
        """What `do` returns, tried again as long as what stops it may pass.

        Raises EdgeError if the waiting was ended, and whatever will not pass: of a damaged record Damaged.
        """
        began_s, said_s = time.monotonic(), 0.0
        while True:
            try:
                done = do()
            except (DBAPIError, OSError) as error:
                cause = self._cause(error)
                self.held_by = f"the record cannot be written: {cause}"
                if time.monotonic() - said_s > SAY_EVERY_S:
                    said_s = time.monotonic()
                    log.error("%s (%s); frames wait, and it is tried again", self.held_by, error)
                if self._ended.wait(AGAIN_S):
                    raise EdgeError(f"{self.held_by}. What was not recorded is recorded at the next start.") from error
            else:
                if self.held_by:
                    log.warning("the record can be written again, after %.0f s", time.monotonic() - began_s)
                self.held_by = None
                return done

    def _cause(self, error: DBAPIError | OSError) -> str:
        if cause := passing_cause(error):
            return cause
        raise error
