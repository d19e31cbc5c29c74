import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from edge.database import Database
from edge.errors import EdgeError
from edge.frame import FrameInfo, PartIdentity
from edge.ledger.counts import RunCount
from edge.ledger.media import media_stem, read_map, write_picture
from edge.ledger.record import Base, Camera, Inspection, open_engine
from edge.ledger.schema import prepare
from edge.ledger.verify import settle, verify
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal
from edge.settings import Settings
from edge.verdict import Outcome, Reason, not_inspected
from tests.fakes import number_verdict, numbered_picture


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = Settings(data=tmp_path).database
    prepare(database)
    engine = open_engine(database, writes=True)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine, tmp_path: Path) -> Writer:
    writer = Writer(engine, tmp_path / "media")
    writer.register("run", "cam", source="somewhere", category="numbers")
    return writer


def entry(seq: int, *, number: int | None = None, run: str = "run") -> Entry:
    number = seq if number is None else number
    info = FrameInfo(run, "cam", seq, time.time_ns(), f"{number}.png", PartIdentity("p", "l", f"s{seq}"))
    return Entry(info, number_verdict(number), numbered_picture(number))


def rows(engine: Engine) -> list[Inspection]:
    with Session(engine) as session:
        return list(session.scalars(select(Inspection).order_by(Inspection.id)))


def test_a_row_holds_what_the_verdict_said(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    writer.write([entry(10)])
    (row,) = rows(engine)
    said = number_verdict(10)
    assert (row.seq, row.outcome, row.reason) == (10, "defect", "above_threshold")
    assert (row.score, row.threshold, row.bundle) == (said.score, said.threshold, said.bundle)
    assert (row.part, row.lot, row.serial) == ("p", "l", "s10")
    assert (row.scale_low, row.scale_high) == (0.1, 2.0)
    assert row.map_path is not None
    assert row.map_top is not None
    assert said.anomaly_map is not None
    stored = read_map(tmp_path / "media" / row.map_path, top=row.map_top)
    assert np.abs(stored - said.anomaly_map).max() <= row.map_top / 131070 * 1.01


def test_passed_frames_keep_the_row_and_flagged_ones_their_files(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    writer.write([entry(seq) for seq in range(1, 21)])
    files = sorted(path.suffix for path in (tmp_path / "media").rglob("*") if path.is_file())
    assert files == [".jpg", ".jpg", ".png", ".png"]
    assert {row.seq for row in rows(engine) if row.picture_path} == {10, 20}


def test_the_first_outcome_of_a_frame_wins(engine: Engine, writer: Writer) -> None:
    assert len(writer.write([entry(1), entry(1, number=10)])) == 1
    assert writer.write([Entry(entry(1).info, not_inspected(Reason.CAPTURE_DIED))]) == []
    (row,) = rows(engine)
    assert row.outcome == "ok"


def test_a_commit_whose_end_nobody_learnt_of_is_asked_for_when_it_is_tried_again(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    other = Writer(engine, tmp_path / "media")
    other.register("run", "cam", source="somewhere", category="numbers")
    other.write([entry(1), entry(2)])
    with pytest.raises(IntegrityError):
        writer.write([entry(1, number=10), entry(2)])
    assert writer.write([entry(1, number=10), entry(2)]) == []
    assert [row.outcome for row in rows(engine)] == ["ok", "ok"]


def test_the_high_water_mark_stops_at_the_first_gap(writer: Writer) -> None:
    def mark() -> int:
        return writer.register("run", "cam", source="somewhere", category="numbers")[0]

    assert mark() == 0
    writer.write([entry(seq) for seq in (2, 3)])
    assert mark() == 0
    writer.write([entry(1)])
    assert mark() == 3
    writer.write([entry(seq) for seq in (5, 6)])
    assert mark() == 3
    writer.write([entry(4)])
    assert mark() == 6


def test_after_a_changeover_each_frame_keeps_what_it_was_judged_as(engine: Engine, writer: Writer) -> None:
    writer.write([entry(1)])
    assert writer.register("run", "cam", source="somewhere", category="letters") == (1, 1)
    writer.write([Entry(entry(2).info, replace(number_verdict(2), category="letters"), numbered_picture(2))])
    assert [(row.camera_id, row.category) for row in rows(engine)] == [(1, "numbers"), (1, "letters")]
    with Session(engine) as session:
        assert session.scalars(select(Camera.category)).all() == ["letters"]


def test_a_failed_transaction_leaves_no_row(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        writer.write([entry(1), entry(10)])
    assert rows(engine) == []


def test_the_migrations_make_the_tables_that_the_models_describe(engine: Engine) -> None:
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        unique = {tuple(u["column_names"]) for u in found.get_unique_constraints(table.name)}
        indexed = {tuple(i["column_names"]) for i in found.get_indexes(table.name)}
        for constraint in table.constraints:
            names = tuple(column.name for column in constraint.columns)  # type: ignore[attr-defined]
            if type(constraint).__name__ == "UniqueConstraint":
                assert names in unique
        for index in table.indexes:
            assert tuple(column.name for column in index.columns) in indexed


def test_a_newer_record_is_refused_and_left_as_it_is(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(EdgeError, match=r"r9999.*newer"):
        prepare(Settings(data=tmp_path).database)


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    path.write_bytes(b"this is not a database, not at all" * 100)
    with pytest.raises(EdgeError, match="kept as it is"):
        prepare(Database(file=path))
    assert path.read_bytes().startswith(b"this is not")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeError, match="cannot be written"):
        prepare(Database(file=tmp_path / "file" / "data" / "record.sqlite"))


def numbered_journal(folder: Path, count: int) -> None:
    with Journal(folder, run="run", camera="cam", source="somewhere", category="numbers") as journal:
        for _ in range(count):
            journal.append(captured_ns=time.time_ns(), source="x")


def test_verify_names_missing_unnumbered_and_files(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    numbered_journal(tmp_path / "journal", 11)
    writer.write([entry(seq) for seq in (1, 10, 12)])
    (jpeg,) = (tmp_path / "media").rglob("*.jpg")
    jpeg.rename(jpeg.with_name("stray.jpg"))
    report = verify(engine, journals=tmp_path / "journal", media=tmp_path / "media")
    (account,) = report.accounts
    assert account.numbered == 11
    assert account.missing == [2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert account.unnumbered == [12]
    assert not account.balanced
    assert [path.endswith("00000010.jpg") for path in report.missing_files] == [True]
    assert [path.endswith("stray.jpg") for path in report.stray_files] == [True]
    assert not report.good_while(running=False)


def test_beside_a_running_line_only_what_a_living_capture_may_still_send_is_excused(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    def good() -> bool:
        return verify(engine, journals=tmp_path / "journal", media=tmp_path / "media").good_while(running=True)

    numbered_journal(tmp_path / "journal", 3)
    writer.write([entry(1)])
    in_flight = write_picture(tmp_path / "media", media_stem(entry(2).info), numbered_picture(2))
    assert good()
    with Journal(tmp_path / "journal", run="run", camera="cam", source="x", category=None) as journal:
        journal.end()
    assert not good(), "frames 2 and 3 of a capture that has ended are lost"
    writer.write([Entry(entry(seq).info, not_inspected(Reason.STOPPED)) for seq in (2, 3)])
    assert good()
    write_picture(tmp_path / "media", media_stem(entry(2).info), numbered_picture(2))
    assert not good(), f"nobody knows {in_flight}"


def test_a_damaged_journal_is_named_and_kept(engine: Engine, tmp_path: Path) -> None:
    numbered_journal(tmp_path / "journal", 3)
    path = tmp_path / "journal" / "run" / "cam.jsonl"
    whole = path.read_bytes()
    for damaged in (whole.replace(b"[2,", b"[2;"), b"{\xff\xfe}\n" + whole, whole.replace(b'"x", null', b'"x"', 1)):
        path.write_bytes(damaged)
        with pytest.raises(EdgeError, match=r"journal .*cam\.jsonl is damaged at"):
            verify(engine, journals=tmp_path / "journal", media=tmp_path / "media")
        assert path.read_bytes() == damaged


def test_settling_gives_every_frame_without_outcome_one(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    numbered_journal(tmp_path / "journal", 700)
    writer.write([entry(seq) for seq in (1, 2, 5)])
    lines = {"journals": tmp_path / "journal", "media": tmp_path / "media"}
    assert settle(engine, Reason.CAPTURE_DIED, **lines) == 697
    assert settle(engine, Reason.CAPTURE_DIED, **lines) == 0
    assert verify(engine, **lines).good_while(running=False)
    assert RunCount(engine, "run").look().reasons == {"capture_died": 697}


def test_an_empty_record_counts_nothing(engine: Engine) -> None:
    counts = RunCount(engine, "no such run").look()
    assert counts.total == 0
    assert counts.frames_per_s is None


@pytest.fixture(scope="module")
def record_of_many_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path, Iterator[str]]]:
    """A record, its folder of pictures, and names of runs that it does not hold yet."""
    folder = tmp_path_factory.mktemp("ledger")
    database = Settings(data=folder).database
    prepare(database)
    engine = open_engine(database, writes=True)
    yield engine, folder / "media", (f"run-{number}" for number in itertools.count())
    engine.dispose()


@given(told=st.lists(st.tuples(st.integers(1, 15), st.sampled_from(["ok", "defect", "lost"])), max_size=40))
def test_the_counts_are_the_first_outcomes(
    record_of_many_runs: tuple[Engine, Path, Iterator[str]], told: list[tuple[int, str]]
) -> None:
    engine, media, names = record_of_many_runs
    run, writer = next(names), Writer(engine, media)
    writer.register(run, "cam", source="s", category="numbers")
    first: dict[int, str] = {}
    for seq, outcome in told:
        first.setdefault(seq, outcome)
        lost = Entry(entry(seq, run=run).info, not_inspected(Reason.OVERLOAD))
        said = {"ok": entry(seq, number=1, run=run), "defect": entry(seq, number=10, run=run), "lost": lost}
        writer.write([said[outcome]])
    counts = RunCount(engine, run).look().outcomes
    assert counts[Outcome.OK] == sum(outcome == "ok" for outcome in first.values())
    assert counts[Outcome.DEFECT] == sum(outcome == "defect" for outcome in first.values())
    assert counts[Outcome.NOT_INSPECTED] == sum(outcome == "lost" for outcome in first.values())


def test_the_highest_number_is_told_beside_the_high_water_mark(writer: Writer) -> None:
    writer.write([entry(seq) for seq in (1, 2, 7)])
    assert writer.register("run", "cam", source="somewhere", category="numbers") == (2, 7)


def test_what_a_dead_worker_left_of_a_frame_goes_when_the_frame_gets_another_outcome(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    numbered_journal(tmp_path / "journal", 1)
    left = write_picture(tmp_path / "media", media_stem(entry(1).info), numbered_picture(1))
    (tmp_path / "media" / left).with_suffix(".png.part").write_bytes(b"half a map")
    writer.write([Entry(entry(1).info, not_inspected(Reason.STOPPED))])
    assert verify(engine, journals=tmp_path / "journal", media=tmp_path / "media").good_while(running=False)


def test_a_run_that_does_not_exist_is_not_good(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="typo"):
        verify(engine, journals=tmp_path / "journal", media=tmp_path / "media", run="typo")


def test_a_number_given_twice_is_found(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    numbered_journal(tmp_path / "journal", 2)
    writer.write([entry(seq) for seq in (1, 2)])
    path = tmp_path / "journal" / "run" / "cam.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])
    assert not verify(engine, journals=tmp_path / "journal", media=tmp_path / "media").good_while(running=False)


def test_rows_of_a_camera_on_another_machine_are_compared_with_a_copy_of_its_journal(
    engine: Engine, writer: Writer, tmp_path: Path
) -> None:
    there = tmp_path / "copy"
    numbered_journal(there, 4)
    writer.write([entry(seq) for seq in (1, 2, 3, 4)])
    (blind,) = verify(engine, journals=tmp_path / "journal", media=tmp_path / "media").accounts
    assert (blind.numbered, blind.missing, blind.balanced) == (None, [], False), (
        "whether there was a fifth frame nobody can say"
    )
    (seen,) = verify(engine, journals=tmp_path / "journal", media=tmp_path / "media", elsewhere=[there]).accounts
    assert (seen.numbered, seen.balanced) == (4, True)
