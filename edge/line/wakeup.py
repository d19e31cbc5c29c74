"""Ends another thread's wait for messages early."""

import select
import socket


class Wakeup:
    """Lets another thread end a poll early."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def set(self) -> None:
        """Wake the poller; more than one wake at a time is one."""
        try:
            self._sender.send(b"!")
        except OSError:  # full of wakes that nobody has seen yet, or closed: nobody is to be woken
            return

    def wait(self, timeout_s: float) -> None:
        """Wait for a wake, at most so long."""
        if select.select([self._receiver], [], [], timeout_s)[0]:
            self.clear()

    def close(self) -> None:
        """Nobody polls any more."""
        self._receiver.close()
        self._sender.close()

    def fileno(self) -> int:
        """For the poller."""
        return self._receiver.fileno()

    def clear(self) -> None:
        """Forget the wakes so far."""
        try:
            while self._receiver.recv(4096):
                pass
        except BlockingIOError:
            return
