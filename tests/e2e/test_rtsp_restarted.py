"""An RTSP server of somebody else's, GStreamer's, is killed and comes back: the line goes on in the same run."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.settings import Settings
from tests.broker import free_port
from tests.lines import camera_line, recorded, report, rows, wait_until

SERVER = Path(__file__).parents[1] / "gst_rtsp.py"
DEBIANS_PYTHON = "/usr/bin/python3"
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0')"


def need_server() -> None:
    """Skip the test where there is no such server; in CI that is a failure."""
    if not Path(DEBIANS_PYTHON).exists() or subprocess.run([DEBIANS_PYTHON, "-c", BINDINGS], check=False).returncode:
        reason = "needs GStreamer's RTSP server with its bindings for Debian's Python; .ci/run names the packages"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def rtsp_server(port: int) -> Iterator[None]:
    """The server's process; it is killed at the end, as a camera that loses its power ends."""
    server = subprocess.Popen([DEBIANS_PYTHON, str(SERVER), str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port), timeout_s=30)
        yield
    finally:
        server.kill()
        server.wait()


def test_when_an_rtsp_server_is_restarted_the_camera_is_lost_and_comes_back_in_the_same_run(tmp_path: Path) -> None:
    need_server()
    settings, port = Settings(data=tmp_path / "data"), free_port()
    line = camera_line(settings, {"cam": f"rtsp://127.0.0.1:{port}/live"})
    try:
        with rtsp_server(port):
            wait_until(lambda: recorded(settings) > 20, timeout_s=60, tick=line.tick, every_s=0.05)
        wait_until(lambda: line.lost("capture-cam"), timeout_s=30, tick=line.tick, every_s=0.05)
        why, seen = str(line.lost("capture-cam")), recorded(settings)
        with rtsp_server(port):
            wait_until(lambda: recorded(settings) > seen + 20, timeout_s=60, tick=line.tick, every_s=0.05)
            line.stop()
    finally:
        line.kill()
    assert "stopped delivering" in why
    assert set(line.restarts) == {"capture-cam"}
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, len(found) + 1)), "one run, and its numbers go on"
    assert report(settings).good_while(running=False)
