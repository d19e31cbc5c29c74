"""The sockets of both ends. How frames cross is said in `worker_link`."""

import zmq

HANDSHAKE_MS = 5000  # a connection that has not said who it is by then is closed
UNANSWERED_MS = 3000  # a connection whose bytes are not acknowledged for so long is given up
KEEPALIVE_S, KEEPALIVE_TRIES = 1, 3  # and so is a quiet one
QUEUED_MESSAGES = 1024  # credits bound the frames among them; acknowledgements must never be dropped


def new_socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, max_message_bytes: int) -> zmq.Socket[bytes]:
    """A socket with every limit set; ZeroMQ's defaults are no limits.

    TCP itself finds a connection that is dead. ZeroMQ's heartbeats would, too, but libzmq 4.3.5 aborts the process when
    it comes to answer one that lay in a full queue behind a connection that has gone.
    """
    result = context.socket(kind)
    result.setsockopt(zmq.LINGER, 0)
    result.setsockopt(zmq.MAXMSGSIZE, max_message_bytes)
    result.setsockopt(zmq.SNDHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.RCVHWM, QUEUED_MESSAGES)
    result.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    result.setsockopt(zmq.TCP_MAXRT, UNANSWERED_MS)
    result.setsockopt(zmq.TCP_KEEPALIVE, 1)
    result.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_S)
    result.setsockopt(zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_S)
    result.setsockopt(zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_TRIES)
    return result
