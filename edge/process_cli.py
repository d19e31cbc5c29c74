"""`edge capture`, `worker` and `outputs`: one process of a line by itself, as the supervisor starts it."""

import logging
import threading
from dataclasses import asdict, replace
from typing import Annotated

import typer

from edge import lock
from edge.command_options import (
    SPEC_HELP,
    Address,
    AsJson,
    Category,
    Data,
    Deadline,
    Device,
    EncoderOption,
    Fps,
    InputSize,
    Once,
    OverloadOption,
    PrecisionOption,
    TriggerOption,
    TrustNetwork,
    print_json,
    with_category,
)
from edge.errors import EdgeError
from edge.line.camera_spec import parse_camera
from edge.line.key_files import KeyFiles
from edge.process import LOST_EXIT
from edge.settings import Settings


def capture(
    camera: Annotated[str, typer.Option("--camera", envvar="EDGE_CAMERA", help=SPEC_HELP)],
    category: Category = None,
    data: Data = None,
    name: Annotated[str | None, typer.Option(help="The camera's name in the record. Default: made from SPEC.")] = None,
    run: Annotated[str | None, typer.Option(help="Run to number in. Default: the unfinished one, or new.")] = None,
    overload: OverloadOption = None,
    trigger: TriggerOption = "every",
    fps: Fps = None,
    once: Once = False,
    deadline: Deadline = None,
    address: Address = None,
    trust_network: TrustNetwork = False,
    as_json: AsJson = False,
) -> None:
    """Run one capture process by itself: number a camera's frames and send them to a worker, here or elsewhere."""
    from edge.capture import Capture
    from edge.ledger.beats import capture_name
    from edge.line.capture_options import CaptureOptions
    from edge.line.shot import CameraError
    from edge.logs import know, start_logging
    from edge.process import STOPPED_EXIT, stop_on_signal, supervised

    settings = Settings.read(data=data, address=address, deadline_s=deadline)
    spec = with_category(parse_camera(camera), category)
    options = CaptureOptions(replace(spec, name=name or spec.name), trigger, overload, fps=fps, once=once, run=run)
    keys = KeyFiles(settings.keys).client_keys(settings.line_address, options.spec.name)
    check_address(settings, encrypted=keys is not None, trusted=trust_network)
    start_logging(settings, capture_name(options.spec.name))
    process = Capture(settings, options, supervised=supervised())
    know(run=process.run_name, camera=options.spec.name)
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        process.stop()

    stop_on_signal(stop)
    try:
        with lock.share(settings.data):
            summary = process.run()
    except CameraError as error:  # it worked before, so trying again may help: not exit code 2
        logging.getLogger("edge.capture").error("%s", error)
        raise typer.Exit(LOST_EXIT) from error
    if as_json:
        print_json(asdict(summary))
    if stopped.is_set() and supervised():
        raise typer.Exit(STOPPED_EXIT)
    raise typer.Exit(1 if summary.unacknowledged else 0)


def worker(
    data: Data = None,
    encoder: EncoderOption = None,
    input_size: InputSize = None,
    precision: PrecisionOption = None,
    device: Device = None,
    address: Address = None,
    trust_network: TrustNetwork = False,
) -> None:
    """Run one inference worker by itself: it scores what captures send and writes the record."""
    from edge.ledger.beats import WORKER
    from edge.logs import start_logging
    from edge.process import stop_on_signal, supervised, tune_for_scoring

    settings = Settings.read(
        data=data, encoder=encoder, input_size=input_size, precision=precision, device=device, address=address
    )
    keys = KeyFiles(settings.keys).server_keys(settings.line_address)
    check_address(settings, encrypted=keys is not None, trusted=trust_network)
    tune_for_scoring()
    from edge.vision.scorer import open_scorer
    from edge.worker import Worker

    start_logging(settings, WORKER)
    process = Worker(settings, open_scorer(settings), supervised=supervised())
    stop_on_signal(process.stop)
    logging.getLogger("edge.worker").info("listening on %s", settings.line_address)
    with lock.share(settings.data):
        process.run()


def outputs(
    data: Data = None,
    schemas: Annotated[bool, typer.Option("--schemas", help="Print the messages' JSON schemas and end.")] = False,
) -> None:
    """Tell an MQTT broker and a webhook every outcome, and the broker whether the line is ready; `edge run` starts it.

    EDGE_MQTT_URL and EDGE_WEBHOOK_URL say where; edge/outputs/OUTPUTS.md has topics, messages and what a gate must do.
    """
    from edge.ledger.beats import OUTPUTS
    from edge.logs import start_logging
    from edge.outputs.messages import MESSAGES
    from edge.process import stop_on_signal
    from edge.teller import Teller

    if schemas:
        print_json({message.__name__: message.model_json_schema() for message in MESSAGES})
        return
    settings = Settings.read(data=data)
    if settings.mqtt_url is None and settings.webhook_url is None:
        raise EdgeError("there is nobody to tell: set EDGE_MQTT_URL or EDGE_WEBHOOK_URL.")
    start_logging(settings, OUTPUTS)
    with lock.sole(settings.data, "outputs"):
        process = Teller(settings)
        stop_on_signal(process.stop, abandoned=process.abandon)
        process.run()


def check_address(settings: Settings, *, encrypted: bool, trusted: bool) -> None:
    """Refuse an address that other machines can reach, without keys and unless the network is said to be trusted."""
    address = settings.line_address
    local = address.startswith(("ipc://", "tcp://127.", "tcp://localhost", "tcp://[::1]"))
    if not local and not encrypted and not trusted:
        raise EdgeError(
            f"address {address} is reached over a network, and there is no key for it in {settings.keys}. Make one: "
            "`edge keys --help` says how. Or add --trust-network if only your own machines are on that network: "
            "nothing is encrypted then, and nobody is asked who they are."
        )
