"""Processes that stand still are found by their heartbeat, killed and started again, and no frame is lost."""

import os
import signal
import time
from pathlib import Path

import pytest

from edge.hang import Limits
from edge.ledger.beats import Beat
from edge.process_table import LineStopped, Program, Role, Status
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.fakes import numbered_folder
from tests.lines import is_scoring, number_line, recorded, report, rows, wait_until

LIMITS = Limits(start_s=30.0, silence_s=1.5, owes_s=20.0)
FRAMES = 300


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def test_a_stopped_worker_and_a_stopped_capture_are_found_and_every_part_is_inspected(
    settings: Settings, tmp_path: Path
) -> None:
    line = number_line(settings, numbered_folder(tmp_path / "parts", FRAMES), delay_s=0.01, limits=LIMITS)
    try:
        for name in ("worker", "capture-parts"):
            seen = recorded(settings)
            wait_until(lambda seen=seen: recorded(settings) > seen + 30, timeout_s=30, tick=line.tick)
            wait_until(lambda: is_scoring(settings), timeout_s=30, tick=line.tick)
            pid = line.pid(name)
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda name=name: line.restarts.get(name), timeout_s=15, tick=line.tick)
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    finally:
        line.stop()
    assert line.restarts == {"worker": 1, "capture-parts": 1}
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, FRAMES + 1))
    assert [row.seq for row in found if row.score != row.seq] == [], "each was inspected, by its own picture"
    assert report(settings).good_while(running=False)


def test_a_scorer_that_never_comes_back_is_killed_and_its_frame_is_poison(settings: Settings, tmp_path: Path) -> None:
    limits = Limits(start_s=30.0, silence_s=10.0, owes_s=1.0)
    line = number_line(settings, numbered_folder(tmp_path / "parts", 20), stuck=7, limits=limits)
    try:
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    finally:
        line.stop()
    found = rows(settings)
    assert [(row.seq, row.reason) for row in found if row.outcome == "not_inspected"] == [(7, "poison")]
    assert line.restarts == {"worker": 2}
    assert report(settings).good_while(running=False)


def test_after_the_supervisor_itself_stood_still_nobody_is_killed_for_it(tmp_path: Path) -> None:
    told: dict[str, Beat] = {}
    beats = Program("worker", Role.WORKER, ["-c", "import time; time.sleep(60)"], limits=Limits(1.0, 1.0))
    line = Supervisor([beats], logs=tmp_path, rows=lambda _: 0, beats=lambda: told)
    line.tick()
    pid = line.pid("worker")
    assert pid is not None
    told["worker"] = Beat(process="worker", pid=pid, at_s=time.monotonic())
    time.sleep(2.5)  # longer than any limit, and than the longest time between two ticks
    line.tick()
    assert (line.pid("worker"), line.restarts) == (pid, {})
    wait_until(lambda: line.restarts, timeout_s=10, tick=line.tick)  # it really is mute
    line.kill()


def test_a_capture_that_always_dies_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    table = [
        Program("left", Role.CAPTURE, ["-c", "raise SystemExit('the lens cap is on')"]),
        Program("right", Role.CAPTURE, ["-c", "import time; time.sleep(60)"]),
    ]
    line = Supervisor(table, logs=tmp_path, rows=lambda name: {"left": 0, "right": time.monotonic_ns()}[name])
    wait_until(lambda: line.status("left") is Status.FAILED, timeout_s=60, tick=line.tick)
    line.tick()
    assert "the lens cap is on" in str(line.failure("left"))
    assert line.status("right") is Status.RUNNING
    assert not line.captures_done
    line.hold("right")
    wait_until(lambda: line.status("right") is Status.HELD, timeout_s=10, tick=line.tick)
    line.release(Program("right", Role.CAPTURE, ["-c", "pass"]))
    with pytest.raises(LineStopped, match="left ended 5 times"):  # nobody is left who may still deliver
        wait_until(lambda: False, timeout_s=10, tick=line.tick)
