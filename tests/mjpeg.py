"""A camera that speaks multipart JPEG with a password, over a real socket."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.numbered_jpeg import numbered

USER, PASSWORD = "operator", "s3cret-Pa55"


class MjpegServer(ThreadingHTTPServer):
    """A camera that speaks multipart JPEG: `frames` frames, then it hangs up, or says nothing more if it `stalls`."""

    daemon_threads = True

    def __init__(
        self,
        *,
        frames: int,
        stalls: bool = False,
        period_s: float = 0.01,
        picture: Callable[[int], bytes] = numbered,
        port: int = 0,
    ) -> None:
        """picture: the JPEG of a frame;  port: 0 is a free one"""
        super().__init__(("127.0.0.1", port), MjpegHandler)
        self.picture = picture
        self.frames, self.stalls, self.period_s = frames, stalls, period_s
        self.stopped = threading.Event()
        self.flows = threading.Event()  # cleared: the camera says nothing
        self.flows.set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class MjpegHandler(BaseHTTPRequestHandler):
    server: MjpegServer

    def do_GET(self) -> None:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {token}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with suppress(ConnectionError):  # whoever looked has gone
            self.stream()

    def stream(self) -> None:
        for number in range(1, self.server.frames + 1):
            self.server.flows.wait()
            content = self.server.picture(number)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content))
            self.wfile.write(content + b"\r\n")
            if self.server.stopped.wait(self.server.period_s):
                return
        if self.server.stalls:
            self.server.stopped.wait(60)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(server: MjpegServer) -> Iterator[MjpegServer]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.flows.set()
        server.shutdown()
        thread.join()
        server.server_close()


def address(port: int, password: str = PASSWORD) -> str:
    return f"http://{USER}:{password}@127.0.0.1:{port}/video"
