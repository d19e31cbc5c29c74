"""`edge run`: one command starts the whole line on one machine, shows it, and accounts for every frame at its end."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from edge import lock
from edge.errors import EdgeError
from edge.ledger.beats import SUPERVISOR
from edge.ledger.counts import Counts, RunCount
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.ledger.verify import account, settle
from edge.line.capture_options import CaptureOptions
from edge.line.journal import new_run
from edge.logs import logged_to
from edge.preflight import check_wishes, only_line, with_categories
from edge.process_table import LineStopped
from edge.running_line import RunningLine
from edge.settings import Settings
from edge.stop_signals import stop_signals
from edge.teller import want
from edge.verdict import Reason

TICK_S = 0.2
SHOW_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run in numbers. `balanced`: every numbered frame has exactly one outcome."""

    run: str
    numbered: int
    counts: Counts
    restarts: dict[str, int]
    balanced: bool
    duration_s: float


def run_line(
    settings: Settings,
    captures: Sequence[CaptureOptions],
    *,
    page: bool,
    check: bool = False,
    say: Callable[[str], None],
    show: Callable[[int, Counts], None],
) -> Summary:
    """Start capture, worker and page, and keep them running until the sources end (`once`) or a signal comes.

    check: whether every category's check must have passed first
    say: told once what a person should know;  show: told the frames numbered and the counts, about twice a second.
    Raises EdgeError for what the user can mend, before anything is started, and LineStopped.
    """
    check_wishes(settings, captures, page=page)
    prepare(settings.database)
    run = new_run()
    with (
        lock.hold(settings.data, run=run),
        only_line(settings),
        logged_to(settings.logs / f"{SUPERVISOR}.log"),
    ):
        want(settings)
        captures = with_categories(settings, captures, run=run, check=check, say=say)
        if settled := _settle(settings, Reason.CAPTURE_DIED):
            say(f"{settled} frames of an earlier run that died were recorded as not inspected: capture_died")
        say("starting: the worker loads its encoder")
        started_s = time.monotonic()
        line = RunningLine(settings, captures, run=run, page=page)
        failure: str | None = "the line was interrupted"
        try:
            _tend(line, settings, once=all(options.once for options in captures), page=page, say=say, show=show)
            failure = None
        except (EdgeError, LineStopped) as error:
            failure = str(error)
            raise
        finally:
            line.end(failure)
            _settle_last(settings, say)
        return _summary(settings, run=run, restarts=line.restarts, duration_s=time.monotonic() - started_s)


def _tend(
    line: RunningLine,
    settings: Settings,
    *,
    once: bool,
    page: bool,
    say: Callable[[str], None],
    show: Callable[[int, Counts], None],
) -> None:
    """Keep the line running until its sources end or a signal comes, then stop it in order."""
    with stop_signals() as asked:
        for _ in _ticks(line.tick, asked, ended=lambda: once and line.exhausted):
            show(line.numbered(), line.counts())
            line.tell_alarms(say)
            if page and _listens(settings.page_host, settings.page_port):
                say(f"page: {settings.page_address}")
                page = False
        if asked:
            say("stopping: frames in flight are recorded first")
        line.stop()


def _ticks(tick: Callable[[], None], asked: Sequence[int], *, ended: Callable[[], bool]) -> Iterator[None]:
    """Tick a few times a second; yields about twice a second, until a signal or the end."""
    shown_s = 0.0
    while not asked:
        time.sleep(TICK_S)
        tick()
        over = ended()
        if over or time.monotonic() - shown_s > SHOW_EVERY_S:
            shown_s = time.monotonic()
            yield
        if over:
            return


def _summary(settings: Settings, *, run: str, restarts: dict[str, int], duration_s: float) -> Summary:
    """What the journals numbered against what the record holds, at the run's end."""
    engine = open_engine(settings.database)
    try:
        accounts, counts = account(engine, journals=settings.journals, run=run), RunCount(engine, run).look()
    finally:
        engine.dispose()
    numbered, balanced = sum(each.numbered or 0 for each in accounts), all(each.balanced for each in accounts)
    return Summary(run, numbered, counts, restarts, balanced, duration_s)


def _settle(settings: Settings, reason: Reason) -> int:
    """Give every frame that a dead process left without an outcome this one; how many those were."""
    engine = open_engine(settings.database, writes=True)
    with lock.alone(settings.data):
        settled = settle(engine, reason, journals=settings.journals, media=settings.media)
    engine.dispose()
    return settled


def _settle_last(settings: Settings, say: Callable[[str], None]) -> None:
    """Give what a killed process left without an outcome its outcome, and say so; or that it cannot be written now."""
    try:
        settled = _settle(settings, Reason.STOPPED)
    except (OperationalError, OSError) as error:
        say(f"frames in flight could not be recorded as stopped ({error}); the next `edge run` here records them")
        return
    if settled:
        say(f"{settled} frames were in flight when a process was killed; they are recorded as stopped")


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.2).close()
    except OSError:
        return False
    return True
