"""Counts, pace and pages from a real record."""

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import Pool

from dashboard import files, queries, tally, words
from dashboard.pace import NEWEST_ROWS, WINDOW_S, pace
from dashboard.reader import NoRecordYetError, Reader
from edge.database import Database
from edge.ledger.record import open_engine
from edge.ledger.reviews import ReviewVerdict, add_reviews
from edge.verdict import FLAGGED, Outcome, Reason
from edge.vision.recipe import MAP_HEADS, SCORE_HEADS
from tests.ledger_rows import Ledger, new_ledger

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000


@pytest.fixture
def reader(ledger: Ledger) -> Iterator[Reader]:
    reader = Reader(ledger.settings.database)
    yield reader
    reader.close()


def test_counts_add_up_by_outcome_reason_and_camera_as_rows_come(ledger: Ledger, reader: Reader) -> None:
    for outcome, reason, camera in [
        ("ok", None, "left"),
        ("ok", None, "right"),
        ("not_inspected", "overload", "right"),
        ("defect", "above_threshold", "left"),
        ("not_inspected", "late", "right"),
    ]:
        ledger.add(outcome, reason=reason, camera=camera)
        with reader.read() as reading:
            counts = queries.counts(reading, time.time_ns())
        assert counts.frames == counts.ok + counts.defect + counts.unsure + counts.not_inspected
        assert counts.frames == sum(camera.frames for camera in counts.cameras) == counts.newest_id
    assert counts.reasons == counts.recent_reasons == {"late": 1, "overload": 1}
    assert [(c.camera, c.ok, c.defect, c.not_inspected) for c in counts.cameras] == [
        ("left", 1, 1, 0),
        ("right", 1, 0, 2),
    ]


def test_tally_counts_each_row_once_in_many_steps(ledger: Ledger, reader: Reader) -> None:
    counted = tally.Tally(rows_a_step=3)
    for _ in range(10):
        ledger.add("ok")
    for extra in range(3):
        with reader.read() as reading:
            newest, cells = counted.count(reading.session)
        assert cells == Counter({tally.Cell("top", "ok", None, 1): 10 + extra})
        assert newest == 10 + extra
        ledger.add("ok")


def test_old_not_inspected_frames_are_counted_but_not_recent(ledger: Ledger, reader: Reader) -> None:
    ledger.add("not_inspected", reason="late", captured_ns=NOW_NS - 61 * SECOND_NS)
    ledger.add("not_inspected", reason="late", captured_ns=NOW_NS - 59 * SECOND_NS)
    with reader.read() as reading:
        counts = queries.counts(reading, NOW_NS)
    assert (counts.reasons, counts.recent_reasons) == ({"late": 2}, {"late": 1})


def test_news_bring_every_flagged_frame_once_oldest_first(ledger: Ledger, reader: Reader) -> None:
    outcomes = ["defect", "ok", "unsure", "not_inspected", "defect"] * 5
    ids = [ledger.add(outcome, camera=f"cam{i % 2}") for i, outcome in enumerate(outcomes)]
    flagged = [frame_id for frame_id, outcome in zip(ids, outcomes, strict=True) if outcome in FLAGGED]
    with reader.read() as reading:
        assert queries.ids_after(reading.session, FLAGGED, after=0, limit=50) == flagged
        assert queries.ids_after(reading.session, FLAGGED, after=flagged[2], limit=3) == flagged[3:6]
        assert queries.newest_id(reading.session) == ids[-1]


@pytest.mark.sqlite
def test_reader_waits_for_file_then_for_tables_and_then_reads(tmp_path: Path) -> None:
    reader = Reader(Database(file=tmp_path / "data" / "record.sqlite"))
    with pytest.raises(NoRecordYetError, match="edge run --camera demo:pcb"), reader.read():
        pass
    assert not (tmp_path / "data").exists(), "the page must not create the record"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "record.sqlite").touch()
    with pytest.raises(NoRecordYetError), reader.read():
        pass
    ledger = new_ledger(tmp_path / "data")
    ledger.add("ok")
    with reader.read() as reading:
        assert queries.counts(reading, NOW_NS).frames == 1
    reader.close()
    ledger.engine.dispose()


@pytest.mark.sqlite
def test_record_of_an_older_version_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    database = tmp_path / "record.sqlite"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE inspection (id INTEGER PRIMARY KEY)")
    connection.close()
    with pytest.raises(NoRecordYetError, match=r"has no \w+\.\w+ yet"), Reader(Database(file=database)).read():
        pass


@pytest.mark.sqlite
def test_replaced_record_is_read_afresh(ledger: Ledger, reader: Reader) -> None:
    for _ in range(3):
        ledger.add("ok")
    with reader.read() as reading:
        assert queries.counts(reading, NOW_NS).frames == 3
    ledger.engine.dispose()
    ledger.settings.data.rename(ledger.settings.data.with_name("old"))
    second = new_ledger(ledger.settings.data)
    second.add("defect", reason="above_threshold")
    with reader.read() as reading:
        counts = queries.counts(reading, NOW_NS)
    assert (counts.frames, counts.defect, counts.ok) == (1, 1, 0)
    second.engine.dispose()


def test_page_that_ends_while_one_reads_closes_that_connection_too(ledger: Ledger) -> None:
    opened: list[object] = []
    closed: list[object] = []

    def connects(connection: object, _: object) -> None:
        opened.append(connection)

    def closes(connection: object, _: object) -> None:
        closed.append(connection)

    with listening("connect", connects), listening("close", closes):
        reader = Reader(ledger.settings.database)
        with reader.read() as reading:
            queries.counts(reading, NOW_NS)
            reader.close()
    assert opened and opened == closed


@contextmanager
def listening(name: str, listener: Callable[[object, object], None]) -> Iterator[None]:
    """To what happens to the connections of every pool."""
    event.listen(Pool, name, listener)
    try:
        yield
    finally:
        event.remove(Pool, name, listener)


@pytest.mark.sqlite
@pytest.mark.parametrize("newer", [0, 3], ids=["fewer rows", "other rows with the same ids"])
def test_backup_copied_over_the_record_in_place_is_counted_anew(ledger: Ledger, reader: Reader, newer: int) -> None:
    def counted() -> tuple[int, int, int, int]:
        with reader.read() as reading:
            counts = queries.counts(reading, NOW_NS)
            rolled = reading.rollup.count(reading.session)
        return counts.frames, counts.defect, int(rolled.outcomes.counts.sum()), int(rolled.reviews.counts.sum())

    database = ledger.settings.database.file
    ledger.add_defect()
    backup(database, database.with_name("backup"))
    review = open_engine(ledger.settings.database, writes=True)
    add_reviews(review, [ledger.add_defect()], ReviewVerdict.FALSE_ALARM, reviewer="eva", reviewed_ns=1)
    review.dispose()
    other = new_ledger(ledger.settings.data.with_name("other"))
    ledger.engine.dispose()
    assert counted() == (2, 2, 2, 1)
    for _ in range(newer):
        other.add("ok")
    if newer:
        backup(other.settings.database.file, database.with_name("backup"))
    other.engine.dispose()
    inode = database.stat().st_ino
    shutil.copyfile(database.with_name("backup"), database)
    assert database.stat().st_ino == inode
    assert counted() == ((newer, 0, newer, 0) if newer else (1, 1, 1, 0))


def backup(source: Path, target: Path) -> None:
    """A copy as SQLite's own backup makes it."""
    with closing(sqlite3.connect(source)) as a, closing(sqlite3.connect(target)) as b:
        a.backup(b)


def test_read_sessions_refuse_to_write(ledger: Ledger, reader: Reader) -> None:
    ledger.add("ok")
    with reader.read() as reading, pytest.raises(DBAPIError, match=r"read-?only"):
        reading.session.execute(text("DELETE FROM inspection"))


def test_pace_counts_the_window_and_takes_latency_over_all() -> None:
    frames = [(NOW_NS - age * SECOND_NS, 100.0) for age in range(1, 31)]
    measured = pace(frames, NOW_NS)
    assert measured.frames_per_s == pytest.approx(10 / WINDOW_S)
    assert measured.latency_p50_ms == measured.latency_p95_ms == 100.0
    assert measured.last_recorded_ns == NOW_NS - SECOND_NS + 100_000_000


def test_pace_of_a_line_faster_than_the_rows_reach_back() -> None:
    frames = [(NOW_NS - i * 2_000_000, 0.0) for i in range(NEWEST_ROWS)]
    assert pace(frames, NOW_NS).frames_per_s == pytest.approx(500, rel=0.01)


def test_pace_without_frames_is_nothing() -> None:
    assert pace([], NOW_NS).frames_per_s == 0.0
    assert pace([], NOW_NS).latency_p50_ms is None


@pytest.mark.parametrize(
    "hostile", [None, "", "../record.sqlite", "/etc/passwd", "a/../../record.sqlite", "a\0b", ".", "link"]
)
def test_stored_path_that_leaves_the_media_folder_is_no_file(ledger: Ledger, hostile: str | None) -> None:
    media = ledger.settings.media
    media.mkdir(parents=True)
    (ledger.settings.data / "secret").touch()
    (media / "link").symlink_to(ledger.settings.data / "secret")
    assert files.inside(media, hostile) is None
    (media / "a").mkdir()
    (media / "a" / "b.jpg").write_bytes(b"x")
    assert files.inside(media, "a/b.jpg") == (media / "a" / "b.jpg").resolve()


def test_every_outcome_reason_and_head_has_words() -> None:
    assert set(words.OUTCOMES) == set(Outcome)
    assert set(words.HEADS) == {*SCORE_HEADS, *MAP_HEADS}
    assert set(words.REASONS) >= set(Reason)
    assert words.reason("of_a_later_version") == "of_a_later_version"


@given(score=st.floats(0, 1e6), threshold=st.floats(1e-3, 1e3))
def test_bar_is_past_its_middle_exactly_above_the_threshold(score: float, threshold: float) -> None:
    filled = words.bar(score, threshold)
    assert 0 <= filled <= 200
    if abs(score - threshold) > threshold / 500:
        assert (filled > 100) == (score > threshold)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (12345, "12\u202f345"), (9_999_999, "9\u202f999\u202f999"), (12_345_678, "12.35\u202fM")],
)
def test_numbers_stay_short(value: int, shown: str) -> None:
    assert words.number(value) == shown
