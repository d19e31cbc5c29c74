"""A camera that speaks RTSP: a server that sends JPEG over RTP inside the RTSP connection (RFC 2326 and RFC 2435)."""

import base64
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge.line.camera import CameraError, open_camera
from edge.line.camera_spec import parse_camera
from tests.numbered_jpeg import number_in, numbered

USER, PASSWORD = "operator", "s3cret-Pa55"
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track0\r\n"
HEADERS = {
    "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
    "DESCRIBE": "Content-Type: application/sdp\r\n",
    "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
    "PLAY": "Session: 1\r\n",
}
FRAMES = 30


def rtp_packets(jpeg: bytes, *, sequence: int, frame: int) -> Iterator[bytes]:
    """One JPEG as RTP packets: quantisation tables once, then the scan in pieces; type 1 (4:2:0), tables in band."""
    tables, scan, at = b"", b"", 2
    while not scan:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xDB:
            tables += jpeg[at + 5 : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            scan = jpeg[at:-2]
    assert len(tables) == 128
    for offset in range(0, len(scan), 1200):
        last = offset + 1200 >= len(scan)
        rtp = struct.pack(">BBHII", 0x80, 26 | (last << 7), sequence, frame * 3000, 7)
        header = struct.pack(">IBBBB", offset, 1, 255, 320 // 8, 96 // 8)
        quantisation = struct.pack(">BBH", 0, 0, 128) + tables if offset == 0 else b""
        yield rtp + header + quantisation + scan[offset : offset + 1200]
        sequence += 1


class RtspHandler(socketserver.StreamRequestHandler):
    server: "RtspServer"

    def handle(self) -> None:
        while request := self.rfile.readline().decode().split():
            fields = dict(line.split(": ", 1) for line in iter(lambda: self.rfile.readline().decode().strip(), ""))
            self.answer(request[0], fields)
            if request[0] == "PLAY":
                self.play()
                return

    def answer(self, method: str, fields: dict[str, str]) -> None:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        allowed = method == "OPTIONS" or fields.get("Authorization") == f"Basic {token}"
        status, more = (
            ("200 OK", HEADERS[method]) if allowed else ("401 Unauthorized", 'WWW-Authenticate: Basic realm="c"\r\n')
        )
        body = SDP if method == "DESCRIBE" and allowed else ""
        head = f"RTSP/1.0 {status}\r\nCSeq: {fields['CSeq']}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        self.wfile.write((head + body).encode())

    def play(self) -> None:
        sequence = 1
        for frame in range(1, FRAMES + 1):
            for packet in rtp_packets(numbered(frame), sequence=sequence, frame=frame):
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                sequence += 1
            self.server.stopped.wait(0.02)


class RtspServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RtspHandler)
        self.stopped = threading.Event()


@contextmanager
def rtsp_server() -> Iterator[int]:
    with RtspServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()


def test_an_rtsp_stream_comes_in_order_until_it_dies() -> None:
    numbers = []
    with rtsp_server() as port:
        camera = open_camera(parse_camera(f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{port}/live"), fps=None, once=False)
        with pytest.raises(CameraError, match="stopped delivering") as error:
            while shot := camera.read():
                assert shot.source == f"rtsp://127.0.0.1:{port}/live"
                numbers.append(number_in(shot.pixels))
        camera.close()
    assert numbers == list(range(1, FRAMES + 1))
    assert PASSWORD not in str(error.value)


def test_a_wrong_rtsp_password_is_refused() -> None:
    with rtsp_server() as port, pytest.raises(CameraError, match="cannot be opened") as error:
        open_camera(parse_camera(f"rtsp://{USER}:wr0ng-one@127.0.0.1:{port}/live"), fps=None, once=False)
    assert "wr0ng-one" not in str(error.value)
