"""Processes die at the worst moment, and every numbered frame still has exactly one outcome."""

import os
import signal
import time
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.ledger.record import open_engine
from edge.ledger.verify import settle
from edge.process_table import LineStopped, Program, Role
from edge.settings import Settings
from edge.supervisor import Supervisor
from edge.verdict import Reason
from tests.fakes import numbered_folder
from tests.lines import is_scoring, number_line, recorded, report, rows, wait_until

KILLS = 5
FRAMES = 150


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def test_workers_killed_while_scoring_lose_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    line = number_line(settings, numbered_folder(tmp_path / "parts", FRAMES), delay_s=0.02)
    kills = 0
    try:
        while kills < KILLS:
            seen = recorded(settings)
            # what was in flight at the last kill must be through: no frame is to become poison
            wait_until(lambda seen=seen: recorded(settings) > seen + settings.credits, timeout_s=30, tick=line.tick)
            wait_until(lambda: is_scoring(settings), timeout_s=30, tick=line.tick)
            pid = line.pid("worker")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            kills += 1
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    finally:
        line.stop()
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, FRAMES + 1))
    assert [(row.seq, row.reason) for row in found if row.score != row.seq] == [], "each has its own frame's score"
    assert line.restarts["worker"] == KILLS
    assert report(settings).good_while(running=False)


def test_a_killed_capture_comes_back_and_reads_again_what_was_not_recorded(settings: Settings, tmp_path: Path) -> None:
    line = number_line(settings, numbered_folder(tmp_path / "parts", 100), delay_s=0.01)
    try:
        for _ in range(3):
            seen = recorded(settings)
            wait_until(lambda seen=seen: recorded(settings) > seen + 8, timeout_s=30, tick=line.tick)
            pid = line.pid("capture-parts")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    finally:
        line.stop()
    found = rows(settings)
    assert sorted(row.seq for row in found) == list(range(1, 101))
    assert [(row.seq, row.reason) for row in found if row.score != row.seq] == [], "none is lost: a folder can wait"
    assert sorted(row.source for row in found) == [f"{n:06d}.png" for n in range(1, 101)], "each part once"
    assert report(settings).good_while(running=False)


def test_a_frame_that_kills_workers_kills_two_and_its_neighbours_are_inspected(
    settings: Settings, tmp_path: Path
) -> None:
    line = number_line(settings, numbered_folder(tmp_path / "parts", 40), poison=17)
    try:
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    finally:
        line.stop()
    found = rows(settings)
    assert [row.seq for row in found if row.outcome == "not_inspected"] == [17]
    assert found[16].reason == "poison"
    assert line.restarts["worker"] == 2
    assert report(settings).good_while(running=False)


def test_a_stop_with_a_hung_worker_takes_seconds_and_its_frames_are_settled(settings: Settings, tmp_path: Path) -> None:
    line = number_line(settings, numbered_folder(tmp_path / "parts", 2000), delay_s=0.005)
    try:
        wait_until(lambda: recorded(settings) > 10, timeout_s=30, tick=line.tick)
        pid = line.pid("worker")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        began_s = time.monotonic()
        line.stop()
        assert time.monotonic() - began_s < 9
    finally:
        line.kill()
    assert report(settings).accounts[0].missing
    engine = open_engine(settings.database, writes=True)
    settle(engine, Reason.STOPPED, journals=settings.journals, media=settings.media)
    engine.dispose()
    assert report(settings).good_while(running=False)


def test_a_process_that_never_gets_anywhere_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    crash = Program("worker", Role.WORKER, ["-c", "raise SystemExit('the lens cap is on')"])
    line = Supervisor([crash], logs=tmp_path, rows=lambda _: 0)
    with pytest.raises(LineStopped, match=r"worker ended 5 times.*the lens cap is on"):
        wait_until(lambda: False, timeout_s=60, tick=line.tick)
    line.stop()


def test_an_error_of_the_users_is_not_tried_again(tmp_path: Path) -> None:
    wrong = Program("worker", Role.WORKER, ["-c", "import sys; print('error: wrong lens'); sys.exit(2)"])
    line = Supervisor([wrong], logs=tmp_path, rows=lambda _: 0)
    with pytest.raises(EdgeError, match="wrong lens"):
        wait_until(lambda: False, timeout_s=30, tick=line.tick)
    assert line.restarts == {}
    line.stop()


def test_children_follow_a_killed_supervisor(settings: Settings, tmp_path: Path) -> None:
    """Otherwise the next start would find the address and the journals taken."""
    reader, writer = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        line = number_line(settings, numbered_folder(tmp_path / "parts", 5000), delay_s=0.01)
        while True:
            line.tick()
            if line.pid("capture-parts") and recorded(settings):
                os.write(writer, f"{line.pid('worker')} {line.pid('capture-parts')}\n".encode())
                signal.pause()
    pids = [int(pid) for pid in os.read(reader, 100).split()]
    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)
    for end in (reader, writer):
        os.close(end)
    wait_until(lambda: not any(Path(f"/proc/{pid}/cmdline").is_file() for pid in pids), timeout_s=20)
