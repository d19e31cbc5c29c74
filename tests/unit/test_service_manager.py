"""What systemd is told, over a real socket, and the units, as systemd itself reads them."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service_manager import EVERY_S, ServiceManager

UNITS = Path(__file__).parents[2] / "docker" / "systemd"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of NOTIFY_SOCKET that systemd holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener


def words(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().splitlines()


def test_the_first_tick_says_ready_and_each_further_second_that_the_line_is_alive(systemd: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname()})
    manager.tick(lambda: "not ready:\nno worker")
    assert words(systemd) == ["READY=1", "WATCHDOG=1", "STATUS=not ready: no worker"]
    manager.tick(lambda: pytest.fail("it is not asked for a status that is not sent"))
    time.sleep(EVERY_S)
    manager.tick(lambda: "ready")
    assert words(systemd) == ["WATCHDOG=1", "STATUS=ready"]
    manager.stopping("asked to")
    assert words(systemd) == ["STOPPING=1", "STATUS=asked to"]
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1)


def test_a_socket_in_the_abstract_name_space_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0edge-test-{os.getpid()}")
        ServiceManager({"NOTIFY_SOCKET": f"@edge-test-{os.getpid()}"}).stopping("x")
        assert words(listener) == ["STOPPING=1", "STATUS=x"]


def test_a_line_goes_on_without_systemd_or_with_one_that_does_not_listen(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    ServiceManager({}).tick(lambda: pytest.fail("nobody wants to know"))
    busy = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname()})
    for _ in range(1000):
        busy.stopping("x")
    ServiceManager({"NOTIFY_SOCKET": "/nowhere/notify"}).tick(lambda: "ready")
    said = {record.getMessage().split(": ", 1)[0] for record in caplog.records}
    assert said == {f"systemd cannot be told on {name}" for name in (systemd.getsockname(), "/nowhere/notify")}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("edge-line@", "Type=notify"),
        ("edge-capture@", "Restart=always"),
        ("edge-worker@", "WatchdogSec="),
        ("edge-outputs@", "Restart=always"),
        ("edge-page@", "Restart=always"),
    ],
)
def test_systemd_accepts_the_units(name: str, kind: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI"):
            pytest.fail("needs systemd-analyze")
        pytest.skip("needs systemd-analyze")
    text = (UNITS / f"{name}.service").read_text()
    unit = tmp_path / f"{name}main.service"
    unit.write_text(re.sub("/opt/edge/bin/[a-z]+", sys.executable, text))
    found = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    for word in (kind, "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory="):
        assert f"\n{word}" in text


def test_a_command_runs_as_the_station_does(tmp_path: Path) -> None:
    """edge-at, with `runuser` taken from a folder of ours: the rest is the script's own."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "var" / "main").mkdir(parents=True)
    shutil.copy(UNITS / "main.env", tmp_path / "etc" / "main.env")
    script = tmp_path / "edge-at"
    text = (UNITS / "edge-at").read_text()
    script.write_text(text.replace("/etc/edge", f"{tmp_path}/etc").replace("/var/lib/edge", f"{tmp_path}/var"))
    (tmp_path / "runuser").write_text('#!/bin/sh\n[ "$1 $2 $3" = "-u edge --" ] || exit 9\nshift 3\nexec "$@"\n')
    for file in (script, tmp_path / "runuser"):
        file.chmod(0o755)
    told = subprocess.run(
        [script, "main", "sh", "-c", 'echo "$EDGE_DATA $TMPDIR ${LINE_OPTIONS-none} $PWD"'],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    data = f"{tmp_path}/var/main"
    assert told.stdout == f"{data} /run/edge/main none {data}\n", told.stderr
    assert subprocess.run([script, "main"], capture_output=True, check=False).returncode == 2
