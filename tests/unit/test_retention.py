"""Which pictures go, in which order, and that a kill at any moment leaves a record that is whole."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.ownership import NAME_FILE, own
from edge.ledger.record import Inspection, open_engine
from edge.ledger.retention import DAY_NS, KeptPicture, Limits, Why, Worth, least_valued, too_old, worth
from edge.ledger.reviews import ReviewVerdict, add_reviews
from edge.ledger.thumbnails import thumbnail_path
from edge.ledger.trimming import FRAMES_AT_ONCE, Folders, ids_of, kept_bytes, kept_pictures, sweep, trim, weigh
from edge.ledger.verify import Report, verify
from edge.vision.bundle_sources import frames_taught
from tests.ledger_rows import Ledger, grey_picture, map_with_spot, new_ledger
from tests.lines import wait_until

NOW_NS = 1_800_000_000 * 10**9

pictures = st.lists(
    st.builds(
        KeptPicture,
        id=st.integers(1, 10**6),
        captured_ns=st.integers(NOW_NS - 40 * DAY_NS, NOW_NS),
        media_bytes=st.integers(0, 1000),
        outcome=st.sampled_from(["ok", "defect", "unsure"]),
        reason=st.sampled_from([None, "uncalibrated", "no_threshold", "above_threshold"]),
        reviewed_as=st.sampled_from([None, *(verdict.value for verdict in ReviewVerdict)]),
        taught=st.booleans(),
    ),
    unique_by=lambda picture: picture.id,
    max_size=30,
)


@given(kept=pictures, wanted_bytes=st.integers(-5, 20_000))
def test_the_least_valued_go_first_and_no_more_than_needed(kept: list[KeptPicture], wanted_bytes: int) -> None:
    gone = least_valued(iter(kept), wanted_bytes)
    assert [rank(picture) for picture in gone] == sorted(rank(picture) for picture in gone)
    stays = [picture for picture in kept if picture not in gone]
    assert all(rank(one) < rank(other) for one in gone for other in stays)
    if sum(picture.media_bytes for picture in kept) >= wanted_bytes:
        assert sum(picture.media_bytes for picture in gone) >= wanted_bytes
    else:
        assert not stays
    assert not gone or sum(picture.media_bytes for picture in gone[:-1]) < wanted_bytes


@given(kept=pictures, wanted_bytes=st.integers(0, 20_000))
def test_what_is_spared_never_goes(kept: list[KeptPicture], wanted_bytes: int) -> None:
    gone = least_valued(kept, wanted_bytes, below=Worth.CONFIRMED)
    assert not any(picture.taught or picture.reviewed_as == "confirmed_defect" for picture in gone)


@given(kept=pictures, days=st.integers(1, 40), sample_days=st.integers(1, 40))
def test_age_takes_all_that_are_older_but_confirmed_defects(
    kept: list[KeptPicture], days: int, sample_days: int
) -> None:
    gone = too_old(kept, Limits(keep_days=days, keep_sample_days=sample_days), now_ns=NOW_NS)
    for picture in kept:
        age_days = (NOW_NS - picture.captured_ns) / DAY_NS
        limit = {Worth.SAMPLE: sample_days, Worth.UNCALIBRATED: sample_days}.get(worth(picture), days)
        assert (picture in gone) == (worth(picture) is not Worth.CONFIRMED and age_days > limit)
    assert [picture.captured_ns for picture in gone] == sorted(picture.captured_ns for picture in gone)


def rank(picture: KeptPicture) -> tuple[int, int, int]:
    return worth(picture), picture.captured_ns, picture.id


def test_what_pictures_are_worth() -> None:
    def of(outcome: str, reason: str | None = None, review: str | None = None, *, taught: bool = False) -> Worth:
        return worth(KeptPicture(1, 0, 1, outcome, reason, review, taught))

    assert of("unsure", "uncalibrated") is Worth.UNCALIBRATED
    assert of("ok") is Worth.SAMPLE
    assert of("unsure", "between_thresholds") is Worth.FLAGGED
    assert of("unsure", "uncalibrated", "false_alarm") is of("ok", None, "confirmed_ok") is Worth.REVIEWED
    assert of("ok", None, "confirmed_defect") is of("defect", taught=True) is Worth.CONFIRMED


def test_a_trimmed_frame_says_when_and_why_and_its_files_are_gone(ledger: Ledger) -> None:
    first, second = ledger.add_defect(), ledger.add_defect()
    small = thumbnail_path(
        ledger.settings.thumbnails, frame_id=first, captured_ns=row(ledger, first).captured_ns, ending=".jpg"
    )
    small.parent.mkdir(parents=True)
    small.write_bytes(b"small")
    on_disk = sum(path.stat().st_size for path in files(ledger))
    assert kept_bytes(ledger.engine) == on_disk > 0

    freed = trim(ledger.engine, folders(ledger), chosen(ledger, first), Why.BUDGET, now_ns=NOW_NS)

    trimmed = row(ledger, first)
    assert (trimmed.picture_path, trimmed.map_path, trimmed.media_bytes) == (None, None, None)
    assert (trimmed.picture_gone_ns, trimmed.picture_gone_why) == (NOW_NS, "budget")
    assert len(files(ledger)) == 2
    assert not small.exists()
    assert freed == on_disk - kept_bytes(ledger.engine)
    assert row(ledger, second).picture_path
    assert well(ledger)


def test_a_picture_that_people_made_worth_more_meanwhile_stays(ledger: Ledger) -> None:
    frame = ledger.add_defect()
    picked = chosen(ledger, frame)
    review(ledger, frame, ReviewVerdict.CONFIRMED_DEFECT)
    assert trim(ledger.engine, folders(ledger), picked, Why.AGE, now_ns=NOW_NS) == 0
    assert row(ledger, frame).picture_path


def test_a_kill_between_rows_and_files_leaves_what_the_sweep_removes(ledger: Ledger) -> None:
    frames = [ledger.add_defect() for _ in range(3)]
    saved = ledger.settings.data / "saved"
    shutil.copytree(ledger.settings.media, saved)
    trim(ledger.engine, folders(ledger), chosen(ledger, *frames[:2]), Why.RESERVE, now_ns=NOW_NS)
    shutil.copytree(saved, ledger.settings.media, dirs_exist_ok=True)  # as if the files had not gone yet
    half = next(ledger.settings.media.rglob("*.jpg"))
    half.rename(half.with_name(f"{half.name}.part"))
    mine = half.with_name(f"{half.name.partition('.')[0]}.marked for customer.jpg")
    mine.write_bytes(b"somebody's")
    copied = ledger.settings.media / "keep" / half.parts[-3] / half.parts[-2] / half.name
    copied.parent.mkdir(parents=True)
    copied.write_bytes(b"somebody's, too")
    stranger = ledger.settings.media / "2026-01-01" / "other-run" / "top" / "00000001.jpg"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"of another record")

    assert len(sweep(ledger.engine, ledger.settings.media)) == 4

    kept = row(ledger, frames[2])
    strangers = {mine, copied, stranger}
    assert set(files(ledger)) - strangers == {ledger.settings.media / str(kept.picture_path),
                                              ledger.settings.media / str(kept.map_path)}  # fmt: skip
    assert {ledger.settings.media / path for path in report(ledger).stray_files} == strangers


@pytest.mark.sqlite
def test_sigkill_at_any_moment_leaves_nothing_that_the_sweep_does_not_remove(ledger: Ledger) -> None:
    """Eight kills of a process that trims one picture after another, each a moment after its first."""
    for kill in range(8):
        frames = [ledger.add("defect", picture=grey_picture()) for _ in range(12)]
        ledger.engine.dispose()
        child = os.fork()
        if child == 0:
            for picture in chosen(ledger, *frames):
                trim(ledger.engine, folders(ledger), [picture], Why.BUDGET, now_ns=NOW_NS)
            os._exit(0)
        wait_until(lambda first=frames[0]: row(ledger, first).picture_gone_why, timeout_s=20)
        time.sleep(0.003 * kill)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = report(ledger)
        assert found.missing_files == []
        assert sorted(sweep(ledger.engine, ledger.settings.media)) == found.stray_files
        assert well(ledger)


def test_a_line_that_stops_does_not_wait_for_the_last_picture(ledger: Ledger) -> None:
    frames = [ledger.add("defect", picture=grey_picture()) for _ in range(FRAMES_AT_ONCE + 5)]
    trim(ledger.engine, folders(ledger), chosen(ledger, *frames), Why.AGE, now_ns=NOW_NS, ended=lambda: True)
    assert len(files(ledger)) == 5
    assert well(ledger)


def test_a_path_that_leads_out_of_the_media_folder_is_left_alone(ledger: Ledger) -> None:
    secret = ledger.settings.data / "secret.jpg"
    secret.parent.mkdir(exist_ok=True)
    secret.write_bytes(b"not a picture")
    frame = ledger.add("defect", picture_path="../secret.jpg")
    trim(ledger.engine, folders(ledger), chosen(ledger, frame), Why.AGE, now_ns=NOW_NS)
    assert secret.exists()


def test_verify_on_a_running_line_takes_no_trimmed_picture_for_a_lost_one(ledger: Ledger, tmp_path: Path) -> None:
    """The record is read, then pictures are trimmed, then the disk is read: played here by a link that never was."""
    frame = ledger.add_defect()
    media = ledger.settings.media

    class Slow(type(media)):  # type: ignore[misc]
        def rglob(self, pattern: str) -> object:
            trim(ledger.engine, folders(ledger), chosen(ledger, frame), Why.AGE, now_ns=NOW_NS)
            return super().rglob(pattern)

    found = verify(ledger.engine, journals=tmp_path / "none", media=Slow(media))
    assert found.missing_files == found.stray_files == []


@pytest.mark.sqlite
def test_the_media_folder_of_another_record_is_left_alone(ledger: Ledger, new: Callable[[str], Ledger]) -> None:
    ledger.add_defect()
    own(ledger.engine, ledger.settings.media)
    own(ledger.engine, ledger.settings.media)
    other = new("other")
    with pytest.raises(EdgeError, match="are those of the record"):
        own(other.engine, ledger.settings.media)
    assert well(ledger)


@pytest.mark.sqlite
def test_a_record_that_is_new_does_not_take_pictures_that_are_there(
    ledger: Ledger, new: Callable[[str], Ledger]
) -> None:
    ledger.add_defect()
    with pytest.raises(EdgeError, match="does not know"):
        own(new("other").engine, ledger.settings.media)
    assert not (ledger.settings.media / NAME_FILE).exists()
    own(ledger.engine, ledger.settings.media)  # its own record knows the newest of them
    assert (ledger.settings.media / NAME_FILE).exists()


def test_a_nameless_folder_without_the_records_pictures_is_not_taken_for_its_own(ledger: Ledger) -> None:
    """The disk with the pictures is not mounted; a line began to write to the folder beneath it all the same."""
    ledger.add_defect()
    media, away = ledger.settings.media, ledger.settings.data / "away"
    media.rename(away)
    media.mkdir()
    with pytest.raises(EdgeError, match="Mount the disk"):
        own(ledger.engine, media)
    ledger.add_defect()
    with pytest.raises(EdgeError, match="Mount the disk"):
        own(ledger.engine, media)
    assert not (media / NAME_FILE).exists()
    shutil.copytree(away, media, dirs_exist_ok=True)
    own(ledger.engine, media)
    assert (media / NAME_FILE).exists()


def test_frames_that_bundles_name_are_found(ledger: Ledger) -> None:
    frame = ledger.add_defect()
    described = ledger.settings.bundles / "pcb" / "3" / "bundle.json"
    described.parent.mkdir(parents=True)
    described.write_text('{"references": [{"file": "0.png", "source": "frame night-1/top/1"}, {"source": "a.png"}]}')
    taught = frames_taught(ledger.settings.bundles)
    assert taught == {("night-1", "top", 1)}
    assert ids_of(ledger.engine, taught | {("night-1", "top", 99)}) == {frame}
    assert [picture.taught for picture in kept_pictures(ledger.engine, {frame})] == [True]
    described.write_text("{")
    with pytest.raises(EdgeError, match="cannot be read"):
        frames_taught(ledger.settings.bundles)


@pytest.mark.sqlite
def test_the_sums_are_read_from_the_index_alone(ledger: Ledger) -> None:
    """Half a million rows are looked at once a minute, beside the line's work."""
    with sqlite3.connect(str(ledger.settings.database)) as connection:
        (plan,) = connection.execute(
            "EXPLAIN QUERY PLAN SELECT sum(media_bytes) FROM inspection WHERE media_bytes IS NOT NULL"
        ).fetchall()
    connection.close()
    assert "COVERING INDEX ix_inspection_kept" in plan[3]


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Callable[[str], Ledger]]:
    made: list[Ledger] = []

    def make(name: str) -> Ledger:
        made.append(new_ledger(tmp_path / name))
        return made[-1]

    yield make
    for ledger in made:
        ledger.engine.dispose()


def folders(ledger: Ledger) -> Folders:
    return Folders(ledger.settings.media, ledger.settings.thumbnails)


def chosen(ledger: Ledger, *frames: int) -> list[KeptPicture]:
    return [picture for picture in kept_pictures(ledger.engine) if picture.id in frames]


def row(ledger: Ledger, frame: int) -> Inspection:
    with Session(ledger.engine) as session:
        return session.get_one(Inspection, frame)


def files(ledger: Ledger) -> list[Path]:
    return [path for path in ledger.settings.media.rglob("*") if path.is_file()]


def report(ledger: Ledger) -> Report:
    return verify(ledger.engine, journals=ledger.settings.journals, media=ledger.settings.media)


def well(ledger: Ledger) -> bool:
    found = report(ledger)
    return not found.missing_files and not found.stray_files


def review(ledger: Ledger, frame: int, verdict: ReviewVerdict) -> None:
    engine: Engine = open_engine(ledger.settings.database, writes=True)
    add_reviews(engine, [frame], verdict, reviewer="Eva", reviewed_ns=time.time_ns())
    engine.dispose()


def test_what_an_earlier_version_kept_is_weighed(ledger: Ledger) -> None:
    ledger.add("defect", picture=grey_picture(), anomaly_map=map_with_spot(), media_bytes=0)
    ledger.add("defect", picture_path="2026-01-01/night-1/top/00000009.jpg", media_bytes=0)  # its file is missing
    assert weigh(ledger.engine, ledger.settings.media) == 2
    assert weigh(ledger.engine, ledger.settings.media) == 0
    assert kept_bytes(ledger.engine) == 1 + sum(path.stat().st_size for path in files(ledger))
