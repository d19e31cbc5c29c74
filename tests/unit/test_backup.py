"""A backup is whole or not there; a restored data folder balances, and its page opens."""

import errno
import json
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from edge import lock
from edge.backup import FACTS_FILE, UNFINISHED, back_up, backups
from edge.cli import app
from edge.errors import EdgeError
from edge.frame import FrameInfo
from edge.ledger.record import open_engine
from edge.ledger.retention import Why
from edge.ledger.trimming import Folders, kept_pictures, trim
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal
from edge.restore import restore
from edge.settings import Settings
from tests.fakes import number_verdict, numbered_picture
from tests.lines import report, rows
from tests.new_record import new_record
from tests.page_client import page_client

pytestmark = pytest.mark.sqlite


class Inspected:
    """A data folder of a line that numbers frames and records them when told."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings(data=data)
        new_record(self.settings.database)
        self.engine: Engine = open_engine(self.settings.database, writes=True)
        self._writer = Writer(self.engine, self.settings.media)
        self._writer.register("night", "top", source="s", category="numbers")
        self.journal = Journal(self.settings.journals, run="night", camera="top", source="s", category="numbers")

    def number(self, count: int) -> list[FrameInfo]:
        return [self.journal.append(captured_ns=10**18 + n, source="s") for n in range(count)]

    def record(self, frames: list[FrameInfo]) -> None:
        self._writer.write([Entry(info, number_verdict(info.seq), numbered_picture(info.seq)) for info in frames])


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Inspected]:
    line = Inspected(tmp_path / "data")
    line.record(line.number(40))
    yield line
    line.journal.close()
    line.engine.dispose()


def test_what_was_in_flight_at_the_backup_is_settled_by_the_restore(line: Inspected, tmp_path: Path) -> None:
    frames = line.number(10)
    line.record([info for info in frames if info.seq not in (43, 46)])  # these two are being scored
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    line.record(frames)
    line.journal.end()
    assert (made.frames, made.pictures, made.linked) == (48, 10, 0)

    restored = restore(tmp_path / "safe", tmp_path / "new")

    assert (restored.settled, restored.troubles) == (2, [])
    settings = Settings(data=tmp_path / "new")
    assert report(settings).good_while(running=False)
    assert {row.seq: row.reason for row in rows(settings) if row.outcome == "not_inspected"} == {
        43: "capture_died", 46: "capture_died"
    }  # fmt: skip
    assert all((settings.media / str(row.picture_path)).is_file() for row in rows(settings) if row.picture_path)
    with page_client(settings) as page:
        assert page.get("/").status_code == 200
        shown = page.get("/api/v1/frames?outcome=defect").json()["frames"]
        assert len(shown) == 5
        assert page.get(shown[0]["picture"]).status_code == 200


def test_a_journal_that_ended_after_the_copy_is_not_called_ended(line: Inspected, tmp_path: Path) -> None:
    """Else the frames that were in flight would be missing for ever in what is restored."""
    frames = line.number(2)
    line.record(frames[1:])  # the last one is recorded, the one before it is not
    line.journal.end()
    back_up(line.settings, tmp_path / "safe", keep=None)
    assert restore(tmp_path / "safe", tmp_path / "new").settled == 1
    assert report(Settings(data=tmp_path / "new")).good_while(running=False)


def test_a_second_backup_links_what_the_first_has_and_follows_retention(line: Inspected, tmp_path: Path) -> None:
    first = back_up(line.settings, tmp_path / "safe", keep=None)
    line.record(line.number(10))
    folders = Folders(line.settings.media, line.settings.thumbnails)
    oldest = min(kept_pictures(line.engine), key=lambda picture: picture.id)
    trim(line.engine, folders, [oldest], Why.BUDGET, now_ns=10**18)
    second = back_up(line.settings, tmp_path / "safe", keep=None)
    assert (first.pictures, second.pictures, second.linked) == (8, 8, 6)
    assert len(list(Path(first.folder).glob("media/*/*/*/*"))) == 8, "the first is as it was"
    assert len(list(Path(second.folder).glob("media/*/*/*/*"))) == 8
    assert report(Settings(data=Path(first.folder))).good_while(running=False)
    third = back_up(line.settings, tmp_path / "safe", keep=2)
    assert [str(path) for path in backups(tmp_path / "safe")] == [second.folder, third.folder]


def test_a_backup_that_was_killed_is_gone_on_with(line: Inspected, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def die(done: int, total: int) -> None:
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        back_up(line.settings, tmp_path / "safe", keep=None, told=die)
    assert backups(tmp_path / "safe") == []
    with pytest.raises(EdgeError, match="no finished backup"):
        restore(tmp_path / "safe", tmp_path / "new")
    left = [path for path in (tmp_path / "safe" / UNFINISHED).rglob("*") if path.is_file()]
    assert len(left) == 5
    left[0].write_bytes(b"")  # as a power cut can leave it
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    copied = [path.stat().st_size for path in Path(made.folder).rglob("*.jpg")]
    assert made.copied_bytes < sum(copied) < made.copied_bytes * 4
    assert all(copied)
    assert not (tmp_path / "safe" / UNFINISHED).exists()


def test_a_damaged_record_makes_no_backup(line: Inspected, tmp_path: Path) -> None:
    line.engine.dispose()
    good = back_up(line.settings, tmp_path / "safe", keep=1)
    with closing(sqlite3.connect(str(line.settings.database))) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE inspection SET run_id = 99 WHERE seq = 7")
        connection.commit()
    with pytest.raises(EdgeError, match="damaged"):
        back_up(line.settings, tmp_path / "safe", keep=1)
    assert [str(path) for path in backups(tmp_path / "safe")] == [good.folder]


def test_a_record_that_lost_something_is_backed_up_and_restored_and_each_says_what_it_lost(
    line: Inspected, tmp_path: Path
) -> None:
    """What is left may be all that there is; and the last backup that has it all outlives any --keep."""
    good = back_up(line.settings, tmp_path / "safe", keep=1)
    next(line.settings.media.rglob("*.jpg")).unlink()
    lines = line.journal.path.read_bytes().splitlines(keepends=True)
    line.journal.path.write_bytes(b"".join(lines[:-5]))  # as a power cut leaves it
    for _ in range(2):
        made = back_up(line.settings, tmp_path / "safe", keep=1)
    assert len(made.troubles) == 2
    assert made.troubles[0].startswith("camera top of run night: 5 frames (number 36 to 40) recorded and not in its")
    assert made.troubles[1].startswith("1 files that the record names are missing, first ")
    assert [str(path) for path in backups(tmp_path / "safe")] == [good.folder, made.folder]

    said = CliRunner().invoke(app, ["restore", made.folder, "--data", str(tmp_path / "new")])

    assert said.exit_code == 1
    assert "IT DOES NOT BALANCE" in said.stdout
    assert "5 frames (number 36 to 40)" in said.stdout
    assert len(rows(Settings(data=tmp_path / "new"))) == 40


def test_a_camera_that_was_stopped_and_started_in_one_run_is_backed_up(line: Inspected, tmp_path: Path) -> None:
    line.journal.end()
    frames = line.number(10)
    line.record(frames[:7])
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    assert made.troubles == []
    assert restore(tmp_path / "safe", tmp_path / "new").settled == 0
    (account,) = report(Settings(data=tmp_path / "new")).accounts
    assert (account.numbered, account.balanced) == (47, True)


def test_a_camera_whose_journal_is_on_another_machine_is_called_not_compared_by_both(
    line: Inspected, tmp_path: Path
) -> None:
    line.journal.path.unlink()
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    restored = restore(tmp_path / "safe", tmp_path / "new")
    assert made.troubles == restored.troubles == []
    assert made.not_compared == restored.not_compared == ["camera top of run night"]
    said = CliRunner().invoke(app, ["backup", str(tmp_path / "safe"), "--data", str(line.settings.data)])
    assert said.exit_code == 0
    assert "camera top of run night was not compared" in said.stdout


def test_with_the_clock_set_back_the_backup_just_made_is_the_latest_and_stays(line: Inspected, tmp_path: Path) -> None:
    first = Path(back_up(line.settings, tmp_path / "safe", keep=None).folder)
    first.rename(first.with_name("29991231T235959.999999Z"))
    line.record(line.number(1))
    made = back_up(line.settings, tmp_path / "safe", keep=1)
    assert [str(path) for path in backups(tmp_path / "safe")] == [made.folder]
    restore(tmp_path / "safe", tmp_path / "new")
    assert len(rows(Settings(data=tmp_path / "new"))) == 41


def test_a_kill_while_old_backups_go_does_not_stop_the_next(
    line: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(line.settings, tmp_path / "safe", keep=None)

    def die(path: Path) -> None:
        (path / FACTS_FILE).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", die)
        back_up(line.settings, tmp_path / "safe", keep=1)
    made = back_up(line.settings, tmp_path / "safe", keep=1)
    assert [str(path) for path in (tmp_path / "safe").iterdir()] == [made.folder]


def test_where_files_cannot_have_two_names_they_are_copied(
    line: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    back_up(line.settings, tmp_path / "safe", keep=None)
    monkeypatch.setattr(Path, "hardlink_to", refuse)  # as exFAT and many network disks do
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    assert (made.linked, made.troubles) == (0, [])
    assert made.copied_bytes > 0


def test_a_backup_waits_while_pictures_are_trimmed(line: Inspected, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with lock.media(line.settings.data):
            made = pool.submit(back_up, line.settings, tmp_path / "safe", keep=None)
            with pytest.raises(TimeoutError):
                made.result(timeout=0.5)
        assert made.result().frames == 40


@pytest.mark.parametrize("strange", ["holiday.jpg", ".hidden"])
def test_a_folder_that_holds_something_else_is_refused(line: Inspected, tmp_path: Path, strange: str) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / strange).touch()
    with pytest.raises(EdgeError, match="which is no finished backup"):
        back_up(line.settings, tmp_path / "safe", keep=1)
    with pytest.raises(EdgeError, match="data folder itself"):
        back_up(line.settings, line.settings.data / "safe", keep=1)


def test_backups_of_another_record_are_not_mixed_with(line: Inspected, tmp_path: Path) -> None:
    other = Inspected(tmp_path / "other")
    back_up(other.settings, tmp_path / "safe", keep=1)
    other.journal.close()
    other.engine.dispose()
    with pytest.raises(EdgeError, match="a backup of the record"):
        back_up(line.settings, tmp_path / "safe", keep=1)
    assert len(backups(tmp_path / "safe")) == 1


def test_a_restore_takes_no_folder_that_holds_something(line: Inspected, tmp_path: Path) -> None:
    back_up(line.settings, tmp_path / "safe", keep=None)
    before = sorted(path for path in line.settings.data.rglob("*"))
    with pytest.raises(EdgeError, match="not empty"):
        restore(tmp_path / "safe", line.settings.data)
    assert sorted(path for path in line.settings.data.rglob("*")) == before


def test_a_restore_takes_an_empty_folder_whatever_it_is(
    line: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk is mounted there, somebody made it, it is a link to it, or one stands in it."""
    back_up(line.settings, tmp_path / "safe", keep=None)
    for name in ("disk", "big", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / "disk" / "lost+found").mkdir()
    (tmp_path / "link").symlink_to("big")
    monkeypatch.chdir(tmp_path / "here")
    for data in (tmp_path / "disk", tmp_path / "link", Path()):
        inode = data.stat().st_ino
        restore(tmp_path / "safe", data)
        assert data.stat().st_ino == inode, "a mount cannot be replaced"
        assert report(Settings(data=data)).good_while(running=False)
        assert not (data / ".restoring").exists()


def test_a_restore_that_fails_leaves_an_empty_folder_and_two_do_not_meet(line: Inspected, tmp_path: Path) -> None:
    made = Path(back_up(line.settings, tmp_path / "safe", keep=None).folder)
    record, whole = made / "record.sqlite", (made / "record.sqlite").read_bytes()

    def another(done: int, total: int) -> None:
        with pytest.raises(EdgeError, match="in use by another"):
            restore(made, tmp_path / "new")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EdgeError, match="No space left on device"):
        restore(made, tmp_path / "new", told=another)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [lock.RUN]
    record.write_bytes(whole[:5000])
    with pytest.raises(EdgeError):
        restore(made, tmp_path / "new")
    record.write_bytes(whole)
    assert restore(made, tmp_path / "new").troubles == []


def test_a_wrong_setting_is_told_as_such(line: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(line.settings, tmp_path / "safe", keep=None)
    monkeypatch.setenv("EDGE_KEEP_DAYS", "x")
    with pytest.raises(EdgeError, match="keep_days='x'"):
        restore(tmp_path / "safe", tmp_path / "new")


def test_bundles_and_reports_are_in_the_backup_and_what_can_be_made_again_is_not(
    line: Inspected, tmp_path: Path
) -> None:
    for name in ("bundles/pcb/1/bundle.json", "bundles/pcb/current", "bundles/.new-x/bundle/half", "reports/pcb@1.html",
                 "logs/worker.log", "thumbnails/v1/0/1-1.jpg"):  # fmt: skip
        (line.settings.data / name).parent.mkdir(parents=True, exist_ok=True)
        (line.settings.data / name).write_text("{}")
    restore(Path(back_up(line.settings, tmp_path / "safe", keep=None).folder), tmp_path / "new")
    there = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert {"bundles/pcb/1/bundle.json", "bundles/pcb/current", "reports/pcb@1.html"} <= there
    assert not any(path.startswith(("logs", "thumbnails", "bundles/.new")) for path in there)


def test_the_commands(line: Inspected, tmp_path: Path) -> None:
    arguments = ["backup", str(tmp_path / "safe"), "--data", str(line.settings.data)]
    made = CliRunner().invoke(app, [*arguments, "--json"])
    assert made.exit_code == 0
    assert json.loads(made.stdout)["frames"] == 40
    assert "checked: all is well" in CliRunner().invoke(app, [*arguments, "--keep", "1"]).stdout
    back = CliRunner().invoke(app, ["restore", str(tmp_path / "safe"), "--data", str(tmp_path / "new")])
    assert back.exit_code == 0, back.output
    verified = CliRunner().invoke(app, ["verify", "--data", str(tmp_path / "new")])
    assert "all is well" in verified.stdout
    shutil.rmtree(tmp_path / "new")
