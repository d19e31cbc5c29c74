"""A backup is whole or not there; a restored data folder balances, and its page opens."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from edge.backup import UNFINISHED, back_up, backups, restore
from edge.cli import app
from edge.errors import EdgeError
from edge.frame import FrameInfo
from edge.ledger.record import open_engine
from edge.ledger.retention import Why
from edge.ledger.schema import prepare
from edge.ledger.trimming import Folders, kept_pictures, trim
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal
from edge.settings import Settings
from tests.fakes import number_verdict, numbered_picture
from tests.lines import report, rows
from tests.page_client import page_client

pytestmark = pytest.mark.sqlite


class Inspected:
    """A data folder of a line that numbers frames and records them when told."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings(data=data)
        prepare(self.settings.database)
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

    _, settled = restore(tmp_path / "safe", tmp_path / "new")

    assert settled == 2
    restored = Settings(data=tmp_path / "new")
    assert report(restored).good_while(running=False)
    assert {row.seq: row.reason for row in rows(restored) if row.outcome == "not_inspected"} == {
        43: "capture_died", 46: "capture_died"
    }  # fmt: skip
    assert all((restored.media / str(row.picture_path)).is_file() for row in rows(restored) if row.picture_path)
    with page_client(restored) as page:
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
    assert restore(tmp_path / "safe", tmp_path / "new")[1] == 1
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


def test_a_picture_that_is_missing_makes_no_backup(line: Inspected, tmp_path: Path) -> None:
    next(line.settings.media.rglob("*.jpg")).unlink()
    with pytest.raises(EdgeError, match="not whole"):
        back_up(line.settings, tmp_path / "safe", keep=None)
    assert backups(tmp_path / "safe") == []


@pytest.mark.parametrize("strange", ["holiday.jpg", ".hidden"])
def test_a_folder_that_holds_something_else_is_refused(line: Inspected, tmp_path: Path, strange: str) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / strange).touch()
    with pytest.raises(EdgeError, match="which is no backup"):
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
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "safe", tmp_path / "empty")
    assert report(Settings(data=tmp_path / "empty")).good_while(running=False)


def test_a_backup_that_lost_a_picture_is_not_restored(line: Inspected, tmp_path: Path) -> None:
    made = back_up(line.settings, tmp_path / "safe", keep=None)
    next(Path(made.folder).rglob("*.png")).unlink()
    with pytest.raises(EdgeError, match="not whole"):
        restore(tmp_path / "safe", tmp_path / "new")
    assert not (tmp_path / "new").exists()


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
