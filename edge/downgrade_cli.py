"""`edge downgrade`, and `edge restore-record` to come back."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge import lock
from edge.command_options import AsJson, Data, print_json
from edge.settings import Settings

STAMP = "%Y%m%dT%H%M%S"


def downgrade(
    revision: Annotated[str, typer.Argument(help="The newest that the older program knows, as r0009.")],
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be lost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the record back to what an older version of this program can open. Upgrades need no command: any does them.

    The record is copied first, to record-<revision>-<time>.sqlite beside it: to come back, `edge restore-record` that
    file, which loses what was recorded since; never copy it over record.sqlite. Pictures, bundles and journals are not
    touched. Refused while a line runs. The error of the older program names the revisions that it knows.

    A record in PostgreSQL goes back by `pg_restore` of what `pg_dump` took before the upgrade.
    """
    from edge.backup import sqlite_file
    from edge.ledger.copies import copy_database
    from edge.ledger.schema import downgrade as go_back
    from edge.ledger.schema import need_record, way_back

    settings = Settings.read(data=data)
    file = sqlite_file(settings)
    need_record(settings.database)
    way = way_back(settings.database, revision)
    copy = file.with_name(f"record-{way.current}-{time.strftime(STAMP)}.sqlite")
    if not dry_run:
        with lock.hold(settings.data, run="downgrade"), lock.alone(settings.data, timeout_s=0):
            copy_database(file, copy)
            go_back(settings.database, way)
    if as_json:
        print_json({**asdict(way), "dry_run": dry_run, "copy": None if dry_run else str(copy)})
        return
    console = Console(soft_wrap=True, highlight=False)
    for step, loss in way.losses.items():
        console.print(f"{step}: {loss}", markup=False)
    done = "would go" if dry_run else f"was copied to {copy} and went"
    console.print(f"the record {done} from {way.current} to {way.target}", markup=False)


def restore_record(
    file: Annotated[Path, typer.Argument(help="A copy of this data folder's record, as `edge downgrade` made one.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put a copy of FILE in the place of record.sqlite; all else in the data folder stays.

    The record that was there becomes record-replaced-<time>.sqlite, with its log. Refused while a line runs or a page
    has the record open, and if FILE is not whole. What was recorded since FILE was copied is not in it: `edge verify`
    says what that is. A damaged record: `edge restore` a backup to a new folder instead.
    """
    from edge.backup import sqlite_file
    from edge.errors import EdgeError
    from edge.ledger.replacing import replace_record

    settings = Settings.read(data=data)
    record = sqlite_file(settings)
    if not settings.data.is_dir():
        raise EdgeError(f"no folder {settings.data}. Name the data folder with --data.")
    aside = record.with_name(f"record-replaced-{time.strftime(STAMP)}.sqlite")
    with lock.hold(settings.data, run="restore-record"), lock.alone(settings.data, timeout_s=0):
        replace_record(record, file, aside=aside)
    if as_json:
        print_json({"record": str(record), "replaced": str(aside)})
        return
    Console(soft_wrap=True, highlight=False).print(
        f"{record} is now what {file} is; the one before is {aside}", markup=False
    )
