"""How frames cross from captures to the worker: the worker's end. Only `sockets`, both links, `curve` and `crowd` know
ZeroMQ.

The worker binds a ROUTER, captures connect DEALERs. Credit belongs to a worker session: when the session a capture
knows is gone, it closes its socket (what lay in it would reach the successor as stale), connects anew, says hello, and
sends again what was not acknowledged. Sockets belong to the thread and the process that made them.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import zmq

from edge.errors import EdgeError
from edge.line import message
from edge.line.crowd import Crowd
from edge.line.curve import Gate, ServerKeys
from edge.line.hellos import Allowance
from edge.line.message import BadMessage
from edge.line.sockets import new_socket
from edge.line.wakeup import Wakeup
from edge.private_folder import private_folder

QUEUED_BESIDE_FRAMES = 16  # messages of a capture that wait at the worker, beyond its credit
MOST_AT_ONCE = 64
MOST_HELLOS, HELLO_REFILL_S = 100, 1.0
MOST_RUNS, RUN_REFILL_S = 64, 60.0  # that a camera began; each is a row in the record

FromCapture = message.Hello | message.FrameHeader | message.Notice | message.Report


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
        self._socket = new_socket(self._context, zmq.ROUTER, max_message_bytes)
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

        Hostile and broken messages are counted in `bad_messages` and never returned; pings, reports and
        messages of dead sessions are answered here.
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
            session=self.session, credits=self._credits, committed=committed, highest=highest,
            max_message_bytes=self._max_message_bytes,
        )  # fmt: skip
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

    def _for_us(self, peer: bytes, header: message.FromCapture) -> bool:
        if isinstance(header, message.Hello):
            return self._welcomes_one_more(peer, header)
        if header.session != self.session or self.camera_of(peer) is None:
            self._send(peer, message.Stale())
            return False
        if isinstance(header, message.Ping):
            self._send(peer, message.Pong(session=self.session))
            return False
        if isinstance(header, message.Report):
            self._send(peer, message.Noted(session=self.session, at_ns=time.monotonic_ns()))
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
