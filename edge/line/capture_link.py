"""A capture's end of the line to the worker; what crosses it is said in `worker_link`."""

import logging
import time
from collections.abc import Callable, Sequence

import zmq

from edge.errors import EdgeError
from edge.frame import Frame, FrameInfo
from edge.line import message
from edge.line.curve import ClientKeys, HandshakeWatch, as_client
from edge.line.frame_message import encode_frame
from edge.line.message import BadMessage, LastWord
from edge.line.sockets import new_socket
from edge.line.wakeup import Wakeup
from edge.verdict import Reason

log = logging.getLogger(__name__)

HELLO_EVERY_S = 0.5
PING_EVERY_S = 1.0
REPORT_EVERY_S = 0.25
LAST_WORD_MS = 500  # how long the last word may take to leave this machine
SILENCE_S = 5.0  # a worker that answered nothing for so long is taken for gone
KEYS_EVERY_S = 1.0
CONNECT_MS = 2000  # then the connection is tried anew: the system itself would wait ever longer for a cut cable
RECONNECT_MS, MOST_RECONNECT_MS = 100, 1000


class CaptureLink:
    """A capture's end: one camera, one worker. Used by one thread."""

    def __init__(
        self, address: str, hello: message.Hello, *, keys: Callable[[], ClientKeys | None] = lambda: None
    ) -> None:
        """keys: looked up again while nobody answers; None: not encrypted, and whoever listens is the worker."""
        self._address, self._hello, self._keys_now, self._keys = address, hello, keys, keys()
        self._looked_s = 0.0  # for other keys
        self._handshakes = HandshakeWatch()
        self.wakeup = Wakeup()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self.session: str | None = None
        self.credits = 0
        self._asked_s = self._heard_s = self._reported_s = 0.0
        self._last: LastWord | None = None
        self._noted: tuple[int, float] | None = None  # the worker's clock, in ns, and when that came here

    def poll(self, timeout_s: float) -> list[message.Welcome | message.Ack | message.Refuse]:
        """Wait for the worker, for a wake, or until the timeout; keeps the session alive.

        A Welcome in the answer means: a new session, start over. Raises EdgeError if the worker refuses this camera.
        """
        self._keep_alive()
        assert self._socket is not None
        self._handshakes.look(self._address)
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self.wakeup.fileno(), zmq.POLLIN)
        if any(ready != self._socket for ready, _ in poller.poll(int(timeout_s * 1000))):
            self.wakeup.clear()
        news: list[message.Welcome | message.Ack | message.Refuse] = []
        while self._socket is not None:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                self._take(message.decode_from_worker(parts), news)
            except BadMessage as error:
                log.warning("dropped a message that no worker of this version sends: %s", error)
        return news

    def send(self, item: Frame | Sequence[FrameInfo], *, reason: Reason | None = None, jpeg: bool = False) -> None:
        """Send a frame, or (with a reason) tell of frames that will never be sent. Only inside a session.

        If the worker has just gone the message may be lost; the next session starts over with it.
        """
        assert self._socket is not None
        assert self.session is not None
        parts: list[bytes | memoryview]
        if isinstance(item, Frame):
            parts = encode_frame(item, session=self.session, encoding="jpeg" if jpeg else "raw")
        else:
            assert reason is not None
            told = [message.Told.of(info) for info in item]
            parts = [message.encode(message.Notice(session=self.session, reason=reason, frames=told))]
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=len(parts) == 1)
        except zmq.Again:
            self._disconnect()

    def report(
        self, *, waits_since_s: float | None, at_hand: int, held_by: str | None, last: LastWord | None = None
    ) -> None:
        """Tell the worker how this capture does, a few times a second however often it is called; a last word at once.

        waits_since_s: since when (monotonic) the camera is asked for its next picture; None: it is not asked
        """
        now_s = time.monotonic()
        too_soon = now_s - self._reported_s < REPORT_EVERY_S and last == self._last
        if self.session is None or self._socket is None or too_soon:
            return
        self._reported_s, self._last = now_s, last
        noted_ns, noted_s = self._noted or (None, now_s)
        waits_s = None if waits_since_s is None else max(0.0, now_s - waits_since_s)
        if last is not None:
            self._socket.setsockopt(zmq.LINGER, LAST_WORD_MS)
        self._try_to_send(
            message.Report(
                session=self.session, noted_ns=noted_ns, ago_s=now_s - noted_s, waits_s=waits_s, at_hand=at_hand,
                held_by=held_by, last=last,
            )
        )  # fmt: skip

    def close(self) -> None:
        """Close the socket; nothing lingers but a last word."""
        self._disconnect()
        self._context.term()
        self.wakeup.close()

    def _take(
        self,
        reply: message.FromWorker,
        news: list[message.Welcome | message.Ack | message.Refuse],
    ) -> None:
        self._heard_s = time.monotonic()
        match reply:
            case message.Refuse():
                raise EdgeError(f"the worker refuses camera {self._hello.camera}: {reply.why}")
            case message.Stale():
                self._disconnect()
            case message.Welcome() if self.session is None:
                self.session, self.credits = reply.session, reply.credits
                news.append(reply)
            case message.Ack() if reply.session == self.session:
                news.append(reply)
            case message.Noted() if reply.session == self.session:
                self._noted = reply.at_ns, self._heard_s

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if self.session is not None and now - self._heard_s > SILENCE_S:
            self._disconnect()
        if self.session is None and self._keys and now - self._looked_s > KEYS_EVERY_S:
            self._looked_s = now
            self._renew_keys()
        if self._socket is None:
            self._socket = new_socket(self._context, zmq.DEALER, message.MAX_HEADER_BYTES)
            self._socket.setsockopt(zmq.IMMEDIATE, 1)
            self._socket.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_MS)
            self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, MOST_RECONNECT_MS)
            if self._keys:
                as_client(self._socket, self._keys)
            self._handshakes.follow(self._socket)
            self._socket.connect(self._address)
            self._asked_s = 0.0
        every_s = HELLO_EVERY_S if self.session is None else PING_EVERY_S
        if now - self._asked_s < every_s:
            return
        if self._try_to_send(self._hello if self.session is None else message.Ping(session=self.session)):
            self._asked_s = now

    def _renew_keys(self) -> None:
        """Begin anew if another key was made here, or another worker is to be trusted; never without keys."""
        try:
            keys = self._keys_now()
        except (EdgeError, OSError) as error:
            log.error("the keys cannot be read, so those of before are used: %s", error)
            return
        if keys is not None and keys != self._keys:
            self._keys = keys
            self._disconnect()

    def _try_to_send(self, header: message.Header) -> bool:
        """Whether it could be sent; if not, no worker is there at the moment."""
        assert self._socket is not None
        try:
            self._socket.send(message.encode(header), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._handshakes.leave(self._socket)
            self._socket.close()
        self._socket, self.session, self.credits = None, None, 0
        self._last = self._noted = None
