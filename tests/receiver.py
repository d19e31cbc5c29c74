"""A web server that takes webhooks, and fails, hangs or goes away when a test says so."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edge.outputs.messages import Result

Answer = Callable[[Result], int | None]
"""The status that a result is answered with; None: no answer."""


class Receiver(ThreadingHTTPServer):
    """Keeps what it accepted, with the headers, in order of arrival."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, port: int = 0, answer: Answer = lambda _: 204) -> None:
        super().__init__(("127.0.0.1", port), ReceiverHandler)
        self.answer = answer
        self.asked = 0
        self.accepted: list[tuple[dict[str, str], bytes]] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret-path?key=s3cret-key"

    @property
    def keys(self) -> list[str]:
        """The idempotency keys of what it accepted."""
        return [headers["Idempotency-Key"] for headers, _ in self.accepted]


class ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        status = self.server.answer(Result.model_validate_json(body))
        if status is None:
            self.server.closing.wait(30)
            return
        if 200 <= status < 300:
            self.server.accepted.append((dict(self.headers), body))
        self.send_response(status)
        text = b"" if status == 204 else b"the receiver says no" if status >= 400 else b"thanks"
        if text:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """The server at work, on a thread."""
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """The address of a server that answers each request, which it is given, in no way that HTTP knows."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = self.request.recv(1 << 16)
            try:
                answer(self.request, asked)
            except OSError:  # nobody listens any more
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hook/s3cret-path?key=s3cret-key"
        finally:
            server.shutdown()
            thread.join()
