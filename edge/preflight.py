"""What is found out and made ready before a line's processes start."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from edge.cameras import check_bundle
from edge.errors import EdgeError
from edge.first_check import check_first
from edge.ledger.camera_states import other_line
from edge.ledger.page_access import check_page
from edge.ledger.postgresql import be_the_line
from edge.ledger.record import open_engine
from edge.line.camera import check_source
from edge.line.camera_spec import CameraSpec, Kind
from edge.line.capture_options import CaptureOptions, check_overload
from edge.logs import logs_json
from edge.outputs.configured import configured
from edge.settings import Settings
from edge.vision.bundle_promotion import categories
from edge.vision.lite_adapters import INPUT_SIZE

DEMO_REFERENCES = 4
DEMO_RECIPE = "few-shot"  # its defects are smaller than what the default recipe joins to one token


def check_wishes(settings: Settings, captures: Sequence[CaptureOptions], *, page: bool) -> None:
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


def with_categories(
    settings: Settings,
    captures: Sequence[CaptureOptions],
    *,
    run: str,
    check: bool,
    say: Callable[[str], None],
) -> list[CaptureOptions]:
    """What each capture is asked in this run, the demo's categories taught.

    check: whether every category's check must pass.  Raises EdgeError, and LineStopped for a failed check.
    """
    ready = [replace(options, run=run, spec=_calibrated(settings, options.spec, say)) for options in captures]
    if check:
        check_first(settings, [options.spec.category for options in ready], say)
    for spec in (options.spec for options in ready if options.spec.category is None):
        say(_uncalibrated(settings, spec))
    return ready


@contextmanager
def only_line(settings: Settings) -> Iterator[None]:
    """Be the only line on this station's record while the block lasts. Raises EdgeError if there is another one.

    A SQLite file has its folder's lock. In PostgreSQL a lock of the session decides between two that start together;
    where the server was restarted meanwhile, and a line's lock lost, its signs of life tell of it.
    """
    if settings.database.url is None:
        yield
        return
    engine = open_engine(settings.database)
    try:
        with engine.connect() as session:
            mine = be_the_line(session.execution_options(isolation_level="AUTOCOMMIT"), settings.database.station)
            run = other_line(engine) if mine else None
            if run is not None or not mine:
                named = "a line" if run is None else f"a line (run {run})"
                raise EdgeError(
                    f"{named} is at work on the record {settings.database} from another data folder or machine. Stop "
                    "that one, or give each station a name of its own with EDGE_STATION."
                )
            yield
    finally:
        engine.dispose()


def check_port_free(host: str, port: int, *, option: str) -> None:
    """Raise EdgeError if something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EdgeError(f"port {port} on {host}: {error.strerror}. Choose another one with {option}.") from error


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
