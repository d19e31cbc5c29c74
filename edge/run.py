"""`edge run`: one command starts the whole line on one machine, shows it, and accounts for every frame at its end."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from edge import lock
from edge.capture import CaptureOptions, check_overload, new_run
from edge.errors import EdgeError
from edge.first_check import check_first
from edge.ledger.alarms import AlarmNews
from edge.ledger.counts import Counts, RunCount
from edge.ledger.page_access import check_page
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.ledger.verify import account, settle
from edge.line.camera import check_source
from edge.line.camera_spec import CameraSpec, Kind
from edge.line.journal import JournalCount
from edge.settings import Settings
from edge.supervisor import Program, Role, Supervisor
from edge.verdict import Reason
from edge.vision.bundle import load_bundle
from edge.vision.bundle_promotion import categories
from edge.vision.lite_adapters import INPUT_SIZE

log = logging.getLogger(__name__)

TICK_S = 0.2
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
    with lock.hold(settings.data, run=run):
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
        engine = open_engine(settings.database)
        count = RunCount(engine, run)
        alarms = AlarmNews(engine, run)
        table = _table(settings, captures, page=page)
        supervisor = Supervisor(table, logs=settings.logs, rows=lambda: count.look().total)
        numbered = JournalCount([settings.journals / run / f"{options.spec.name}.jsonl" for options in captures])
        try:
            with _stop_signals() as asked:
                for _ in _ticks(supervisor, asked, once=all(options.once for options in captures)):
                    show(numbered.look(), count.look())
                    for line in alarms.look():
                        say(line)
                    if page and _listens(settings.page_host, settings.page_port):
                        say(f"page: {settings.page_address}")
                        page = False
                if asked:
                    say("stopping: frames in flight are recorded first")
                supervisor.stop()
        finally:
            supervisor.kill()
            settled = _settle(settings, Reason.STOPPED)  # what a process that was killed left without an outcome
            accounts = account(engine, journals=settings.journals, run=run)
            counts = count.look()
            engine.dispose()
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


def _ticks(supervisor: Supervisor, asked: list[int], *, once: bool) -> Iterator[None]:
    """Tend the processes; yields about twice a second, and ends at a signal or, if `once`, when all is inspected."""
    shown_s = 0.0
    while not asked:
        time.sleep(TICK_S)
        supervisor.tick()
        ended = once and supervisor.captures_done
        if ended or time.monotonic() - shown_s > SHOW_EVERY_S:
            shown_s = time.monotonic()
            yield
        if ended:
            return


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


def _table(settings: Settings, captures: Sequence[CaptureOptions], *, page: bool) -> list[Program]:
    """The processes of this line. A camera's address may hold a password, so it travels in the environment."""
    common = settings.child_environment()
    table = [Program("worker", Role.WORKER, ["-m", "edge.cli", "worker"], common)]
    if page:
        table.append(Program("page", Role.PAGE, ["-m", "dashboard.cli"], common))
    for index, options in enumerate(captures):
        mine = {"EDGE_CAMERA": options.spec.address, "EDGE_TRIGGER_PORT": str(settings.trigger_port + index)}
        name = f"capture-{options.spec.name}"
        table.append(Program(name, Role.CAPTURE, _capture_arguments(options), {**common, **mine}))
    return table


def _capture_arguments(options: CaptureOptions) -> list[str]:
    given = {
        "--name": options.spec.name,
        "--category": options.spec.category,
        "--run": options.run,
        "--trigger": options.trigger,
        "--overload": options.overload,
        "--fps": options.fps,
    }
    pairs = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    return ["-m", "edge.cli", "capture", *pairs, *(["--once"] if options.once else [])]


def _check(settings: Settings, captures: Sequence[CaptureOptions], *, page: bool) -> None:
    """Find out early what cannot work: a missing camera, an unknown category, a port in use."""
    for options in captures:
        check_source(options.spec)
        check_overload(options)
        if options.spec.category is not None:
            _check_bundle(settings, options.spec.category)
    if page:
        check_page(settings)
        check_port_free(settings.page_host, settings.page_port, option="--port")
    for index, options in enumerate(captures):
        if options.trigger == "http":
            check_port_free(settings.page_host, settings.trigger_port + index, option="EDGE_TRIGGER_PORT")


def _check_bundle(settings: Settings, category: str) -> None:
    """Raise EdgeError if there is no bundle, or it is for another encoder; its weights are compared by the worker."""
    bundle = load_bundle(settings.bundles, category)
    bundle.check_fits(
        encoder=settings.encoder, weights_sha256=None, input_size=settings.input_size, precision=settings.precision
    )


def _calibrated(settings: Settings, spec: CameraSpec, say: Callable[[str], None]) -> CameraSpec:
    """The demo camera without a category gets its own, taught by `calibrate` from its first good boards."""
    if spec.kind is not Kind.DEMO or spec.category is not None:
        return spec
    category = spec.address.replace(":", "-")
    if category in categories(settings.bundles):
        _check_bundle(settings, category)
        return replace(spec, category=category)
    say(f"{spec.address} teaches itself: calibrating category {category} from its first {DEMO_REFERENCES} boards")
    arguments = ["--category", category, "--refs", str(DEMO_REFERENCES), "--camera", spec.address]
    arguments += ["--recipe", DEMO_RECIPE]
    done = subprocess.run(
        [sys.executable, "-m", "calibration.cli", *arguments],
        env={**os.environ, **settings.child_environment()},
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode != 0:
        raise EdgeError(f"`calibrate {' '.join(arguments)}` failed with exit code {done.returncode}; see above.")
    return replace(spec, category=category)


def _settle(settings: Settings, reason: Reason) -> int:
    """Give every frame that a dead process left without an outcome this one; how many those were."""
    engine = open_engine(settings.database, writes=True)
    with lock.alone(settings.data):
        settled = settle(engine, reason, journals=settings.journals, media=settings.media)
    engine.dispose()
    return settled


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
