"""The sockets of both ends. How frames cross is said in `worker_link`."""

import zmq

HANDSHAKE_MS = 5000  # a connection that has not said who it is by then is closed
QUEUED_MESSAGES = 1024  # credits bound the frames among them; acknowledgements must never be dropped


def new_socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, max_message_bytes: int) -> zmq.Socket[bytes]:
    """A socket with every limit set; ZeroMQ's defaults are no limits."""
    result = context.socket(kind)
    result.setsockopt(zmq.LINGER, 0)
    result.setsockopt(zmq.MAXMSGSIZE, max_message_bytes)
    result.setsockopt(zmq.SNDHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.RCVHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    return result
