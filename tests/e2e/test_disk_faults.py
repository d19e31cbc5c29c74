"""The record locked, its disk full, everything killed while it is written: with real processes, nothing is lost."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.ledger.beats import WORKER, read_beats
from edge.ledger.record import open_engine
from edge.ledger.verify import settle
from edge.settings import Settings
from edge.supervisor import Supervisor
from edge.verdict import Reason
from tests.fakes import numbered_folder
from tests.lines import held_by, number_line, recorded, report, rows, wait_until

FRAMES = 150
pytestmark = pytest.mark.sqlite


@contextmanager
def running(line: Supervisor) -> Iterator[Supervisor]:
    try:
        yield line
    finally:
        line.stop()
        line.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        reason = f"needs to mount a small tmpfs: {mounted.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def every_frame_is_inspected(settings: Settings) -> None:
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, FRAMES + 1))
    assert [(row.seq, row.reason) for row in found if row.score != row.seq] == []
    assert report(settings).good_while(running=False)


def test_while_another_program_holds_the_record_frames_wait_and_then_all_are_inspected(
    settings: Settings, tmp_path: Path
) -> None:
    with running(number_line(settings, numbered_folder(tmp_path / "parts", FRAMES), delay_s=0.01)) as line:
        wait_until(lambda: recorded(settings) > 20, timeout_s=60, tick=line.tick)
        with closing(sqlite3.connect(settings.data / "record.sqlite", isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "locked" in held_by(settings), timeout_s=20, tick=line.tick)
            seen = recorded(settings)
            time.sleep(1.0)
            beat = read_beats(settings.beats)[WORKER]
            assert beat.age_s(time.monotonic()) < 5, "it waits, and is not silent"
            assert beat.waits_since_s is not None
            assert recorded(settings) == seen
            other.execute("ROLLBACK")
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    assert line.restarts == {}
    every_frame_is_inspected(settings)


def test_on_a_full_disk_the_line_waits_and_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    settings = Settings(data=small_disk / "data")
    with running(number_line(settings, numbered_folder(tmp_path / "parts", FRAMES), delay_s=0.01)) as line:
        wait_until(lambda: recorded(settings) > 20, timeout_s=60, tick=line.tick)
        filler = small_disk / "filler"
        with filler.open("wb") as file:
            with pytest.raises(OSError, match="No space"):
                while True:
                    os.write(file.fileno(), bytes(4096))
            wait_until(lambda: held_by(settings), timeout_s=20, tick=line.tick)
            seen = recorded(settings)
            time.sleep(1.0)
            assert recorded(settings) == seen
        assert "full" in held_by(settings)
        filler.unlink()
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    assert line.restarts == {}
    every_frame_is_inspected(settings)


def test_after_everything_is_killed_while_it_writes_each_frame_is_recorded_or_settled_and_files_match(
    settings: Settings, tmp_path: Path
) -> None:
    folder = numbered_folder(tmp_path / "parts", 2000)
    for more in (20, 60):
        line = number_line(settings, folder, delay_s=0.002)
        seen = recorded(settings)
        wait_until(lambda seen=seen, more=more: recorded(settings) > seen + more, timeout_s=60, tick=line.tick)
        pids = [line.pid("capture-parts"), line.pid("worker")]
        for pid in pids:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        line.kill()
        with closing(sqlite3.connect(settings.data / "record.sqlite")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    engine = open_engine(settings.database, writes=True)
    settle(engine, Reason.CAPTURE_DIED, journals=settings.journals, media=settings.media)
    engine.dispose()
    assert report(settings).good_while(running=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")
