"""What systemd is told of what it started with Type=notify, a line or one process of it: ready, what it does, alive.

The datagrams of sd_notify(3), to the socket that NOTIFY_SOCKET names; without one nothing is said. They are sent by the
process's own loop, so that a loop that hangs is found by the unit's WatchdogSec.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

EVERY_S = 1.0


class ServiceManager:
    """Where to say it. For one thread."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._told_s: float | None = None

    def tick(self, status: Callable[[], str]) -> None:
        """Say that the line is up, and from then on about once a second that it is alive. status: one line of words."""
        now_s = time.monotonic()
        if not self._address or (self._told_s is not None and now_s - self._told_s < EVERY_S):
            return
        first, self._told_s = self._told_s is None, now_s
        self._say(*(["READY=1"] if first else []), "WATCHDOG=1", f"STATUS={status()}")

    def stopping(self, status: str) -> None:
        """Say that the line ends, and why."""
        self._say("STOPPING=1", f"STATUS={status}")

    def _say(self, *assignments: str) -> None:
        if not self._address:
            return
        lines = "\n".join(" ".join(each.splitlines()) for each in assignments)
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.setblocking(False)
            try:
                datagrams.sendto(lines.encode(), address)
            except OSError as error:  # the line inspects whether or not anybody listens
                log.warning("systemd cannot be told on %s: %s", self._address, error)
