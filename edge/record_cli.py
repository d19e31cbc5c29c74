"""`edge export` and `edge verify`: what the record holds, and whether it is whole."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge import lock
from edge.command_options import AsJson, Data, print_json
from edge.errors import EdgeError
from edge.settings import Settings

INTEGRITY_HELP = (
    "Let SQLite check its whole file first: every page, index and reference. Reads all of it; a running line goes on."
)
JOURNALS_HELP = "Copy of the `journal` folder of another machine whose cameras send here. May be given several times."


def export(
    data: Data = None,
    format: Annotated[str, typer.Option("--format", help="csv is what there is.")] = "csv",
    run: Annotated[str | None, typer.Option(help="Only this run. Default: all.")] = None,
    output: Annotated[Path | None, typer.Option(help="File to write. Default: stdout.")] = None,
) -> None:
    """Write the record as a table, one row a frame."""
    from edge.ledger.export import export_csv
    from edge.ledger.record import open_engine
    from edge.ledger.schema import need_record

    if format != "csv":
        raise EdgeError(f"format {format!r} is not known. Use --format csv.")
    settings = Settings.read(data=data)
    need_record(settings.database)
    engine = open_engine(settings.database)
    try:
        if output is None:
            export_csv(engine, sys.stdout, run=run)
            return
        with output.open("w", newline="", encoding="utf-8") as file:
            export_csv(engine, file, run=run)
    finally:
        engine.dispose()


def verify(
    data: Data = None,
    run: Annotated[str | None, typer.Option(help="Only this run. Default: all.")] = None,
    journals: Annotated[list[Path] | None, typer.Option("--journals", help=JOURNALS_HELP)] = None,
    integrity: Annotated[bool, typer.Option("--integrity", help=INTEGRITY_HELP)] = False,
    as_json: AsJson = False,
) -> None:
    """Check that every numbered frame has exactly one outcome, and every file its row and every row its file.

    Exit code 0 if all is well, 1 if not, 2 if the record cannot be read: damaged, or something else in its place. While
    a line is running, frames without an outcome count as in flight.
    """
    from edge.console import print_report
    from edge.ledger.integrity import check_record
    from edge.ledger.record import open_engine
    from edge.ledger.schema import need_record
    from edge.ledger.verify import verify as verify_record

    settings = Settings.read(data=data)
    need_record(settings.database)
    elsewhere = journals or []
    for folder in elsewhere:
        if not folder.is_dir():
            raise EdgeError(f"no folder of journals {folder}. Copy it: rsync -a HOST:edge-data/journal/ {folder}")
        if not any(folder.glob("*/*.jsonl")):
            raise EdgeError(
                f"{folder} holds no journals (RUN/CAMERA.jsonl). Name the folder `journal` of a data folder."
            )
    running = lock.held(settings.data)
    engine = open_engine(settings.database)
    try:
        whole = check_record(settings.database) if integrity else None
        report = verify_record(
            engine, journals=settings.journals, media=settings.media, run=run, elsewhere=elsewhere
        )  # fmt: skip
    finally:
        engine.dispose()
    if as_json:
        good = report.good_while(running=running)
        print_json({**asdict(report), "integrity": whole, "running": running, "good": good})
    else:
        print_report(report, running=running, integrity=whole)
    raise typer.Exit(0 if report.good_while(running=running) else 1)
