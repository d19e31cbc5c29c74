"""Real processes of a line for tests: a supervisor's table with the numpy scorer's worker, and what they recorded."""

import json
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, joinedload

from edge.ledger.counts import RunCount
from edge.ledger.record import Inspection, open_engine
from edge.ledger.schema import prepare
from edge.ledger.verify import Report, verify
from edge.settings import Settings
from edge.supervisor import Program, Role, Supervisor

RUN = "storm"


def number_line(settings: Settings, folder: Path, *, delay_s: float = 0.0, poison: int | None = None) -> Supervisor:
    """A line of real processes that inspects a folder of numbered pictures; only the scorer is not the real one."""
    prepare(settings.database)
    engine = open_engine(settings.database)
    count = RunCount(engine, RUN)
    worker = ["-m", "tests.number_worker", str(delay_s), *([] if poison is None else [str(poison)])]
    capture = ["-m", "edge.cli", "capture", "--run", RUN, "--category", "numbers", "--once"]
    environment = settings.child_environment()
    table = [
        Program("worker", Role.WORKER, worker, environment, patience_s=3.0),
        Program("capture", Role.CAPTURE, capture, {**environment, "EDGE_CAMERA": str(folder)}, patience_s=4.0),
    ]
    supervisor = Supervisor(table, logs=settings.logs, rows=lambda: count.look().total)
    weakref.finalize(supervisor, engine.dispose)
    return supervisor


def wait_until(condition: Callable[[], object], *, timeout_s: float, tick: Callable[[], None] = lambda: None) -> None:
    """Tick until the condition holds."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come to pass"
        tick()
        time.sleep(0.002)


def is_scoring(settings: Settings) -> bool:
    """Whether the worker is at a batch at this moment, by its own note."""
    note = settings.data / "scoring.json"
    return note.exists() and bool(json.loads(note.read_text())["scoring"])


def rows(settings: Settings) -> list[Inspection]:
    """All rows, in order of commit."""
    engine = open_engine(settings.database)
    with Session(engine) as session:
        query = (
            select(Inspection)
            .options(joinedload(Inspection.judged_by), joinedload(Inspection.camera))
            .order_by(Inspection.id)
        )
        found = list(session.scalars(query))
    engine.dispose()
    return found


def recorded(settings: Settings) -> int:
    """How many rows there are; cheap enough to ask all the time beside the processes that are watched."""
    engine = open_engine(settings.database)
    with engine.connect() as connection:
        count = int(connection.scalar(text("SELECT count(*) FROM inspection")))
    engine.dispose()
    return count


def report(settings: Settings) -> Report:
    """What `edge verify` finds."""
    engine = open_engine(settings.database)
    found = verify(engine, journals=settings.journals, media=settings.media)
    engine.dispose()
    return found


def recorded_yet(settings: Settings) -> int:
    """The same where a worker may still be making the record."""
    try:
        return recorded(settings)
    except OperationalError:
        return 0
