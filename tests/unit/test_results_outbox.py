"""The outbox of results: written with the outcome, kept until delivered, one output apart from the other."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from edge.frame import PartIdentity
from edge.ledger.outbox import OutboxRow, backlog, delivered, give_up_oldest, subscribe, waiting
from edge.ledger.record import Inspection, open_engine, unit_of_work
from edge.ledger.writer import Entry, Writer
from edge.verdict import Outcome, Reason, Verdict, not_inspected
from tests.fakes import numbered_frame
from tests.ledger_rows import Ledger


@pytest.fixture
def writer(ledger: Ledger) -> Iterator[Writer]:
    engine = open_engine(ledger.settings.database, writes=True)
    writer = Writer(engine, ledger.settings.media)
    writer.register("run", "cam", source="demo:pcb", category="pcb")
    yield writer
    engine.dispose()


def entry(seq: int, outcome: Outcome = Outcome.OK, *, serial: str | None = None) -> Entry:
    verdict = not_inspected(Reason.LATE) if outcome is Outcome.NOT_INSPECTED else Verdict(Outcome.OK, score=0.1)
    if outcome is Outcome.DEFECT:
        verdict = Verdict(outcome, Reason.ABOVE_THRESHOLD, score=2.0)
    return Entry(replace(numbered_frame(seq).info, identity=PartIdentity("board", "L7", serial)), verdict)


def seqs(ledger: Ledger, output: str, *, limit: int = 100, but: tuple[int, ...] = ()) -> list[int]:
    return [one.inspection.seq for one in waiting(ledger.engine, output, limit=limit, but=but)]


def test_without_an_output_nothing_is_kept_for_one(ledger: Ledger, writer: Writer) -> None:
    writer.write([entry(1)])
    with Session(ledger.engine) as session:
        assert session.scalar(select(func.count()).select_from(OutboxRow)) == 0


def test_each_output_is_told_of_each_outcome_until_it_says_that_it_was(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt", "webhook"])
    writer.write([entry(1), entry(2, Outcome.DEFECT)])
    writer.write([entry(2), entry(3, Outcome.NOT_INSPECTED)])  # frame 2 again, as after a worker's death
    assert seqs(ledger, "mqtt") == seqs(ledger, "webhook") == [1, 2, 3]
    first, second, _ = waiting(ledger.engine, "mqtt", limit=3)
    assert (second.inspection.outcome, second.inspection.run.name, second.inspection.camera.name) == (
        "defect",
        "run",
        "cam",
    )
    delivered(ledger.engine, [first.id, second.id])
    assert (seqs(ledger, "mqtt"), seqs(ledger, "webhook")) == ([3], [1, 2, 3])
    assert backlog(ledger.engine, "webhook").waiting == 3
    assert backlog(ledger.engine, "webhook").oldest_ns == first.inspection.captured_ns


def test_a_failed_transaction_leaves_nothing_in_the_outbox(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt"])
    with pytest.raises(RuntimeError), unit_of_work(ledger.engine) as session:
        session.add(OutboxRow(output="mqtt", inspection_id=1))
        raise RuntimeError
    ledger.settings.data.mkdir(exist_ok=True)
    ledger.settings.media.write_text("a file where the folder should be")
    flagged = Entry(entry(1).info, Verdict(Outcome.DEFECT, Reason.ABOVE_THRESHOLD), numbered_frame(1).pixels)
    with pytest.raises(OSError):
        writer.write([flagged])
    assert seqs(ledger, "mqtt") == []


def test_what_cannot_be_announced_is_not_recorded_either(ledger: Ledger, writer: Writer) -> None:
    """One transaction: there is no outbox, and the outcome is not there either."""
    subscribe(ledger.engine, ["mqtt"])
    with ledger.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    with pytest.raises(DatabaseError):
        writer.write([entry(1)])
    with Session(ledger.engine) as session:
        assert session.scalar(select(func.count()).select_from(Inspection)) == 0


def test_what_commits_late_with_an_early_number_is_delivered_all_the_same(ledger: Ledger, writer: Writer) -> None:
    """As PostgreSQL allows it, with two writers at once: ids are given before the commit."""
    writer.write([entry(1), entry(2)])
    with unit_of_work(ledger.engine) as session:
        session.add(OutboxRow(id=20, output="mqtt", inspection_id=2))
    delivered(ledger.engine, [one.id for one in waiting(ledger.engine, "mqtt", limit=10)])
    with unit_of_work(ledger.engine) as session:
        session.add(OutboxRow(id=19, output="mqtt", inspection_id=1))
    assert seqs(ledger, "mqtt") == [1]


def test_an_id_is_not_given_again_after_its_row_was_delivered(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt"])
    ids = []
    for seq in (1, 2):
        writer.write([entry(seq)])
        ids += [one.id for one in waiting(ledger.engine, "mqtt", limit=10)]
        delivered(ledger.engine, ids)
    assert len(set(ids)) == 2


def test_what_is_set_aside_lets_the_next_pass(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt"])
    writer.write([entry(seq) for seq in range(1, 6)])
    first = waiting(ledger.engine, "mqtt", limit=1)[0]
    assert seqs(ledger, "mqtt", limit=2, but=(first.id,)) == [2, 3]


def test_a_part_is_judged_by_all_its_frames_in_the_run(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt"])
    writer.register("run", "side", source="demo:pcb", category="pcb")
    other = Entry(replace(entry(1, serial="1").info, camera="side"), not_inspected(Reason.LATE))
    writer.write([entry(1, serial="1"), entry(2, serial="2"), entry(3), other])
    parts = [one.part for one in waiting(ledger.engine, "mqtt", limit=10)]
    both = {Outcome.OK: 1, Outcome.NOT_INSPECTED: 1}
    assert parts == [both, {Outcome.OK: 1}, {Outcome.OK: 1}, both]


def test_an_output_that_is_no_longer_wanted_is_forgotten_and_what_it_missed_is_said(
    ledger: Ledger, writer: Writer
) -> None:
    subscribe(ledger.engine, ["mqtt", "webhook"])
    writer.write([entry(1), entry(2)])
    assert subscribe(ledger.engine, ["mqtt"]) == {"webhook": 2}
    assert subscribe(ledger.engine, ["mqtt"]) == {}
    assert seqs(ledger, "webhook") == []
    writer.write([entry(3)])
    assert (seqs(ledger, "mqtt"), seqs(ledger, "webhook")) == ([1, 2, 3], [])


def test_beyond_its_bound_the_oldest_are_given_up_and_counted(ledger: Ledger, writer: Writer) -> None:
    subscribe(ledger.engine, ["mqtt", "webhook"])
    writer.write([entry(seq) for seq in range(1, 11)])
    assert give_up_oldest(ledger.engine, "mqtt", keep=4) == 6
    assert (seqs(ledger, "mqtt"), len(seqs(ledger, "webhook"))) == ([7, 8, 9, 10], 10)
    assert give_up_oldest(ledger.engine, "mqtt", keep=4) == 0
