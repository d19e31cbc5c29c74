"""The wall clock is set back an hour while frames are under way: order and outcomes stay, no latency is negative."""

import time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.pace import pace
from edge.frame import FrameInfo
from edge.ledger.counts import RunCount
from edge.ledger.record import Inspection
from edge.ledger.verify import verify
from edge.ledger.writer import Entry, Writer
from edge.line.deadline import deadline_after, from_wall, to_wall
from edge.line.journal import Journal
from edge.verdict import Outcome, Verdict
from tests.ledger_rows import Ledger
from tests.lines import rows

HOUR_NS = 3600 * 10**9


def test_frames_from_before_the_clock_was_set_back_keep_their_order_and_have_no_negative_latency(
    ledger: Ledger,
) -> None:
    settings, now_ns = ledger.settings, time.time_ns()
    writer = Writer(ledger.engine, settings.media)
    writer.register("clock", "cam", source="s", category=None)
    infos: list[FrameInfo] = []
    with Journal(settings.journals, run="clock", camera="cam", source="s", category=None) as journal:
        for captured_ns in (now_ns + HOUR_NS, now_ns + HOUR_NS + 1, now_ns, now_ns + 1):
            infos.append(journal.append(captured_ns=captured_ns, source="s"))
    writer.write([Entry(info, Verdict(Outcome.OK, score=0.0, threshold=1.0, category="c")) for info in infos])
    found = [row for row in rows(settings) if row.camera.name == "cam"]
    assert [row.seq for row in found] == [1, 2, 3, 4]
    assert [row.captured_ns for row in found] == [info.captured_ns for info in infos]
    assert all(row.latency_ms >= 0 for row in found)
    report = verify(ledger.engine, journals=settings.journals, media=settings.media, run="clock")
    assert report.accounts[0].balanced


def test_after_the_clock_was_set_back_frames_of_the_hour_that_comes_twice_do_not_count_as_new(ledger: Ledger) -> None:
    now_ns = time.time_ns()
    for tenths in range(100):
        ledger.add("ok", captured_ns=now_ns + HOUR_NS + tenths * 10**8)
    for tenths in range(50, 0, -1):
        ledger.add("ok", captured_ns=now_ns - tenths * 10**8)
    with Session(ledger.engine) as session:
        frames = session.execute(select(Inspection.captured_ns, Inspection.latency_ms)).all()
    assert pace([(row.captured_ns, row.latency_ms) for row in frames], now_ns).frames_per_s == 5.0
    assert RunCount(ledger.engine, "night-1").look().frames_per_s == pytest.approx(10)


def test_a_deadline_is_counted_by_a_clock_that_nobody_sets() -> None:
    """What was told to another process by the wall clock comes back as the same moment of the steady one."""
    due_ns = deadline_after(time.time_ns(), 60.0)
    assert due_ns is not None
    assert abs(due_ns - time.monotonic_ns() - 60 * 10**9) < 10**9
    told_ns = from_wall(to_wall(due_ns))
    assert told_ns is not None and abs(told_ns - due_ns) < 10**9
    assert deadline_after(time.time_ns(), None) is to_wall(None) is from_wall(None) is None
    from_tomorrow = deadline_after(time.time_ns() + 24 * HOUR_NS, 60.0)  # captured before the clock was set back
    assert from_tomorrow is not None and from_tomorrow - time.monotonic_ns() < 61 * 10**9
