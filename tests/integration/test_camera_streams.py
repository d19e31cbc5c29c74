"""Live streams over real sockets: an MJPEG server with a password, that dies or stalls; and what is printed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.line.camera import Camera, CameraError, open_camera
from edge.line.camera_spec import parse_camera
from edge.line.live import Live, open_capture
from tests.mjpeg import PASSWORD, USER, MjpegServer, address, serving
from tests.numbered_jpeg import number_in


def impatient(port: int) -> Live:
    """The same camera with a shorter time limit on reading."""
    spec = parse_camera(address(port))
    return Live(spec, capture=lambda spec: open_capture(spec, read_timeout_s=1.0))


@contextmanager
def opened(port: int, *, fps: float | None = None) -> Iterator[Camera]:
    camera = open_camera(parse_camera(address(port)), fps=fps, once=False)
    try:
        yield camera
    finally:
        camera.close()


def test_frames_come_in_order_and_the_end_of_the_server_is_an_error() -> None:
    numbers = []
    with serving(MjpegServer(frames=40)) as server, opened(server.port) as camera:
        source = f"http://127.0.0.1:{server.port}/video"
        assert camera.source == source
        assert (camera.finite, camera.can_wait, camera.continuous) == (False, False, True)
        assert camera.lock_controls() == {}
        before_ns = time.time_ns()
        with pytest.raises(CameraError, match="stopped delivering") as error:
            while shot := camera.read():
                assert shot.source == source
                assert before_ns <= shot.captured_ns <= time.time_ns()
                numbers.append(number_in(shot.pixels))
    assert numbers == list(range(1, 41))
    assert PASSWORD not in str(error.value)


def test_a_rate_passes_over_frames_and_keeps_the_order() -> None:
    numbers = []
    with serving(MjpegServer(frames=60, period_s=0.02)) as server, opened(server.port, fps=5) as camera:
        start_s = time.monotonic()
        try:
            while shot := camera.read():
                numbers.append(number_in(shot.pixels))
        except CameraError as error:
            ended, elapsed_s = str(error), time.monotonic() - start_s
    assert "stopped delivering after 60 frames" in ended
    assert numbers == sorted(set(numbers))
    assert 4 <= len(numbers) <= 2 + 5 * elapsed_s


def test_a_stalled_stream_is_given_up() -> None:
    with serving(MjpegServer(frames=10, stalls=True)) as server:
        camera = impatient(server.port)
        start_s = time.monotonic()
        with pytest.raises(CameraError, match="stopped delivering"):
            while camera.read():
                pass
        assert time.monotonic() - start_s < 10
        camera.close()


def test_closing_does_not_wait_for_a_stalled_read() -> None:
    with serving(MjpegServer(frames=10, stalls=True)) as server:
        camera = impatient(server.port)

        def drain() -> None:
            while camera.read():
                pass

        reader = threading.Thread(target=drain)
        reader.start()
        time.sleep(0.5)
        start_s = time.monotonic()
        camera.close()
        assert time.monotonic() - start_s < 0.5
        reader.join(20)
        assert not reader.is_alive()


def test_a_wrong_password_is_said_without_the_password() -> None:
    with serving(MjpegServer(frames=1)) as server, pytest.raises(CameraError, match="cannot be opened") as error:
        open_camera(parse_camera(address(server.port, "wr0ng-one")), fps=None, once=False)
    assert f"127.0.0.1:{server.port}/video" in str(error.value)
    assert "wr0ng-one" not in str(error.value)


OPEN_ONE = """
import sys
import cv2  # first, as another library might
from edge.line.camera import CameraError, open_camera
from edge.line.camera_spec import parse_camera
try:
    camera = open_camera(parse_camera(sys.argv[1]), fps=None, once=False)
    while camera.read():
        pass
except CameraError as error:
    print(error)
"""
LOUD = {"OPENCV_FFMPEG_DEBUG": "1", "OPENCV_FFMPEG_LOGLEVEL": "48", "OPENCV_LOG_LEVEL": "DEBUG"}
"""With these OpenCV prints the whole address, password and all, to stdout."""


def said(url: str) -> str:
    """What a process prints that opens and reads the address; asserts that OpenCV and FFmpeg print nothing."""
    command = [sys.executable, "-c", OPEN_ONE, url]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | LOUD
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=root, env=environment)
    lines = [line for line in result.stdout.splitlines() if "VideoBackendRegistry" not in line]
    assert result.stderr == ""
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_refused_connection_prints_no_password(scheme: str) -> None:
    line = said(f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:9/video")
    assert "127.0.0.1:9/video cannot be opened" in line
    assert PASSWORD not in line


def test_a_stream_that_dies_prints_no_password() -> None:
    with serving(MjpegServer(frames=5)) as server:
        line = said(address(server.port))
    assert "stopped delivering" in line
    assert PASSWORD not in line


def test_a_refused_password_is_not_printed() -> None:
    with serving(MjpegServer(frames=5)) as server:
        line = said(address(server.port, "wr0ng-one"))
    assert "cannot be opened" in line
    assert "wr0ng-one" not in line
