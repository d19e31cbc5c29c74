"""The processes of a line, as the supervisor's table has them."""

from collections.abc import Sequence

from edge.hang import Limits
from edge.ledger.beats import OUTPUTS, WORKER, capture_name
from edge.line.camera_spec import Kind
from edge.line.capture_options import CaptureOptions
from edge.process_table import Program, Role
from edge.settings import Settings

WORKER_PATIENCE_S = 8.0
OUTPUTS_PATIENCE_S = 8.0  # they deliver for 2 s more, and the last answer may take 5 s
PAGE_PATIENCE_S = 5.0
WORKER_LIMITS = Limits(start_s=300.0, silence_s=10.0, owes_s=180.0)
"""A large encoder loads for minutes from a slow disk, and takes up to 60 s a batch on a CPU."""
LIVE_LIMITS = Limits(start_s=60.0, silence_s=10.0, owes_s=60.0)
"""A live camera gives up by itself: a stream after 5 s without a picture, a device after 10 s."""
OUTPUTS_LIMITS = Limits(start_s=60.0, silence_s=10.0)
SOURCE_LIMITS = Limits(start_s=300.0, silence_s=10.0)
"""A folder of a million pictures is listed first; and a slow pace is no fault."""
DRAIN_MARGIN_S = 1.0  # what a capture needs to end, beyond its drain timeout


def programs(settings: Settings, captures: Sequence[CaptureOptions], *, page: bool) -> list[Program]:
    """The processes of a line with these cameras."""
    common = settings.child_environment()
    table = [Program(WORKER, Role.WORKER, ["-m", "edge.cli", "worker"], common, WORKER_PATIENCE_S, WORKER_LIMITS)]
    if settings.mqtt_url is not None or settings.webhook_url is not None:
        arguments = ["-m", "edge.cli", "outputs"]
        table.append(Program(OUTPUTS, Role.OUTPUTS, arguments, common, OUTPUTS_PATIENCE_S, OUTPUTS_LIMITS))
    if page:
        table.append(Program("page", Role.PAGE, ["-m", "dashboard.cli"], common, PAGE_PATIENCE_S))
    return table + [capture_program(settings, options, index=index) for index, options in enumerate(captures)]


def capture_program(settings: Settings, options: CaptureOptions, *, index: int) -> Program:
    """The process of the line's camera `index`. An address may hold a password, so it travels in the environment."""
    mine = {"EDGE_CAMERA": options.spec.address, "EDGE_TRIGGER_PORT": str(settings.trigger_port + index)}
    environment = {**settings.child_environment(), **mine}
    patience_s = settings.drain_timeout_s + DRAIN_MARGIN_S
    limits = LIVE_LIMITS if options.spec.kind in (Kind.DEVICE, Kind.STREAM) else SOURCE_LIMITS
    name, arguments = capture_name(options.spec.name), _capture_arguments(options)
    return Program(name, Role.CAPTURE, arguments, environment, patience_s, limits)


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
