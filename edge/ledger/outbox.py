"""What outputs have not been told yet: a row an outcome and output, written in the outcome's own transaction.

A row is there until its output says that it was delivered; there is no cursor. So a kill at any moment repeats at most
what was under way, and a transaction that commits late is delivered late and never passed over.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Engine, ForeignKey, Index, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from edge.ledger.record import Base, BigKey, Inspection, unit_of_work
from edge.verdict import Outcome

MOST_WAITING = 2_000_000
"""Undelivered outcomes kept for one output; beyond, the oldest are given up, so that the disk does not fill."""

TRIM_STEP = 5_000  # rows given up in one transaction, so that the line's writer does not wait for long
DELETE_STEP = 500  # SQLite takes about a thousand values in one statement on old systems


class Output(Base):
    """Somebody who is to be told of every outcome since `since_ns`."""

    __tablename__ = "output"

    name: Mapped[str] = mapped_column(primary_key=True)
    since_ns: Mapped[int] = mapped_column(BigInteger)


class OutboxRow(Base):
    """An outcome that an output has not been told yet. An id is never given twice."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_output", "output", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    output: Mapped[str]
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)

    inspection: Mapped[Inspection] = relationship()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outcome to be delivered. id: of its row in the outbox

    part: outcomes of this part's frames in this run, as far as they are recorded; a frame without a serial number is a
          part of its own
    """

    id: int
    inspection: Inspection
    part: Mapping[Outcome, int]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What an output has still to be told; oldest_ns: the capture of the first frame among it."""

    waiting: int
    oldest_ns: int | None


def subscribe(engine: Engine, names: Collection[str]) -> dict[str, int]:
    """From now on tell these outputs, and no others, of every outcome. engine: opened for writing, here and below.

    Returns the outputs that are told no more, with what they were never told.
    """
    with unit_of_work(engine) as session:
        known = {row.name: row for row in session.scalars(select(Output))}
        dropped = {}
        for name in known.keys() - set(names):
            dropped[name] = _backlog(session, name).waiting
            session.execute(delete(OutboxRow).where(OutboxRow.output == name))
            session.delete(known[name])
        session.add_all(Output(name=name, since_ns=time.time_ns()) for name in set(names) - known.keys())
        return dropped


def announce(session: Session, rows: Sequence[Inspection]) -> None:
    """Put these outcomes, which are added in the same transaction, into the outbox of every output."""
    names = session.scalars(select(Output.name).order_by(Output.name)).all()
    if rows and names:
        session.flush()  # gives the rows their ids
        told = [{"output": name, "inspection_id": row.id} for name in names for row in rows]
        session.execute(insert(OutboxRow), told)


def waiting(engine: Engine, output: str, *, limit: int, but: Collection[int] = ()) -> list[Waiting]:
    """The oldest outcomes that this output was not told, but for those whose rows have these ids."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.output == output, OutboxRow.id.not_in(but))
        .order_by(OutboxRow.id)
        .limit(limit)
        .options(*(joinedload(OutboxRow.inspection).joinedload(each) for each in _TOLD))
    )
    with Session(engine, expire_on_commit=False) as session:
        rows = list(session.scalars(query))
        parts = _parts(session, [row.inspection for row in rows])
        return [Waiting(row.id, row.inspection, parts[row.inspection.id]) for row in rows]


def delivered(engine: Engine, ids: Collection[int]) -> None:
    """Forget these rows of the outbox: their output was told."""
    in_order = sorted(ids)
    for start in range(0, len(in_order), DELETE_STEP):
        with unit_of_work(engine) as session:
            session.execute(delete(OutboxRow).where(OutboxRow.id.in_(in_order[start : start + DELETE_STEP])))


def backlog(engine: Engine, output: str) -> Backlog:
    """How much this output has still to be told."""
    with Session(engine) as session:
        return _backlog(session, output)


def give_up_oldest(engine: Engine, output: str, *, keep: int = MOST_WAITING) -> int:
    """Keep only the newest `keep` outcomes for this output; returns how many it will never be told."""
    given_up = 0
    while (over := backlog(engine, output).waiting - keep) > 0:
        oldest = select(OutboxRow.id).where(OutboxRow.output == output).order_by(OutboxRow.id)
        with unit_of_work(engine) as session:
            ids = oldest.limit(min(over, TRIM_STEP)).scalar_subquery()
            session.execute(delete(OutboxRow).where(OutboxRow.id.in_(ids)))
        given_up += min(over, TRIM_STEP)
    return given_up


_TOLD = Inspection.run, Inspection.camera, Inspection.judged_by


def _backlog(session: Session, output: str) -> Backlog:
    mine = OutboxRow.output == output
    oldest = select(Inspection.captured_ns).join(OutboxRow).where(mine).order_by(OutboxRow.id).limit(1)
    return Backlog(session.scalar(select(func.count()).where(mine)) or 0, session.scalar(oldest))


def _parts(session: Session, rows: Sequence[Inspection]) -> dict[int, dict[Outcome, int]]:
    """By row: how the frames of its part ended in its run."""
    numbers = {row.serial for row in rows if row.serial is not None}
    key = Inspection.run_id, Inspection.part, Inspection.serial
    counts: defaultdict[tuple[int, str | None, str | None], dict[Outcome, int]] = defaultdict(dict)
    if numbers:
        runs = {row.run_id for row in rows}
        query = select(*key, Inspection.outcome, func.count()).group_by(*key, Inspection.outcome)
        for run_id, part, serial, outcome, frames in session.execute(
            query.where(Inspection.serial.in_(numbers), Inspection.run_id.in_(runs))
        ):
            counts[run_id, part, serial][Outcome(outcome)] = frames
    return {
        row.id: {Outcome(row.outcome): 1} if row.serial is None else counts[row.run_id, row.part, row.serial]
        for row in rows
    }
