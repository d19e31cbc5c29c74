"""Reviews in the record: who said what of which frame, never edited, the latest counts; by command and page."""

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from edge.cli import app
from edge.errors import EdgeError
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.reviewed import count_without_picture, flagged_frames, judged_frames, stored_frames
from edge.ledger.reviews import ReviewVerdict, add_reviews, review_frames, reviews_of, undo_reviews
from tests.ledger_rows import JUDGED, Ledger
from tests.page_client import page_client

FALSE_ALARM, CONFIRMED, UNSURE = ReviewVerdict.FALSE_ALARM, ReviewVerdict.CONFIRMED_DEFECT, ReviewVerdict.UNSURE


def say(ledger: Ledger, verdict: ReviewVerdict, *frames: int, by: str = "anna") -> None:
    add_reviews(ledger.engine, frames, verdict, reviewer=by, reviewed_ns=time.time_ns())


def command(ledger: Ledger, *words: str) -> Result:
    result = CliRunner().invoke(app, ["review", *words, "--data", str(ledger.settings.data)])
    if isinstance(result.exception, EdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_a_review_holds_who_said_what_when_and_of_which_bundles_verdict(ledger: Ledger) -> None:
    frame = ledger.add_defect()
    add_reviews(ledger.engine, [frame], CONFIRMED, reviewer=" anna ", reviewed_ns=7, kind="scratch", note="at the rim")
    with Session(ledger.engine) as session:
        (review,) = reviews_of(session, frame)
    assert (review.inspection_id, review.verdict, review.reviewer) == (frame, "confirmed_defect", "anna")
    assert (review.reviewed_ns, review.bundle) == (7, JUDGED["bundle"])
    assert (review.kind, review.note) == ("scratch", "at the rim")


def test_a_changed_mind_is_a_new_row_and_counts(ledger: Ledger) -> None:
    frame = ledger.add_defect()
    say(ledger, FALSE_ALARM, frame, by="anna")
    say(ledger, CONFIRMED, frame, by="ben")
    with Session(ledger.engine) as session:
        assert [review.reviewer for review in reviews_of(session, frame)] == ["ben", "anna"]
    assert judged_frames(ledger.engine, "pcb", FALSE_ALARM) == []
    (found,) = judged_frames(ledger.engine, "pcb", CONFIRMED)
    assert (found.id, found.review and found.review.verdict) == (frame, CONFIRMED)


INSERT = "INSERT INTO review (inspection_id, verdict, reviewer, reviewed_ns, blind) SELECT inspection_id,"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE review SET verdict = 'unsure'",
        "DELETE FROM review",
        f"{INSERT} 'unsure', '  ', 1, false FROM review",
        f"{INSERT} 'no', 'anna', 1, false FROM review",
        "DELETE FROM inspection",
        pytest.param(
            "INSERT OR REPLACE INTO review SELECT id, inspection_id, verdict, 'x', 1, 0, 0, 0, 0, 0, 0 FROM review",
            marks=pytest.mark.sqlite,
        ),
    ],
)
def test_the_database_itself_refuses_what_no_review_may_be(ledger: Ledger, statement: str) -> None:
    say(ledger, FALSE_ALARM, ledger.add_defect())
    before = all_reviews(ledger)
    with pytest.raises(IntegrityError), ledger.engine.begin() as connection:
        connection.execute(text(statement))
    assert all_reviews(ledger) == before


def all_reviews(ledger: Ledger) -> list[tuple[object, ...]]:
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM review"))]


def test_what_cannot_be_reviewed_is_refused_and_nothing_is_recorded(ledger: Ledger) -> None:
    defect, ok, lost = ledger.add_defect(), ledger.add("ok", category="pcb"), ledger.add("not_inspected", reason="late")
    for frame, verdict, message in [
        (99, FALSE_ALARM, "no frame 99"),
        (2**70, FALSE_ALARM, "no frame"),
        (lost, UNSURE, "was not inspected"),
        (ok, FALSE_ALARM, "nothing was flagged"),
    ]:
        with pytest.raises(EdgeError, match=message):
            say(ledger, verdict, defect, frame)
    with pytest.raises(EdgeError, match="reviewer"):
        say(ledger, FALSE_ALARM, defect, by=" ")
    assert [frame.review for frame in stored_frames(ledger.engine, "pcb")] == [None]
    say(ledger, CONFIRMED, ok)  # a defect that the line let pass
    assert [frame.id for frame in judged_frames(ledger.engine, "pcb", CONFIRMED)] == [ok]


def test_frames_are_found_by_category_run_time_and_review(ledger: Ledger) -> None:
    first, second = ledger.add_defect(captured_ns=10**18), ledger.add_defect(captured_ns=2 * 10**18)
    other, passed = ledger.add_defect(category="tile"), ledger.add("ok", category="pcb")
    say(ledger, FALSE_ALARM, first)
    engine = ledger.engine
    assert [frame.id for frame in flagged_frames(engine, category=None, unreviewed=False, limit=2)] == [other, second]
    assert [frame.id for frame in flagged_frames(engine, category="pcb", unreviewed=True, limit=9)] == [second]
    assert [frame.id for frame in stored_frames(engine, "pcb")] == [first, second]
    assert [frame.id for frame in stored_frames(engine, "pcb", limit=1)] == [second]
    assert [frame.id for frame in stored_frames(engine, "pcb", since_ns=2 * 10**18)] == [second]
    assert stored_frames(engine, "pcb", run="another") == []
    assert count_without_picture(engine, "pcb") == 1
    assert passed not in {frame.id for frame in stored_frames(engine, "pcb")}


def test_frames_are_given_as_numbers_commas_and_ranges(ledger: Ledger) -> None:
    first, *_, last = [ledger.add_defect(source=f"{number}.png") for number in range(5)]
    said = command(ledger, f"{first}-{first + 2},{last}", str(first + 3), "--verdict", "unsure", "--by", "bo").stdout
    assert said.count("recorded: ") == 5


def test_the_command_adds_reviews_and_lists_frames(ledger: Ledger) -> None:
    first, second = ledger.add_defect(source="a.png"), ledger.add_defect(source="b.png")
    said = command(ledger, str(first), "--verdict", "false-alarm", "--by", "anna", "--note", "glare").stdout
    assert said.startswith(f"frame {first}: top #1, a.png, at ")
    assert f"recorded: frame {first}, false alarm, by anna" in said
    listed = json.loads(command(ledger, "--list", "--json").stdout)["frames"]
    assert [frame["frame"] for frame in listed] == [second, first]
    assert listed[0]["review"] is None
    assert (listed[1]["review"]["verdict"], listed[1]["review"]["note"]) == ("false_alarm", "glare")
    left = command(ledger, "--list", "--unreviewed").stdout
    assert "b.png" in left and "a.png" not in left


def test_a_withdrawn_review_is_listed_as_such_and_cannot_be_said(ledger: Ledger) -> None:
    frame = ledger.add_defect(source="a.png")
    writes = open_engine(ledger.settings.database, writes=True)
    with unit_of_work(writes) as session:
        (said,) = review_frames(session, [frame], CONFIRMED, reviewer="anna", reviewed_ns=1)
        undo_reviews(session, [said.id], reviewer="anna", reviewed_ns=2)
    writes.dispose()
    (listed,) = json.loads(command(ledger, "--list", "--unreviewed", "--json").stdout)["frames"]
    assert (listed["frame"], listed["review"]["verdict"]) == (frame, "withdrawn")
    result = CliRunner().invoke(app, ["review", str(frame), "--verdict", "withdrawn", "--by", "anna"])
    assert result.exit_code == 2
    with pytest.raises(EdgeError, match="undoing"):
        say(ledger, ReviewVerdict.WITHDRAWN, frame)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give ids of frames, or --list"),
        (["1", "--list"], "give ids of frames, or --list"),
        (["1", "--by", "anna"], "who says what"),
        (["1", "--verdict", "unsure"], "who says what"),
    ],
)
def test_a_command_that_says_too_little_is_refused(ledger: Ledger, words: list[str], message: str) -> None:
    with pytest.raises(EdgeError, match=message):
        command(ledger, *words)


@pytest.mark.sqlite
def test_without_a_record_there_is_nothing_to_review(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["review", "--list", "--data", str(tmp_path / "empty")])
    assert isinstance(result.exception, EdgeError)
    assert not (tmp_path / "empty").exists()


def test_the_frames_page_shows_its_reviews_the_latest_first_and_as_text(ledger: Ledger) -> None:
    frame = ledger.add_defect()
    with page_client(ledger.settings) as client:
        assert "Reviews" not in client.get(f"/frames/{frame}").text
        add_reviews(ledger.engine, [frame], FALSE_ALARM, reviewer="anna", reviewed_ns=1, note="<b>glare</b>")
        say(ledger, CONFIRMED, frame, by="ben")
        page = client.get(f"/frames/{frame}").text
    assert page.index("Confirmed defect") < page.index("False alarm")
    assert "ben" in page and "anna" in page
    assert "&lt;b&gt;glare" in page and "<b>glare" not in page
