"""Bounds how many connections a listening socket has: each is an open file, and without those nothing is recorded.

libzmq has no such limit. What it accepts beyond the limit is shut down from outside, by its file descriptor.
"""

import logging
import os
import socket
import threading

import zmq
from zmq.utils.monitor import recv_monitor_message

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
LOOK_EVERY_MS = 200


class Crowd:
    """Watches one TCP socket on a thread of its own, since whoever uses the socket may be busy."""

    def __init__(self, listening: zmq.Socket[bytes]) -> None:
        """Begin to watch a socket that is bound to a TCP address."""
        endpoint = listening.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        self._port = int(endpoint.rstrip(b"\0").rpartition(b":")[2])
        self._listening = listening
        self._events = listening.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._open: set[int] = set()  # file descriptors
        self.turned_away = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="connections", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more; call it before the socket is closed."""
        self._closed.set()
        self._thread.join()
        self._listening.disable_monitor()
        self._events.close(0)

    def _watch(self) -> None:
        while not self._closed.is_set():
            while self._events.poll(LOOK_EVERY_MS) and not self._closed.is_set():
                event = recv_monitor_message(self._events)
                if event["event"] == zmq.EVENT_DISCONNECTED:
                    self._open.discard(event["value"])
                elif len(self._open) < MOST_CONNECTIONS:
                    self._open.add(event["value"])
                else:
                    self._turn_away(event["value"])

    def _turn_away(self, fd: int) -> None:
        if self.turned_away % 1000 == 0:
            log.warning("more than %d connections; new ones are closed (%d so far)", MOST_CONNECTIONS, self.turned_away)
        self.turned_away += 1
        _shut_down(fd, self._port)


def _shut_down(fd: int, port: int) -> None:
    """End the connection behind a descriptor; if that is closed by now, or another file's, nothing is done."""
    try:
        with socket.socket(fileno=os.dup(fd)) as connection:
            if connection.getsockname()[1:2] == (port,):
                connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
