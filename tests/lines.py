"""Real processes of a line for tests: a supervisor's table with the numpy scorer's worker, and what they recorded."""

import json
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, joinedload

from edge.hang import Limits
from edge.ledger.beats import WORKER, capture_name, read_beats
from edge.ledger.counts import RunCount, highest_number
from edge.ledger.record import Inspection, open_engine
from edge.ledger.verify import Report, verify
from edge.process_table import Program, Role
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.new_record import new_record

RUN = "storm"


def number_line(
    settings: Settings,
    *folders: Path,
    delay_s: float = 0.0,
    poison: int | None = None,
    stuck: int | None = None,
    limits: Limits | None = None,
    more: Sequence[Program] = (),
) -> Supervisor:
    """A line of real processes that inspects folders of numbered pictures; only the scorer is not the real one.

    A folder's process is called `capture-FOLDER`, as in a real line.
    poison: the number of the picture that kills workers;  stuck: of the one that they never finish
    limits: when worker and captures count as hung; None: never.  more: processes of the line besides
    """
    cameras = {folder.name: str(folder) for folder in folders}
    worker = ["-m", "tests.number_worker", str(delay_s), str(poison or 0), str(stuck or 0)]
    return _line(settings, cameras, ["--category", "numbers", "--once"], worker, limits, more)


def camera_line(
    settings: Settings,
    cameras: Mapping[str, str],
    *,
    worker: Sequence[str] = ("-m", "tests.number_worker"),
    limits: Limits | None = None,
) -> Supervisor:
    """The same with any cameras, by name: their addresses. Nobody calibrated them, and they go on for ever."""
    return _line(settings, cameras, [], worker, limits)


def _line(
    settings: Settings,
    cameras: Mapping[str, str],
    options: list[str],
    worker: Sequence[str],
    limits: Limits | None,
    more: Sequence[Program] = (),
) -> Supervisor:
    new_record(settings.database)
    engine = open_engine(settings.database)
    count = RunCount(engine, RUN)
    environment = settings.child_environment()
    table = [Program(WORKER, Role.WORKER, worker, environment, patience_s=3.0, limits=limits)]
    captures = {capture_name(camera): camera for camera in cameras}
    for camera, address in cameras.items():
        capture = ["-m", "edge.cli", "capture", "--run", RUN, "--name", camera, *options]
        own = {**environment, "EDGE_CAMERA": address}
        table.append(Program(capture_name(camera), Role.CAPTURE, capture, own, patience_s=4.0, limits=limits))
    supervisor = Supervisor(
        [*table, *more],
        logs=settings.logs,
        rows=lambda name: highest_number(engine, RUN, captures[name]) if name in captures else count.look().total,
        beats=partial(read_beats, settings.beats),
    )
    weakref.finalize(supervisor, engine.dispose)
    return supervisor


def wait_until(
    condition: Callable[[], object],
    *,
    timeout_s: float,
    tick: Callable[[], None] = lambda: None,
    every_s: float = 0.002,
) -> None:
    """Tick until the condition holds. every_s: longer where nothing hangs on the moment; a look at the record costs."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come to pass"
        tick()
        time.sleep(every_s)


def is_scoring(settings: Settings) -> bool:
    """Whether the worker is at a batch at this moment, by its own note."""
    note = settings.scoring
    return note.exists() and bool(json.loads(note.read_text())["scoring"])


def held_by(settings: Settings) -> str:
    """What the worker waits for by its last heartbeat; empty: for nothing."""
    beat = read_beats(settings.beats).get(WORKER)
    return (beat and beat.held_by) or ""


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


def recorded_by_camera(settings: Settings) -> Counter[str]:
    """Frames recorded by now, by camera."""
    counted = "SELECT name, count(*) AS frames FROM inspection JOIN camera ON camera.id = camera_id GROUP BY name"
    engine = open_engine(settings.database)
    with engine.connect() as connection:
        found = Counter({row.name: row.frames for row in connection.execute(text(counted))})
    engine.dispose()
    return found


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
