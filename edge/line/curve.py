"""CurveZMQ for the wire between machines: encryption, and who is at its other end.

A key is 32 bytes, written as 64 hexadecimal digits. The worker knows the public key of each capture, a capture that of
its worker; whoever has no such key is turned away during the handshake and never gets to send a message.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Protocol

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

log = logging.getLogger(__name__)

KEY_BYTES = 32
DOMAIN = b"edge"
ZAP = "inproc://zeromq.zap.01"  # where libzmq asks whether a client may come in (ZeroMQ RFC 27)
SAID_EVERY_S = 10.0
UNKNOWN_KEY = (
    "the worker does not know this camera's key. On its machine: edge keys allow NAME KEY, with what `edge keys list` "
    "says here"
)
NOT_OURS = (
    "whoever listens there does not prove to be the worker whose key is trusted here, or is not encrypted. Compare "
    "`edge keys list` on both machines"
)


class Allowed(Protocol):
    """Which keys the worker lets in."""

    def camera_of(self, public: str) -> str | None:
        """The camera that this public key (64 hexadecimal digits) belongs to at this moment; None: to nobody."""


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """What the worker has: its secret key, and whom it lets in."""

    secret: bytes = field(repr=False)
    allowed: Allowed


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a capture has: its secret key, and the public key of its worker."""

    secret: bytes = field(repr=False)
    worker: bytes


def new_secret() -> bytes:
    """A new secret key, 32 random bytes."""
    _, secret = zmq.curve_keypair()
    return z85.decode(secret)


def public_of(secret: bytes) -> bytes:
    """The public key that belongs to a secret one."""
    return z85.decode(zmq.curve_public(z85.encode(secret)))


def as_client(socket: zmq.Socket[bytes], keys: ClientKeys) -> None:
    """Let a socket, before it connects, speak to this worker alone."""
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public_of(keys.secret))
    socket.setsockopt(zmq.CURVE_SERVERKEY, keys.worker)


class Gate:
    """The worker's answer to libzmq's question who may come in. Used by the thread of the socket that it guards."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], keys: ServerKeys) -> None:
        """Guard a socket that is not bound yet."""
        self._allowed = keys.allowed
        self._questions = context.socket(zmq.REP)
        self._questions.setsockopt(zmq.LINGER, 0)
        self._questions.bind(ZAP)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # nobody comes in unasked

    def answer(self) -> None:
        """Answer who waits at the gate; the poller says when."""
        while self._questions.poll(0):
            version, number, _, address, _, _, key = self._questions.recv_multipart()
            known = self._allowed.camera_of(key.hex()) is not None
            if not known:
                log.warning("turned away key %s from %s", key.hex(), address.decode(errors="replace"))
            status = (b"200", b"OK", key.hex().encode()) if known else (b"400", b"unknown key", b"")
            self._questions.send_multipart([version, number, *status, b""])

    def camera_of(self, part: zmq.Frame) -> str | None:
        """The camera whose key sent this message part; None if its key was revoked since it came in."""
        return self._allowed.camera_of(str(part.get("User-Id")))

    @property
    def poll_on(self) -> zmq.Socket[bytes]:
        """For the poller."""
        return self._questions

    def close(self) -> None:
        """Let nobody in any more."""
        self._questions.close()


class HandshakeWatch:
    """Says in a capture's log why it and its worker do not come together, every ten seconds at most."""

    def __init__(self) -> None:
        self._events: zmq.Socket[bytes] | None = None
        self._said_s = -SAID_EVERY_S

    def follow(self, socket: zmq.Socket[bytes]) -> None:
        """Watch this socket from now on."""
        failures = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        self._events = socket.get_monitor_socket(failures | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)

    def leave(self, socket: zmq.Socket[bytes]) -> None:
        """Watch this socket no more; it is about to be closed."""
        socket.disable_monitor()
        if self._events is not None:
            self._events.close(0)
        self._events = None

    def look(self, address: str) -> None:
        """Log what went wrong since the last look, if anything did."""
        while self._events is not None and self._events.poll(0):
            failed = recv_monitor_message(self._events)["event"]
            if time.monotonic() - self._said_s > SAID_EVERY_S:
                self._said_s = time.monotonic()
                why = UNKNOWN_KEY if failed == zmq.EVENT_HANDSHAKE_FAILED_AUTH else NOT_OURS
                log.error("no connection with %s: %s", address, why)
