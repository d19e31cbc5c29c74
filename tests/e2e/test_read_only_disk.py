"""The record's disk turns read-only under a running line, as ext4 does after an error, and is mounted anew."""

import gc
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.settings import Settings
from tests.fakes import numbered_folder
from tests.lines import held_by, number_line, recorded, report, rows, wait_until

FRAMES = 80
pytestmark = pytest.mark.sqlite


@dataclass(frozen=True)
class Disk:
    """An ext4 file system in a file."""

    image: Path
    folder: Path

    def mount(self) -> None:
        run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))

    def fail(self) -> None:
        """What an error of the disk ends in: from now on nothing is written, by whomever a file is held open."""
        run("mount", "-o", "remount,abort", str(self.folder))

    def unmount(self) -> bool:
        """Whether nobody holds anything on it any more."""
        return subprocess.run(["umount", str(self.folder)], capture_output=True, check=False).returncode == 0


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "image", tmp_path / "disk")
    disk.folder.mkdir()
    with disk.image.open("wb") as image:
        image.truncate(32 << 20)
    try:
        run("mke2fs", "-q", "-t", "ext4", str(disk.image))
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"needs to mount an ext4 file system from a file: {error}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    yield disk
    subprocess.run(["umount", "-l", str(disk.folder)], capture_output=True, check=False)


@contextmanager
def paused(pid: int | None) -> Iterator[None]:
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def work_until_the_disk_fails(disk: Disk, settings: Settings, folder: Path) -> None:
    line = number_line(settings, folder, delay_s=0.01)
    try:
        wait_until(lambda: recorded(settings) > 20, timeout_s=60, tick=line.tick)
        with paused(line.pid("capture-parts")):  # or its last numbers, not on the disk yet, go as in a power cut
            os.sync()
            disk.fail()
        wait_until(lambda: held_by(settings), timeout_s=30, tick=line.tick)
        seen, began_s = recorded(settings), time.monotonic()
        wait_until(lambda: time.monotonic() > began_s + 1.5, timeout_s=10, tick=line.tick)
        assert "disk" in held_by(settings)
        assert recorded(settings) == seen < FRAMES
        assert line.restarts == {}
        line.stop()
    finally:
        line.kill()


def work_to_the_end(settings: Settings, folder: Path) -> None:
    line = number_line(settings, folder)
    try:
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick, every_s=0.05)
        line.stop()
    finally:
        line.kill()


def test_on_a_disk_that_turns_read_only_the_line_waits_and_after_it_is_mounted_anew_nothing_is_lost(
    disk: Disk, tmp_path: Path
) -> None:
    settings, folder = (
        Settings(data=disk.folder / "data", drain_timeout_s=1),
        numbered_folder(tmp_path / "parts", FRAMES),
    )
    work_until_the_disk_fails(disk, settings, folder)
    gc.collect()  # the supervisor, and with it its connection
    wait_until(disk.unmount, timeout_s=20)
    disk.mount()
    work_to_the_end(settings, folder)
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, FRAMES + 1))
    assert [row.seq for row in found if row.score != row.seq] == [], "each was inspected, by its own picture"
    assert report(settings).good_while(running=False)
