"""One program of the supervisor's table is stopped and started again by order, and the others go on."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.line.camera_spec import CameraSpec
from edge.line.capture_options import CaptureOptions
from edge.process import CONFIG_EXIT, STOPPED_EXIT
from edge.process_table import Program, Role, Status
from edge.programs import capture_program
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.lines import wait_until

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
HOPELESS = f"print('error: the lens cap is on'); raise SystemExit({CONFIG_EXIT})"


def program(name: str, code: str) -> Program:
    return Program(name, Role.CAPTURE, ["-c", code])


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Supervisor]:
    line = Supervisor([program("left", SLEEP), program("right", SLEEP)], logs=tmp_path, rows=lambda _: 0)
    yield line
    line.kill()


def until(line: Supervisor, name: str, status: Status) -> None:
    wait_until(lambda: line.status(name) is status, timeout_s=20, tick=line.tick)


def test_a_held_program_stays_down_until_it_is_released_and_the_other_goes_on(line: Supervisor) -> None:
    until(line, "left", Status.RUNNING)
    other = line.pid("right")
    line.hold("left")
    assert line.status("left") is Status.STOPPING
    until(line, "left", Status.HELD)
    for _ in range(5):
        line.tick()
    assert line.pid("left") is None
    assert not line.captures_done
    line.release(program("left", SLEEP))
    until(line, "left", Status.RUNNING)
    assert (line.starts("left"), line.restarts, line.pid("right")) == (2, {}, other)


def test_what_cannot_work_after_a_release_is_held_with_its_last_words_and_does_not_end_the_line(
    line: Supervisor,
) -> None:
    until(line, "left", Status.RUNNING)
    line.hold("left")
    until(line, "left", Status.HELD)
    line.release(program("left", HOPELESS))
    until(line, "left", Status.FAILED)
    assert line.failure("left") == "the lens cap is on"
    assert line.status("right") is Status.RUNNING
    line.release(program("left", SLEEP))
    until(line, "left", Status.RUNNING)
    assert line.failure("left") is None


def test_a_program_that_does_not_hear_is_killed_when_patience_ends(line: Supervisor, tmp_path: Path) -> None:
    until(line, "left", Status.RUNNING)
    line.hold("left")
    until(line, "left", Status.HELD)
    line.release(replace(program("left", DEAF), patience_s=0.3))
    wait_until(lambda: "deaf" in (tmp_path / "left.log").read_text(), timeout_s=20, tick=line.tick)
    line.hold("left")
    until(line, "left", Status.HELD)


def test_a_capture_is_waited_for_as_long_as_it_may_drain(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, drain_timeout_s=20)
    options = CaptureOptions(CameraSpec("demo:pcb", None, "left"))
    assert capture_program(settings, options, index=0).patience_s > settings.drain_timeout_s


def test_a_capture_that_somebody_else_stopped_is_started_again(tmp_path: Path) -> None:
    once = tmp_path / "once"
    code = f"import pathlib, time; p = pathlib.Path({str(once)!r})\nif p.exists(): time.sleep(60)\np.touch(); "
    table = [program("left", code + f"raise SystemExit({STOPPED_EXIT})")]
    line = Supervisor(table, logs=tmp_path / "logs", rows=lambda _: 0)
    try:
        wait_until(lambda: line.restarts == {"left": 1}, timeout_s=20, tick=line.tick)
        assert not line.captures_done
        until(line, "left", Status.RUNNING)
    finally:
        line.kill()


def test_a_process_starts_again_though_the_folder_of_its_log_was_removed(line: Supervisor, tmp_path: Path) -> None:
    until(line, "left", Status.RUNNING)
    for log in tmp_path.glob("*.log"):
        log.unlink()
    tmp_path.rmdir()
    tmp_path.write_text("in the way of another folder")
    first = line.pid("left")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: line.pid("left") not in (None, first), timeout_s=20, tick=line.tick)
    assert line.restarts == {"left": 1}


def test_something_else_goes_on_while_processes_are_stopped(line: Supervisor, tmp_path: Path) -> None:
    until(line, "left", Status.RUNNING)
    line.hold("left")
    until(line, "left", Status.HELD)
    line.release(replace(program("left", DEAF), patience_s=1.5))
    wait_until(lambda: "deaf" in (tmp_path / "left.log").read_text(), timeout_s=20, tick=line.tick)
    called: list[float] = []
    line.stop(meanwhile=lambda: called.append(time.monotonic()))
    assert len(called) > 1
    assert line.pid("left") is None
