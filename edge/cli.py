"""The command line: reads options into settings and hands over to one composition root a command."""

import logging
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from edge import __version__
from edge.backup_cli import backup, restore
from edge.check_cli import check
from edge.command_options import (
    SPEC_HELP,
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
    print_json,
    with_category,
)
from edge.downgrade_cli import downgrade, restore_record
from edge.errors import EdgeError
from edge.forget_cli import forget
from edge.keys_cli import app as keys_app
from edge.line.camera_spec import parse_camera, unique_names
from edge.logs import logs_json
from edge.models_cli import app as models_app
from edge.process_cli import capture, outputs, worker
from edge.record_cli import export, verify
from edge.retention_cli import retention
from edge.review_cli import review as review_command
from edge.settings import Settings
from edge.status_cli import status

log = logging.getLogger(__name__)

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
app.add_typer(keys_app, name="keys")
app.command("review")(review_command)

CHECK_HELP = "Begin with `edge check` of every category; if one fails, do not start."


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
    from edge.console import LiveConsole
    from edge.ledger.beats import SUPERVISOR
    from edge.line.capture_options import CaptureOptions
    from edge.logs import start_logging
    from edge.run import run_line

    settings = Settings.read(
        data=data, page_host=host, page_port=port, deadline_s=deadline, encoder=encoder, input_size=input_size,
        precision=precision, device=device,
    )  # fmt: skip
    specs = unique_names(parse_camera(text) for text in camera)
    captures = [
        CaptureOptions(with_category(spec, category), trigger, overload, fps=fps, once=once) for spec in specs
    ]  # fmt: skip
    with LiveConsole(logged=settings.log_format == "json") as console:
        start_logging(settings, SUPERVISOR, beside_words=True)
        summary = run_line(settings, captures, page=page, check=check, say=console.say, show=console.show)
    console.summary(summary)
    if as_json:
        print_json(asdict(summary))
    raise typer.Exit(0 if summary.balanced else 1)


app.command()(check)
app.command()(capture)
app.command()(worker)
app.command()(outputs)
app.command()(forget)
app.command()(export)
app.command()(verify)
app.command()(status)
app.command()(retention)
app.command()(backup)
app.command()(restore)
app.command()(downgrade)
app.command()(restore_record)


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


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Root of all commands; its help is the program's."""
    if version:
        sys.stdout.write(f"edge {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Entry point: an error that the user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except EdgeError as error:
        _complain(f"error: {error}")
        sys.exit(2)
    except Exception as error:
        if (told := _in_words(error)) is None:
            raise
        _complain(told)
        sys.exit(1)


def _in_words(error: Exception) -> str | None:
    """An end of the line, or trouble with the record, as one line; None: an error of ours, whose traceback counts."""
    from sqlalchemy.exc import DatabaseError  # here, since most processes do without

    from edge.ledger.patience import in_words
    from edge.process_table import LineStopped

    if isinstance(error, DatabaseError):
        return f"error: {in_words(error)}"
    return f"the line stopped: {error}" if isinstance(error, LineStopped) else None


def _complain(text: str) -> None:
    if logs_json():
        log.error("%s", text)
    else:
        Console(stderr=True, soft_wrap=True).print(text, style="red", markup=False, highlight=False)


if __name__ == "__main__":
    main()
