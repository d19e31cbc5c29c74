"""The command line: reads options into settings and hands over to one composition root a command."""

import json
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edge import __version__, lock
from edge.check_cli import check
from edge.errors import EdgeError
from edge.line.camera_spec import CameraSpec, parse_camera, unique_names
from edge.models_cli import app as models_app
from edge.process import LOST_EXIT
from edge.review_cli import review as review_command
from edge.settings import Overload, Precision, Settings, Trigger

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="""Visual inspection of parts on a production line.

    Begin with `edge run --camera demo:pcb`. Then teach it your own product, `calibrate --category NAME --refs 4
    --camera 0`, and inspect it, `edge run --camera 0=NAME`.

    Exit codes: 0 done and every frame accounted for; 1 a frame is not accounted for, or the line stopped by itself;
    2 something that you can mend, named in the message.

    `calibrate` and `dashboard` are commands of their own. What stays the same from run to run can be set in the
    environment, for example EDGE_DATA, EDGE_PAGE_PORT, EDGE_ENCODER; an unknown EDGE_ name is refused with the list.
    """,
)

app.add_typer(models_app, name="models")
app.command("review")(review_command)

SPEC_HELP = (
    "SPEC[=CATEGORY]; SPEC is a device number, an rtsp:// or http:// (MJPEG) address, a video file, "
    "a folder of pictures (in name order), or demo:pcb."
)
OVERLOAD_HELP = (
    "When the camera is faster than the worker: drop-oldest or drop-newest (each dropped frame is recorded as not "
    "inspected), or wait (only for a source that can). Default: wait if the source can, else drop-oldest."
)
TRIGGER_HELP = (
    "Which frames are parts: every; one that has come to rest (still); a call of POST /trigger (http, port 8770)."
)

CHECK_HELP = "Begin with `edge check` of every category; if one fails, do not start."

Data = Annotated[Path | None, typer.Option("--data", help="Folder of all that is kept. Default: edge-data.")]
Category = Annotated[str | None, typer.Option(help="What the camera looks at; made by `calibrate`.")]
OverloadOption = Annotated[Overload | None, typer.Option("--overload", help=OVERLOAD_HELP)]
TriggerOption = Annotated[Trigger, typer.Option("--trigger", help=TRIGGER_HELP)]
Fps = Annotated[float | None, typer.Option(help="Frames a second to take from the source.")]
Once = Annotated[bool, typer.Option("--once", help="End when the source is exhausted and every frame is recorded.")]
Device = Annotated[str | None, typer.Option(help="auto (CUDA where there is one), cpu or cuda.")]
EncoderOption = Annotated[
    str | None, typer.Option("--encoder", help="lite (default), or an open_clip model as NAME:TAG; see `edge models`.")
]
InputSize = Annotated[int | None, typer.Option(help="Encoder input, pixels a side. Default: the encoder's own.")]
PrecisionOption = Annotated[Precision | None, typer.Option("--precision", help="Of an open_clip model's network.")]
Deadline = Annotated[
    float | None, typer.Option("--deadline", help="Seconds after which a frame is late. Default: none.")
]
Address = Annotated[str | None, typer.Option(help="Where captures and worker meet. Default: IPC, by data folder.")]
TrustNetwork = Annotated[
    bool, typer.Option("--trust-network", help="Allow a tcp:// address that other machines reach: it is not encrypted.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; everything else on stderr.")]


@app.command()
def run(
    camera: Annotated[list[str], typer.Option("--camera", help=SPEC_HELP + " May be given several times.")],
    category: Category = None,
    data: Data = None,
    once: Once = False,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the operators' page.")] = True,
    host: Annotated[str | None, typer.Option(help="Address of the page. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page. Default: 8765.")] = None,
    overload: OverloadOption = None,
    trigger: TriggerOption = "every",
    fps: Fps = None,
    deadline: Deadline = None,
    check: Annotated[bool, typer.Option("--check", help=CHECK_HELP)] = False,
    encoder: EncoderOption = None,
    input_size: InputSize = None,
    precision: PrecisionOption = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Run a line: capture, worker and page, supervised, until Ctrl-C (or, with --once, until all is inspected)."""
    from edge.capture import CaptureOptions
    from edge.console import LiveConsole
    from edge.run import run_line

    settings = Settings.read(
        data=data, page_host=host, page_port=port, deadline_s=deadline, encoder=encoder, input_size=input_size,
        precision=precision, device=device,
    )  # fmt: skip
    specs = unique_names(parse_camera(text) for text in camera)
    captures = [
        CaptureOptions(with_category(spec, category), trigger, overload, fps=fps, once=once) for spec in specs
    ]  # fmt: skip
    with LiveConsole() as console:
        summary = run_line(settings, captures, page=page, check=check, say=console.say, show=console.show)
    console.summary(summary)
    if as_json:
        print_json(asdict(summary))
    raise typer.Exit(0 if summary.balanced else 1)


app.command()(check)


@app.command()
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
    from edge.capture import Capture, CaptureOptions
    from edge.line.shot import CameraError
    from edge.process import start_logging, stop_on_signal

    settings = Settings.read(data=data, address=address, deadline_s=deadline)
    check_address(settings, trusted=trust_network)
    start_logging(settings.log_level)
    spec = with_category(parse_camera(camera), category)
    options = CaptureOptions(replace(spec, name=name or spec.name), trigger, overload, fps=fps, once=once, run=run)
    process = Capture(settings, options)
    stop_on_signal(process.stop)
    try:
        with lock.share(settings.data):
            summary = process.run()
    except CameraError as error:  # it worked before, so trying again may help: not exit code 2
        logging.getLogger("edge.capture").error("%s", error)
        raise typer.Exit(LOST_EXIT) from error
    if as_json:
        print_json(asdict(summary))
    raise typer.Exit(1 if summary.unacknowledged else 0)


@app.command()
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
    from edge.process import start_logging, stop_on_signal, tune_for_scoring

    settings = Settings.read(
        data=data, encoder=encoder, input_size=input_size, precision=precision, device=device, address=address
    )
    check_address(settings, trusted=trust_network)
    tune_for_scoring()
    from edge.vision.scorer import open_scorer
    from edge.worker import Worker

    start_logging(settings.log_level)
    process = Worker(settings, open_scorer(settings))
    stop_on_signal(process.stop)
    logging.getLogger("edge.worker").info("listening on %s", settings.line_address)
    with lock.share(settings.data):
        process.run()


@app.command()
def export(
    data: Data = None,
    format: Annotated[str, typer.Option("--format", help="csv is what there is.")] = "csv",
    run: Annotated[str | None, typer.Option(help="Only this run. Default: all.")] = None,
    output: Annotated[Path | None, typer.Option(help="File to write. Default: stdout.")] = None,
) -> None:
    """Write the record as a table, one row a frame."""
    from edge.ledger.export import export_csv
    from edge.ledger.record import open_engine

    if format != "csv":
        raise EdgeError(f"format {format!r} is not known. Use --format csv.")
    settings = Settings.read(data=data)
    need_record(settings)
    engine = open_engine(settings.database)
    if output is None:
        export_csv(engine, sys.stdout, run=run)
        return
    with output.open("w", newline="", encoding="utf-8") as file:
        export_csv(engine, file, run=run)


@app.command()
def verify(
    data: Data = None,
    run: Annotated[str | None, typer.Option(help="Only this run. Default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that every numbered frame has exactly one outcome, and every file its row and every row its file.

    Exit code 0 if all is well, 1 if not. While a line is running, frames without an outcome count as in flight.
    """
    from edge.console import print_report
    from edge.ledger.record import open_engine
    from edge.ledger.verify import verify as verify_record

    settings = Settings.read(data=data)
    need_record(settings)
    running = lock.held(settings.data)
    report = verify_record(open_engine(settings.database), journals=settings.journals, media=settings.media, run=run)
    if as_json:
        print_json({**asdict(report), "running": running, "good": report.good_while(running=running)})
    else:
        print_report(report, running=running)
    raise typer.Exit(0 if report.good_while(running=running) else 1)


@app.command()
def doctor(data: Data = None, encoder: EncoderOption = None, device: Device = None, as_json: AsJson = False) -> None:
    """Look at this machine: versions, device, weights, cameras, folder, port; say what to do where it is not well."""
    settings = Settings.read(data=data, encoder=encoder, device=device)
    from edge.console import print_findings
    from edge.doctor import examine

    findings = examine(settings)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_findings(findings)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@app.command()
def bench(
    camera: Annotated[str, typer.Option("--camera", help="Frames to measure with; a finite source.")] = "demo:pcb",
    frames: Annotated[int, typer.Option(min=40, help="Frames a measurement.")] = 300,
    refs: Annotated[int, typer.Option(min=1, help="References in the bank.")] = 4,
    encoder: EncoderOption = None,
    input_size: InputSize = None,
    precision: PrecisionOption = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Measure, in one run: bare encoder, scoring, the line end to end, and a 10 frames/s camera; print the ratios."""
    from edge.process import tune_for_scoring

    tune_for_scoring()
    from edge.bench import measure
    from edge.console import print_bench

    settings = Settings.read(encoder=encoder, input_size=input_size, precision=precision, device=device)
    result = measure(settings, parse_camera(camera), frames=frames, refs=refs)
    if as_json:
        print_json(asdict(result))
    else:
        print_bench(result)


def with_category(spec: CameraSpec, category: str | None) -> CameraSpec:
    """The camera with its own category, or else the one given for all."""
    return replace(spec, category=spec.category or category)


def check_address(settings: Settings, *, trusted: bool) -> None:
    """Refuse an address that other machines can reach, unless the user said that the network is trusted."""
    address = settings.line_address
    local = address.startswith(("ipc://", "tcp://127.", "tcp://localhost", "tcp://[::1]"))
    if not local and not trusted:
        raise EdgeError(
            f"address {address} is reached over a network, without encryption and without knowing who is there. "
            "Add --trust-network if only your own machines are on it."
        )


def need_record(settings: Settings) -> None:
    """Raise EdgeError if there is no record yet."""
    if not settings.database.is_file():
        raise EdgeError(
            f"no record in {settings.data}. Start a line there (`edge run`), or name its folder with --data."
        )


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Root of all commands; its help is the program's."""
    if version:
        sys.stdout.write(f"edge {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Entry point: an error that the user can mend is one line on stderr and exit code 2."""
    from edge.supervisor import LineStopped

    try:
        app()
    except EdgeError as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)
    except LineStopped as error:
        Console(stderr=True, soft_wrap=True).print(f"the line stopped: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
