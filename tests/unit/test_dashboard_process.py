"""The page as a process of its own: event streams, signals, a port that is taken."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.ledger_rows import Ledger, new_ledger
from tests.slowness import slowness

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running_page(data: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The `dashboard` command on `data`, answering on `port`; killed at the end if it still runs."""
    command = [sys.executable, "-m", "dashboard.cli", "--data", str(data), "--port", str(port), *options]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            _wait_until_it_answers(process, port)
            yield process
        finally:
            process.kill()


def _wait_until_it_answers(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the page did not start: {process.communicate() if process.poll() is not None else 'no answer'}")


def event_stream(port: int, query: str = "", **headers: str) -> HTTPResponse:
    address = f"http://127.0.0.1:{port}/api/v1/events{query}"
    answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=15)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer


def next_event(stream: HTTPResponse, name: str) -> dict[str, str]:
    """The next event of this name, as field -> value."""
    fields: dict[str, str] = {}
    while True:
        line = stream.readline().decode().rstrip("\n")
        if line:
            field, _, value = line.partition(": ")
            fields[field] = value
        elif fields.get("event") == name:
            return fields
        else:
            fields = {}


def test_events_tell_of_flagged_frames_and_counts_and_go_on_where_a_client_left(ledger: Ledger) -> None:
    before = ledger.add_defect()
    port = free_port()
    with running_page(ledger.settings.data, port):
        with event_stream(port) as stream:
            assert json.loads(next_event(stream, "counts")["data"])["defect"] == 1
            first = ledger.add_defect()
            assert next_event(stream, "flagged") == {"id": str(first), "event": "flagged", "data": str(first)}
            assert json.loads(next_event(stream, "counts")["data"])["defect"] == 2
        ledger.add("ok")
        missed = [ledger.add("unsure", reason="uncalibrated") for _ in range(3)]
        with event_stream(port, f"?after={before}", **{"Last-Event-ID": str(first)}) as stream:
            assert [int(next_event(stream, "flagged")["data"]) for _ in missed] == missed
        with event_stream(port, f"?after={before}") as stream:
            assert int(next_event(stream, "flagged")["data"]) == first


def test_client_of_another_record_is_told_to_load_the_page_again(ledger: Ledger) -> None:
    port = free_port()
    with running_page(ledger.settings.data, port), event_stream(port, "?after=99") as stream:
        next_event(stream, "reset")
        frame_id = ledger.add_defect()
        assert int(next_event(stream, "flagged")["data"]) == frame_id


def test_stream_that_began_before_the_record_starts_with_it(tmp_path: Path) -> None:
    port = free_port()
    with running_page(tmp_path / "data", port), event_stream(port, "?after=0") as stream:
        ledger = new_ledger(tmp_path / "data")
        ledger.add("ok")
        assert json.loads(next_event(stream, "counts")["data"])["frames"] <= 1
        ledger.engine.dispose()


@pytest.mark.sqlite
def test_event_stream_leaves_the_writers_log_free_to_be_folded_back(ledger: Ledger) -> None:
    port = free_port()
    with running_page(ledger.settings.data, port), event_stream(port) as stream:
        next_event(stream, "counts")
        ledger.add_defect()
        next_event(stream, "flagged")
        ledger.engine.dispose()
        with closing(sqlite3.connect(ledger.settings.database.file, timeout=5)) as writer:
            busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not busy, "a reader held the log"


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_page_in_two_seconds_while_streams_are_open(ledger: Ledger, signal_number: int) -> None:
    """Two seconds of a machine to itself, in one of three times: what neighbours add is not the page's."""
    assert any(_seconds_to_end(ledger.settings.data, signal_number) < 2.0 * slowness() for _ in range(3))


def _seconds_to_end(data: Path, signal_number: int) -> float:
    port = free_port()
    with running_page(data, port) as process, event_stream(port) as one, event_stream(port) as two:
        next_event(one, "counts")
        next_event(two, "counts")
        began = time.monotonic()
        process.send_signal(signal_number)
        assert process.wait(timeout=30) == 0
        took_s = time.monotonic() - began
        assert one.read() == two.read() == b""
        assert process.stderr is not None
        assert process.stderr.read() == ""
    return took_s


def test_port_in_use_is_named_with_what_to_do(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "dashboard.cli", "--data", str(ledger.settings.data), "--port", str(port)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_page_that_others_can_reach_refuses_to_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dashboard.cli", "--data", str(tmp_path / "data"), "--host", "0.0.0.0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "page on 0.0.0.0: other machines can reach it" in ended.stderr
    assert "EDGE_PAGE_CERTIFICATE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_page_does_not_outlive_the_parent_that_started_it(ledger: Ledger) -> None:
    port = free_port()
    starter = (
        "import os, subprocess, sys, time\n"
        "os.environ['EDGE_PARENT_PID'] = str(os.getpid())\n"
        "child = subprocess.Popen([sys.executable, '-m', 'dashboard.cli', *sys.argv[1:]], stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", starter, "--data", str(ledger.settings.data), "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        page_pid = int(parent.stdout.readline())
        try:
            _wait_until_it_answers(parent, port)
        finally:
            parent.kill()
    deadline = time.monotonic() + 10
    while _is_alive(page_pid):
        assert time.monotonic() < deadline, f"page {page_pid} outlived its parent"
        time.sleep(0.1)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
