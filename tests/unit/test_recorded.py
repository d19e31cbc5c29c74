"""References from the line's own record: real SQLite, real JPEGs, and a clear word on what is not there."""

from pathlib import Path

import pytest

from calibration.references.collect import References, collect
from calibration.references.recorded import RecordedFrames, recorded_frames
from edge.errors import EdgeError
from edge.frame_ids import parse_frame_ids
from edge.settings import Settings
from tests.ledger_rows import Ledger, new_ledger
from tests.new_record import new_record
from tests.patch_encoder import grey_part


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A record with two flagged frames, 1 and 3, and between them one that was ok."""
    new_record(Settings(data=tmp_path).database)
    ledger = new_ledger(tmp_path)
    ledger.add("unsure", picture=grey_part(1), source="a.png")
    ledger.add("ok", source="b.png")
    ledger.add("defect", picture=grey_part(3), source="c.png")
    ledger.engine.dispose()
    return ledger


def test_flagged_frames_become_references_in_the_order_asked_for(ledger: Ledger) -> None:
    frames = recorded_frames(ledger.settings.database, ledger.settings.media, [3, 1])
    references = References(2)
    decisions = list(collect(RecordedFrames(ledger.settings.media, frames), references))
    assert [each.source for each in decisions if each.taken] == ["frame night-1/top/3", "frame night-1/top/1"]
    assert abs(references.taken[1].pixels.astype(int) - grey_part(1)).mean() < 8, "its JPEG"


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1, 2], r"frame 2: it has no picture: only flagged frames keep one"),
        ([1, 7, 8], r"frame 7, 8: not in the record\. A frame's page, /frames/NUMBER"),
    ],
)
def test_a_frame_without_a_picture_is_named(ledger: Ledger, ids: list[int], said: str) -> None:
    with pytest.raises(EdgeError, match=said):
        recorded_frames(ledger.settings.database, ledger.settings.media, ids)


def test_a_lost_file_is_named(ledger: Ledger) -> None:
    for file in ledger.settings.media.rglob("*.jpg"):
        file.unlink()
    with pytest.raises(EdgeError, match=r"frame 1, 3: its picture's file is gone; `edge verify`"):
        recorded_frames(ledger.settings.database, ledger.settings.media, [1, 3])


@pytest.mark.sqlite
def test_no_record_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"no record in .*(--data|EDGE_DATABASE_URL)"):
        recorded_frames(Settings(data=tmp_path).database, tmp_path, [1])
    assert list(tmp_path.iterdir()) == []


def test_frames_are_numbers_and_ranges_each_once() -> None:
    assert parse_frame_ids(["12, 15-18,16", "20"], called="--frames") == [12, 15, 16, 17, 18, 20]


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "9-3", "1,,2", "1.5"])
def test_what_is_no_list_of_frames_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match=r"is no number and no range"):
        parse_frame_ids([text], called="--frames")
