"""What a line does about its disk: budget and age once a minute, the reserve at once; on a real, small disk."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import EdgeError
from edge.keeping import Keeper, KeepingThread
from edge.ledger.record import Inspection, open_engine, unit_of_work
from edge.ledger.room import Room
from edge.ledger.trimming import kept_bytes
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal
from edge.settings import Settings
from tests.fakes import number_verdict
from tests.ledger_rows import Ledger, grey_picture, new_ledger
from tests.lines import report, rows

DISK_BYTES, RESERVE_BYTES = 24_000_000, 8_000_000
FRAME_BYTES = 400_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB, mounted for this test; skips where nobody may mount, fails in CI."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        reason = f"needs to mount a small disk: {mounted.stderr.decode().strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


class Line:
    """The writer and the keeper of a line, in the order in which a test wants them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.room = Room(settings.data, settings.disk_reserve)
        self.writes, self.reads = open_engine(settings.database, writes=True), open_engine(settings.database)
        self.writer = Writer(self.writes, settings.media, self.room)
        self.writer.register("night", "top", source="s", category="numbers")
        self.journal = Journal(settings.journals, run="night", camera="top", source="s", category="numbers")
        self._noise = np.random.default_rng(0)

    def inspect(self, *, flagged: bool = True) -> None:
        """A frame whose picture takes about FRAME_BYTES."""
        pixels = self._noise.integers(0, 256, (500, 500, 3), np.uint8)
        info = self.journal.append(captured_ns=10**18 + self.journal.numbered, source="s")
        self.writer.write([Entry(info, number_verdict(10 if flagged else 1), pixels)])

    def keeping(self) -> KeepingThread:
        return KeepingThread(
            self.room, lambda: Keeper(self.settings, writes=self.writes, reads=self.reads, room=self.room)
        )

    def close(self) -> None:
        self.journal.close()
        self.writes.dispose()
        self.reads.dispose()


@pytest.fixture
def line(small_disk: Path) -> Iterator[Line]:
    ledger = new_ledger(small_disk / "data")
    ledger.engine.dispose()
    line = Line(Settings(data=small_disk / "data", disk_reserve=RESERVE_BYTES))
    yield line
    line.close()


def test_before_the_disk_is_full_the_oldest_pictures_go_and_no_frame_is_lost(line: Line) -> None:
    keeping = line.keeping()
    for _ in range(60):  # more than the disk holds
        line.inspect()
        keeping.tick()
    found = rows(line.settings)
    kept = [row.seq for row in found if row.picture_path]
    assert kept == list(range(kept[0], 61)), "the oldest went"
    assert len(kept) > 20
    assert {row.picture_gone_why for row in found if not row.picture_path} == {"reserve"}
    assert line.room.short_bytes == 0
    assert report(line.settings).good_while(running=False)


def test_where_nothing_may_go_inspection_goes_on_without_pictures(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    keeping = line.keeping()
    keeping.tick()
    (line.settings.data.parent / "foreign").write_bytes(bytes(line.room.free_bytes - RESERVE_BYTES // 4))
    for _ in range(12):
        line.inspect()
        keeping.tick()
    found = rows(line.settings)
    assert [row.picture_path for row in found] == [None] * 12
    assert {row.picture_gone_why for row in found} == {"no_room"}
    assert all(row.picture_gone_ns for row in found)
    assert "no picture is left that may be removed" in caplog.text
    assert caplog.text.count("recorded without their picture") == 2, "said now and then, not for each frame"
    assert report(line.settings).good_while(running=False)


def test_where_removing_pictures_frees_nothing_only_one_step_goes(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody keeps a second name of each file."""
    keeping = line.keeping()
    for number in range(30):
        line.inspect()
        for path in line.settings.media.rglob(f"{number + 1:08}.*"):
            (line.settings.data.parent / path.name).hardlink_to(path)
    free_bytes = line.room.free_bytes
    (line.settings.data.parent / "foreign").write_bytes(bytes(free_bytes - RESERVE_BYTES + 100_000))
    for _ in range(5):
        keeping.tick()
    gone_bytes = sum(FRAME_BYTES for row in rows(line.settings) if row.picture_gone_why)
    assert 0 < gone_bytes < RESERVE_BYTES / 4
    assert "did not help" in caplog.text


def test_a_disk_that_is_full_all_the_same_costs_the_picture_and_not_the_frame(line: Line) -> None:
    line.inspect()
    bold = Writer(line.writes, line.settings.media)  # that does not look whether there is room
    bold.register("night", "top", source="s", category="numbers")
    line.writer = bold
    (line.settings.data.parent / "foreign").write_bytes(bytes(line.room.free_bytes - 100_000))
    line.inspect()
    first, second = rows(line.settings)
    assert first.picture_path
    assert (second.outcome, second.picture_path, second.picture_gone_why) == ("defect", None, "no_room")
    assert report(line.settings).good_while(running=False)


def test_the_reserve_spares_confirmed_defects_and_the_budget_takes_them_last(ledger: Ledger) -> None:
    frames = [ledger.add("defect", picture=grey_picture()) for _ in range(4)]
    sample = ledger.add("ok", picture=grey_picture(), audit_rate=0.1)
    with unit_of_work(ledger.engine) as session:
        session.get_one(Inspection, frames[0]).reviewed_as = "confirmed_defect"
    assert planned(ledger, disk_reserve=10**15) == [("reserve", [sample, *frames[1:]])]
    with unit_of_work(ledger.engine) as session:
        session.execute(update(Inspection).values(media_bytes=1_000_000))
    assert planned(ledger, media_budget=2 * 10**6, disk_reserve=0) == [("budget", [sample, *frames[1:]])]
    with unit_of_work(ledger.engine) as session:
        session.execute(update(Inspection).values(media_bytes=1_000_001))
    assert planned(ledger, media_budget=10**6, disk_reserve=0) == [("budget", [sample, *frames[1:], frames[0]])]


def test_a_line_without_limits_keeps_everything(ledger: Ledger) -> None:
    ledger.add_defect(captured_ns=1)
    assert planned(ledger, disk_reserve=0) == []
    assert planned(ledger, disk_reserve=0, keep_days=10**4) == [("age", [1])]


def planned(ledger: Ledger, **settings: int) -> list[tuple[str, list[int]]]:
    reads, writes = engines(ledger)
    limited = Settings(data=ledger.settings.data, **settings)  # type: ignore[arg-type]
    keeper = Keeper(limited, writes=writes, reads=reads, room=Room(limited.data, limited.disk_reserve))
    plan = [(step.why.value, [picture.id for picture in step.pictures]) for step in keeper.plan(now_ns=2 * 10**18)]
    reads.dispose()
    writes.dispose()
    return plan


def engines(ledger: Ledger) -> tuple[Engine, Engine]:
    return open_engine(ledger.settings.database), open_engine(ledger.settings.database, writes=True)


def test_retention_by_hand_says_what_would_go_and_then_removes_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        ledger.add_defect()
    with unit_of_work(ledger.engine) as session:
        session.execute(update(Inspection).values(media_bytes=10**6))
    before_bytes = kept_bytes(ledger.engine)
    monkeypatch.setenv("EDGE_MEDIA_BUDGET", str(before_bytes // 2))
    monkeypatch.setenv("EDGE_DISK_RESERVE", "0")
    command = ["retention", "--data", str(ledger.settings.data), "--json"]

    would = CliRunner().invoke(app, [*command, "--dry-run"])
    assert kept_bytes(ledger.engine) == before_bytes
    done = CliRunner().invoke(app, command)
    assert (would.exit_code, done.exit_code) == (0, 0), done.output
    (step,) = json.loads(would.stdout)["steps"]
    assert step == json.loads(done.stdout)["steps"][0] == {"why": "budget", "frames": 3, "bytes": step["bytes"]}
    assert kept_bytes(ledger.engine) == before_bytes - step["bytes"] == json.loads(done.stdout)["kept_bytes"]
    again = CliRunner().invoke(app, command[:-1])
    assert "all is within its limits" in again.stdout


def test_what_would_go_counts_pictures_that_an_earlier_version_kept_unweighed(ledger: Ledger) -> None:
    ledger.add_defect()
    weighed_bytes = kept_bytes(ledger.engine)
    with unit_of_work(ledger.engine) as session:
        session.execute(update(Inspection).values(media_bytes=0))
    command = ["retention", "--data", str(ledger.settings.data), "--json", "--dry-run"]
    assert json.loads(CliRunner().invoke(app, command).stdout)["kept_bytes"] == weighed_bytes > 0


def test_pictures_whose_disk_went_while_the_line_runs_are_not_forgotten(ledger: Ledger) -> None:
    ledger.add_defect()
    reads, writes = engines(ledger)
    limited = Settings(data=ledger.settings.data, keep_days=1, disk_reserve=0)
    keeper = Keeper(limited, writes=writes, reads=reads, room=Room(limited.data, 0))
    steps = keeper.plan(now_ns=2 * 10**18)
    limited.media.rename(limited.data / "away")
    limited.media.mkdir()
    with pytest.raises(EdgeError, match="Mount the disk"):
        keeper.carry_out(steps, now_ns=2 * 10**18)
    assert [row.picture_gone_why for row in rows(limited)] == [None]
    reads.dispose()
    writes.dispose()


def test_a_budget_without_its_unit_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MEDIA_BUDGET", "50")
    with pytest.raises(EdgeError, match=r"media_budget='50'.* with its unit, for example 50GB"):
        Settings.read(data=ledger.settings.data)


def test_pictures_on_a_disk_of_their_own_do_not_go_for_want_of_room_elsewhere(line: Line, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    line.settings.media.symlink_to(tmp_path / "pictures")
    line.inspect()
    (line.settings.data.parent / "foreign").write_bytes(bytes(line.room.free_bytes - RESERVE_BYTES // 2))
    said = CliRunner().invoke(
        app, ["retention", "--data", str(line.settings.data), "--json"], env={"EDGE_DISK_RESERVE": str(RESERVE_BYTES)}
    )
    assert json.loads(said.stdout)["steps"] == []
    assert rows(line.settings)[0].picture_path


def test_nothing_is_trimmed_while_a_backup_copies(ledger: Ledger) -> None:
    from edge import lock

    reads, writes = engines(ledger)
    keeper = Keeper(ledger.settings, writes=writes, reads=reads, room=Room(ledger.settings.data))
    with lock.media(ledger.settings.data), pytest.raises(EdgeError, match="being copied or trimmed"):
        keeper.weigh()
        keeper.sweep()
    reads.dispose()
    writes.dispose()


def test_the_record_knows_what_its_pictures_take(line: Line) -> None:
    """The writer says what it wrote: no walk over the folder is needed to know how much that is."""
    for flagged in (True, False, True):
        line.inspect(flagged=flagged)
    on_disk = sum(path.stat().st_size for path in line.settings.media.rglob("*") if path.is_file())
    assert kept_bytes(line.reads) == on_disk
