"""A real `edge run` as it is seen from outside: by systemd, a collector of logs, Prometheus, a prober, and a person."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.cli import main
from edge.ledger.beats import WORKER, read_beats
from edge.settings import Settings
from tests.fakes import numbered_folder
from tests.here import run_here
from tests.lines import wait_until

DOCKER = Path(__file__).parents[2] / "docker"
PATIENCE_S = 90


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def asked(address: str) -> tuple[int, str]:
    """Status and body; 0 while nothing answers."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def reasons(page: str) -> set[str] | None:
    """Why the line is not ready, by /readyz; None while nothing answers."""
    status, body = asked(f"{page}/readyz")
    return None if status == 0 else {reason["why"] for reason in json.loads(body)["reasons"]}


def samples(page: str) -> dict[str, list[Any]]:
    families = text_string_to_metric_families(asked(f"{page}/metrics")[1])
    return {family.name: family.samples for family in families}


def heard(systemd: socket.socket) -> Iterator[str]:
    """What the line has said to systemd by now; the kernel keeps ten datagrams for who does not read."""
    try:
        while True:
            yield systemd.recv(4096).decode()
    except BlockingIOError:
        return


@pytest.mark.timeout(240)
def test_all_who_look_at_a_line_see_the_same(tmp_path: Path) -> None:
    """It has no category, so it inspects and is not ready, until its worker is killed: then it does not inspect."""
    data, port = tmp_path / "data", free_port()
    page, settings = f"http://127.0.0.1:{port}", Settings(data=data)
    words = ["run", "--camera", str(numbered_folder(tmp_path / "parts", 40)), "--fps", "4"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, (tmp_path / "said").open("wb") as said:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        line = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words, "--data", str(data), "--port", str(port)],
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "EDGE_LOG_FORMAT": "json"},
            stdout=said, stderr=said,
        )  # fmt: skip
        try:
            told = [systemd.recv(4096).decode()]
            assert told[0].startswith("READY=1\nWATCHDOG=1\n")
            systemd.setblocking(False)
            wait_until(
                lambda: reasons(page) == {"uncalibrated"},
                timeout_s=PATIENCE_S,
                tick=lambda: told.extend(heard(systemd)),
            )
            found = run_here(main, "status", "--data", str(data))
            assert found.returncode == 1 and "no category" in found.stdout
            families = samples(page)
            for file in (DOCKER / "prometheus-alerts.yml", DOCKER / "grafana-board.json"):
                for name in set(re.findall(r"\bedge_[a-z_]+", file.read_text())):
                    assert {name, name.removesuffix("_total"), name.removesuffix("_bucket")} & families.keys(), name
            os.kill(read_beats(settings.beats)[WORKER].pid, signal.SIGKILL)

            wait_until(
                lambda: "worker_silent" in (reasons(page) or ()),
                timeout_s=PATIENCE_S,
                tick=lambda: told.extend(heard(systemd)),
            )
            restarts = {one.labels["process"]: one.value for one in samples(page)["edge_process_restarts"]}
            assert restarts["worker"] == 1 and restarts["page"] == 0
            line.send_signal(signal.SIGINT)
            assert line.wait(PATIENCE_S) == 0, (tmp_path / "said").read_text()
        finally:
            line.kill()
            line.wait()
        told += heard(systemd)
    assert any("STATUS=NOT READY: camera parts has no category" in each for each in told)
    assert told[-1].startswith("STOPPING=1\n")
    assert run_here(main, "status", "--data", str(data)).returncode == 2
    _all_json(tmp_path / "said", "supervisor")
    for log in settings.logs.glob("*.log"):
        _all_json(log, log.stem)


def _all_json(log: Path, process: str) -> None:
    for text in log.read_text().splitlines():
        said = json.loads(text)
        assert said["process"] == process and said["ts"] and said["level"] and said["logger"] and said["message"]
