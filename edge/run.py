"""`edge run`: one command starts the whole line on one machine, shows it, and accounts for every frame at its end."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from edge import lock
from edge.camera_orders import CameraOrders
from edge.cameras import Cameras, check_bundle
from edge.capture import CaptureOptions, check_overload, new_run
from edge.errors import EdgeError
from edge.first_check import check_first
from edge.ledger.alarms import AlarmNews
from edge.ledger.beats import SUPERVISOR, Heart, capture_name, forget_beats, read_beats
from edge.ledger.camera_states import other_line
from edge.ledger.counts import Counts, RunCount, highest_number
from edge.ledger.live import forget_others
from edge.ledger.page_access import check_page
from edge.ledger.readiness import Readiness
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.ledger.verify import account, settle
from edge.line.camera import check_source
from edge.line.camera_spec import CameraSpec, Kind
from edge.line.journal import JournalCount
from edge.log_files import LogFiles
from edge.logs import logged_to, logs_json
from edge.order_desk import OrderDesk
from edge.outputs.configured import configured
from edge.programs import programs
from edge.redraws import Redraws
from edge.service_manager import ServiceManager
from edge.settings import Settings
from edge.supervisor import LineStopped, Supervisor
from edge.teller import want
from edge.verdict import Reason
from edge.vision.bundle_promotion import categories
from edge.vision.lite_adapters import INPUT_SIZE

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 0.2
LOCK_WAIT_S = 1.0  # the processes must be tended meanwhile
SHOW_EVERY_S = 0.5
DEMO_REFERENCES = 4
DEMO_RECIPE = "few-shot"  # its defects are smaller than what the default recipe joins to one token


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
    _check(settings, captures, page=page)
    prepare(settings.database)
    run = new_run()
    with lock.hold(settings.data, run=run), logged_to(settings.logs / f"{SUPERVISOR}.log"):
        if settings.database.url is not None:  # a SQLite file has this folder's lock
            _refuse_other_line(settings)
        want(settings)
        captures = [replace(options, run=run, spec=_calibrated(settings, options.spec, say)) for options in captures]
        if check:
            check_first(settings, [options.spec.category for options in captures], say)
        for spec in (options.spec for options in captures if options.spec.category is None):
            say(_uncalibrated(settings, spec))
        settled = _settle(settings, Reason.CAPTURE_DIED)
        if settled:
            say(f"{settled} frames of an earlier run that died were recorded as not inspected: capture_died")
        say("starting: the worker loads its encoder")
        started_s = time.monotonic()
        engine, writes = open_engine(settings.database), open_engine(settings.database, writes=True, wait_s=LOCK_WAIT_S)
        count = last_known(RunCount(engine, run).look)
        alarms = AlarmNews(engine, run)
        table = programs(settings, captures, page=page)
        forget_beats(settings.beats)
        supervisor = Supervisor(
            table,
            logs=settings.logs,
            rows=_recorded_by(engine, run, [options.spec.name for options in captures], count),
            beats=partial(read_beats, settings.beats),
        )
        forget_others(settings.live, [options.spec.name for options in captures])
        cameras = Cameras(settings, captures, supervisor, run=run, reads=engine, writes=writes)
        desk = OrderDesk(CameraOrders(settings, cameras).kinds, reads=engine, writes=writes)
        redraws = Redraws(reads=engine, writes=writes, logs=settings.logs, environment=settings.child_environment())
        manager, heart = ServiceManager(), Heart(settings.beats, SUPERVISOR)
        tended = (
            *(supervisor.tick, patient(desk.tick), patient(cameras.tell), patient(redraws.tick)),
            patient(lambda: heart.beat(restarts=supervisor.restarts_of_all)),
            patient(LogFiles(settings.logs).tick),
            lambda: manager.tick(lambda: _in_words(ready_now(settings, engine))),
        )
        once = all(options.once for options in captures)
        numbered = JournalCount([settings.journals / run / f"{options.spec.name}.jsonl" for options in captures])
        failure: str | None = "the line was interrupted"
        try:
            with _stop_signals() as asked:
                for _ in _ticks(tended, asked, ended=lambda: once and supervisor.captures_done):
                    show(numbered.look(), count())
                    patient(partial(_say_all, alarms, say))()
                    if page and _listens(settings.page_host, settings.page_port):
                        say(f"page: {settings.page_address}")
                        page = False
                if asked:
                    say("stopping: frames in flight are recorded first")
                manager.stopping("frames in flight are recorded first")
                supervisor.stop()
            failure = None
        except (EdgeError, LineStopped) as error:
            failure = str(error)
            manager.stopping(failure)
            raise
        finally:
            supervisor.kill()
            forget_beats(settings.beats)
            redraws.stop()
            patient(desk.close)()
            patient(partial(cameras.end, failure))()
            settled = _settle_last(settings, say)
            accounts = account(engine, journals=settings.journals, run=run)
            counts = count()
            engine.dispose()
            writes.dispose()
        if settled:
            say(f"{settled} frames were in flight when a process was killed; they are recorded as stopped")
        return Summary(
            run,
            sum(each.numbered or 0 for each in accounts),
            counts,
            supervisor.restarts,
            all(each.balanced for each in accounts),
            time.monotonic() - started_s,
        )


def _refuse_other_line(settings: Settings) -> None:
    """Raise EdgeError if a line from another data folder is at work on this station's record."""
    engine = open_engine(settings.database)
    try:
        run = other_line(engine)
    finally:
        engine.dispose()
    if run is not None:
        raise EdgeError(
            f"a line (run {run}) is at work on the record {settings.database} from another data folder or machine. "
            "Stop that one, or give each station a name of its own with EDGE_STATION."
        )


def _say_all(alarms: AlarmNews, say: Callable[[str], None]) -> None:
    for line in alarms.look():
        say(line)


def last_known(look: Callable[[], T]) -> Callable[[], T]:
    """What was counted last, while the record cannot be reached: the processes are tended all the same."""
    known = look()

    def looked() -> T:
        nonlocal known
        try:
            known = look()
        except OperationalError as error:
            log.warning("the record cannot be reached now (%s); showing what was counted last", error.orig)
        return known

    return looked


def patient(tend: Callable[[], None]) -> Callable[[], None]:
    """What is told to record and files never ends the line, whether others hold them or the disk is full.

    The next tick tries anew.
    """

    def tended() -> None:
        try:
            tend()
        except OperationalError as error:
            log.warning("the record cannot be reached now (%s); trying again", error.orig)
        except OSError as error:
            log.warning("not everything can be told now (%s); trying again", error)

    return tended


def _in_words(now: Readiness) -> str:
    """For one line of `systemctl status`."""
    return "ready" if now.line.ready else "NOT READY: " + "; ".join(reason.sentence for reason in now.line.reasons)


def _ticks(tended: Sequence[Callable[[], None]], asked: Sequence[int], *, ended: Callable[[], bool]) -> Iterator[None]:
    """Call what wants to be tended a few times a second; yields about twice a second, until a signal or the end."""
    shown_s = 0.0
    while not asked:
        time.sleep(TICK_S)
        for tend in tended:
            tend()
        over = ended()
        if over or time.monotonic() - shown_s > SHOW_EVERY_S:
            shown_s = time.monotonic()
            yield
        if over:
            return


def _recorded_by(engine: Engine, run: str, cameras: Sequence[str], count: Callable[[], Counts]) -> Callable[[str], int]:
    """How many frames are recorded by a program's name: of a capture those of its camera, else all."""
    mine = {capture_name(camera): last_known(partial(highest_number, engine, run, camera)) for camera in cameras}

    def recorded(program: str) -> int:
        return mine[program]() if program in mine else count().total

    return recorded


def _uncalibrated(settings: Settings, spec: CameraSpec) -> str:
    there = ", ".join(categories(settings.bundles)) or "none"
    return (
        f"camera {spec.name} has no category, so every frame will be unsure. {_seen_without_references(settings)} "
        f"Categories here: {there}. Use --camera {spec.redacted}=CATEGORY, or teach one: "
        "calibrate --category NAME --refs 4 --camera ..."
    )


def _seen_without_references(settings: Settings) -> str:
    """What the zero-shot heads at hand are good for, in a sentence or two."""
    if settings.encoder != "lite":
        return "Prompts that know no object give each a score, so that the most suspicious can be found."
    if settings.adapters is None and settings.input_size not in (None, INPUT_SIZE):
        return f"The map that comes with `lite` is for {INPUT_SIZE} px alone, so nothing is looked at."
    return (
        "The map of `lite` marks some damage of surfaces (spots, holes, broken edges); fine cracks go unseen, and so "
        "does what is wrong with how a part is put together."
    )


def _check(settings: Settings, captures: Sequence[CaptureOptions], *, page: bool) -> None:
    """Find out early what cannot work: a missing camera, an unknown category, an output's secret, a port in use."""
    configured(settings)
    for options in captures:
        check_source(options.spec)
        check_overload(options)
        if options.spec.category is not None:
            check_bundle(settings, options.spec.category)
    if page:
        check_page(settings)
        check_port_free(settings.page_host, settings.page_port, option="--port")
    for index, options in enumerate(captures):
        if options.trigger == "http":
            check_port_free(settings.page_host, settings.trigger_port + index, option="EDGE_TRIGGER_PORT")


def _calibrated(settings: Settings, spec: CameraSpec, say: Callable[[str], None]) -> CameraSpec:
    """The demo camera without a category gets its own, taught by `calibrate` from its first good boards."""
    if spec.kind is not Kind.DEMO or spec.category is not None:
        return spec
    category = spec.address.replace(":", "-")
    if category in categories(settings.bundles):
        check_bundle(settings, category)
        return replace(spec, category=category)
    say(f"{spec.address} teaches itself: calibrating category {category} from its first {DEMO_REFERENCES} boards")
    arguments = ["--category", category, "--refs", str(DEMO_REFERENCES), "--camera", spec.address]
    arguments += ["--recipe", DEMO_RECIPE]
    with (settings.logs / "calibrate.log").open("ab") if logs_json() else nullcontext(sys.stderr) as output:
        done = subprocess.run(
            [sys.executable, "-m", "calibration.cli", *arguments],
            env={**os.environ, **settings.child_environment()},
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode != 0:
        see = settings.logs / "calibrate.log" if logs_json() else "above"
        raise EdgeError(f"`calibrate {' '.join(arguments)}` failed with exit code {done.returncode}; see {see}.")
    return replace(spec, category=category)


def _settle(settings: Settings, reason: Reason) -> int:
    """Give every frame that a dead process left without an outcome this one; how many those were."""
    engine = open_engine(settings.database, writes=True)
    with lock.alone(settings.data):
        settled = settle(engine, reason, journals=settings.journals, media=settings.media)
    engine.dispose()
    return settled


def _settle_last(settings: Settings, say: Callable[[str], None]) -> int:
    """Give what a killed process left without an outcome its outcome; if that cannot be written now, say so."""
    try:
        return _settle(settings, Reason.STOPPED)
    except (OperationalError, OSError) as error:
        say(f"frames in flight could not be recorded as stopped ({error}); the next `edge run` here records them")
        return 0


def check_port_free(host: str, port: int, *, option: str) -> None:
    """Raise EdgeError if something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EdgeError(f"port {port} on {host}: {error.strerror}. Choose another one with {option}.") from error


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.2).close()
    except OSError:
        return False
    return True


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """The signals SIGINT and SIGTERM as they come; a second one is answered with KeyboardInterrupt.

    Not a threading.Event: its lock may be held by the very code that the signal interrupts.
    """
    asked: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
