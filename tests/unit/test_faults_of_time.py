"""The wall clock is set back an hour while frames are under way: order and outcomes stay, no latency is negative."""

import time

from edge.frame import FrameInfo
from edge.ledger.verify import verify
from edge.ledger.writer import Entry, Writer
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
