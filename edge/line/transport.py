"""How frames cross from captures to the worker. Only this file, `curve` and `crowd` know ZeroMQ.

The worker binds a ROUTER, captures connect DEALERs. Credit belongs to a worker session: when the session a capture
knows is gone, it closes its socket (what lay in it would reach the successor as stale), connects anew, says hello, and
sends again what was not acknowledged. Sockets belong to the thread and the process that made them.
"""

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import zmq

from edge.errors import EdgeError
from edge.frame import Frame, FrameInfo
from edge.line import message
from edge.line.crowd import Crowd
from edge.line.curve import ClientKeys, Gate, HandshakeWatch, ServerKeys, as_client
from edge.line.hellos import Allowance
from edge.line.message import BadMessage
from edge.line.wakeup import Wakeup
from edge.private_folder import private_folder
from edge.verdict import Reason

log = logging.getLogger(__name__)

HELLO_EVERY_S = 0.5
PING_EVERY_S = 1.0
SILENCE_S = 5.0  # a worker that answered nothing for so long is taken for gone
QUEUED_MESSAGES = 1024  # credits bound the frames among them; acknowledgements must never be dropped
QUEUED_BESIDE_FRAMES = 16  # messages of a capture that wait at the worker, beyond its credit
MOST_AT_ONCE = 64
HANDSHAKE_MS = 5000  # a connection that has not said who it is by then is closed
CONNECT_MS = 2000  # then the connection is tried anew: the system itself would wait ever longer for a cut cable
RECONNECT_MS, MOST_RECONNECT_MS = 100, 1000
MOST_HELLOS, HELLO_REFILL_S = 100, 1.0
MOST_RUNS, RUN_REFILL_S = 64, 60.0  # that a camera began; each is a row in the record


def _new_socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, max_message_bytes: int) -> zmq.Socket[bytes]:
    """A socket with every limit set; ZeroMQ's defaults are no limits."""
    result = context.socket(kind)
    result.setsockopt(zmq.LINGER, 0)
    result.setsockopt(zmq.MAXMSGSIZE, max_message_bytes)
    result.setsockopt(zmq.SNDHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.RCVHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    return result


class CaptureLink:
    """A capture's end: one camera, one worker. Used by one thread."""

    def __init__(self, address: str, hello: message.Hello, *, keys: ClientKeys | None = None) -> None:
        """keys: None: not encrypted, and whoever listens is the worker."""
        self._address, self._hello, self._keys = address, hello, keys
        self._handshakes = HandshakeWatch()
        self.wakeup = Wakeup()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self.session: str | None = None
        self.credits = 0
        self._asked_s = self._heard_s = 0.0

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
            parts = message.encode_frame(item, session=self.session, encoding="jpeg" if jpeg else "raw")
        else:
            assert reason is not None
            told = [message.Told.of(info) for info in item]
            parts = [message.encode(message.Notice(session=self.session, reason=reason, frames=told))]
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=len(parts) == 1)
        except zmq.Again:
            self._disconnect()

    def close(self) -> None:
        """Close the socket; nothing lingers."""
        self._disconnect()
        self._context.term()
        self.wakeup.close()

    def _take(
        self,
        reply: message.Welcome | message.Ack | message.Pong | message.Stale | message.Refuse,
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

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if self.session is not None and now - self._heard_s > SILENCE_S:
            self._disconnect()
        if self._socket is None:
            self._socket = _new_socket(self._context, zmq.DEALER, message.MAX_HEADER_BYTES)
            self._socket.setsockopt(zmq.IMMEDIATE, 1)
            # The TTL holds at the worker, which must not beat itself: libzmq 4.3.5 aborts the process when it is time
            # to beat for a peer that has gone while its messages filled the queue.
            self._socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
            self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
            self._socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)
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
        ask = self._hello if self.session is None else message.Ping(session=self.session)
        try:
            self._socket.send(message.encode(ask), zmq.NOBLOCK)
            self._asked_s = now
        except zmq.Again:  # not connected: no worker there at the moment, ask again at the next poll
            return

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._handshakes.leave(self._socket)
            self._socket.close()
        self._socket, self.session, self.credits = None, None, 0


FromCapture = message.Hello | message.FrameHeader | message.Notice


class WorkerLink:
    """The worker's end: all captures. Used by one thread."""

    def __init__(self, address: str, *, credits: int, max_message_bytes: int, keys: ServerKeys | None = None) -> None:
        """Bind. Raises EdgeError if another worker is bound there already, or the address cannot be bound.

        keys: None: not encrypted, and whoever connects may be any camera
        """
        self.session = uuid.uuid4().hex
        self.bad_messages = 0
        self._credits, self._max_message_bytes = credits, max_message_bytes
        self._lock_fd = _lock_address(address)
        self.wakeup = Wakeup()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = _new_socket(self._context, zmq.ROUTER, max_message_bytes)
        self._socket.setsockopt(zmq.RCVHWM, credits + QUEUED_BESIDE_FRAMES)
        self._crowd: Crowd | None = None
        self._gate = Gate(self._context, self._socket, keys) if keys else None
        self._hellos = Allowance(most=MOST_HELLOS, refill_s=HELLO_REFILL_S)
        self._runs = Allowance(most=MOST_RUNS, refill_s=RUN_REFILL_S)
        self._peers: dict[tuple[str, str], bytes] = {}  # by (run, camera): who said hello last
        self._welcomes: dict[bytes, message.Welcome] = {}  # by peer, while it is the one of its camera
        try:
            self._socket.bind(address)
            self._crowd = Crowd(self._socket) if address.startswith("tcp://") else None
        except zmq.ZMQError as error:
            self.close()
            raise EdgeError(f"cannot listen on {address}: {error}. Choose another --address.") from error

    def receive(self, timeout_s: float) -> list[tuple[bytes, FromCapture, bytes]]:
        """Messages that came: (peer, header, payload); the payload is empty but for frames.

        Hostile and broken messages are counted in `bad_messages` and never returned; pings and messages of dead
        sessions are answered here.
        """
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self.wakeup.fileno(), zmq.POLLIN)
        if self._gate:
            poller.register(self._gate.poll_on, zmq.POLLIN)
        if self.wakeup.fileno() in dict(poller.poll(int(timeout_s * 1000))):
            self.wakeup.clear()
        if self._gate:
            self._gate.answer()
        result = []
        for _ in range(MOST_AT_ONCE):
            try:
                peer, *parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            content = [part.bytes for part in parts]
            try:
                header = message.decode_from_capture(content, max_bytes=self._max_message_bytes)
            except BadMessage:
                self.bad_messages += 1
                continue
            if self._may(peer.bytes, parts[0], header) and self._for_us(peer.bytes, header):
                result.append((peer.bytes, header, content[1] if len(content) == 2 else b""))
        return result  # type: ignore[return-value]

    def camera_of(self, peer: bytes) -> tuple[str, str] | None:
        """The (run, camera) that this peer said hello for, unless another peer has taken its place since."""
        return next((camera for camera, known in self._peers.items() if known == peer), None)

    def welcome(self, peer: bytes, camera: tuple[str, str], *, committed: int, highest: int) -> None:
        """Accept a capture: from now on the acknowledgements of this camera go to it."""
        if camera not in self._peers:
            self._runs.take(self._user(camera[1]), now_s=time.monotonic())
        self._welcomes.pop(self._peers.get(camera, b""), None)
        self._peers[camera] = peer
        self._welcomes[peer] = message.Welcome(
            session=self.session, credits=self._credits, committed=committed, highest=highest
        )
        self._send(peer, self._welcomes[peer])

    def reject(self, peer: bytes) -> None:
        """Count what a peer sent as bad, and let it connect anew: it keeps to no credit."""
        self.bad_messages += 1
        self._send(peer, message.Stale())

    def refuse(self, peer: bytes, why: str) -> None:
        """Turn a capture away."""
        self._send(peer, message.Refuse(why=why))

    def acknowledge(self, camera: tuple[str, str], seqs: Sequence[int]) -> None:
        """Tell the camera's capture that these frames are committed."""
        if peer := self._peers.get(camera):
            self._send(peer, message.Ack(session=self.session, ranges=ranges(seqs)))

    def close(self) -> None:
        """Close the socket and give the address free."""
        if self._crowd:
            self._crowd.close()
        self._socket.close()
        if self._gate:
            self._gate.close()
        self._context.term()
        self.wakeup.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _may(self, peer: bytes, part: zmq.Frame, header: message.Header) -> bool:
        """Whether who sent this may be the camera that it says it is, by its key as it is allowed now."""
        if self._gate is None:
            return True
        mine = self._gate.camera_of(part)
        claimed = header.camera if isinstance(header, message.Hello) else (self.camera_of(peer) or ("", mine))[1]
        if mine == claimed and mine is not None:
            return True
        self.bad_messages += 1
        whose = f"is camera {mine}'s" if mine else "was revoked"
        self.refuse(peer, f"its key {whose}. `edge keys list` on the worker's machine says whose key is whose.")
        return False

    def _user(self, camera: str) -> str:
        """Who is held to the allowances: a camera with a key of its own, or all the others together."""
        return camera if self._gate else ""

    def _welcomes_one_more(self, peer: bytes, hello: message.Hello) -> bool:
        """Whether this hello may cost work: one that was answered is answered again, and too many are not."""
        if peer in self._welcomes:  # it asked more than once before the first answer came
            self._send(peer, self._welcomes[peer])
            return False
        user, now_s = self._user(hello.camera), time.monotonic()
        if not self._hellos.take(user, now_s=now_s):
            self.bad_messages += 1
            return False
        if (hello.run, hello.camera) in self._peers or self._runs.has(user, now_s=now_s):
            return True
        self.bad_messages += 1
        self.refuse(peer, f"{MOST_RUNS} runs began in a short time; another one may in {RUN_REFILL_S:.0f} s.")
        return False

    def _for_us(self, peer: bytes, header: message.Hello | message.FrameHeader | message.Notice | message.Ping) -> bool:
        if isinstance(header, message.Hello):
            return self._welcomes_one_more(peer, header)
        if header.session != self.session or self.camera_of(peer) is None:
            self._send(peer, message.Stale())
            return False
        if isinstance(header, message.Ping):
            self._send(peer, message.Pong(session=self.session))
            return False
        return True

    def _send(self, peer: bytes, header: message.Header) -> None:
        """Send, or drop what cannot be sent: a capture that misses something asks again or starts over."""
        try:
            self._socket.send_multipart([peer, message.encode(header)], zmq.NOBLOCK)
        except zmq.Again:
            return


def ranges(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers as ranges [first, last], in order: [3, 1, 2, 7] -> [(1, 3), (7, 7)]."""
    result: list[tuple[int, int]] = []
    for seq in sorted(set(seqs)):
        if result and result[-1][1] + 1 == seq:
            result[-1] = (result[-1][0], seq)
        else:
            result.append((seq, seq))
    return result


def _lock_address(address: str) -> int | None:
    """Lock an IPC address: a second bind would silently take it away from the first worker."""
    if not address.startswith("ipc://"):
        return None
    path = Path(address.removeprefix("ipc://"))
    private_folder(path.parent)
    lock_fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock_fd)
        raise EdgeError(
            f"another worker is listening on {address}; one data folder, one worker. Stop it first."
        ) from None
    return lock_fd
