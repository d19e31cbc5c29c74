"""`edge retention`, `backup`, `restore` and `downgrade`: what is done to a data folder as a whole."""

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from edge import lock
from edge.command_options import AsJson, Data, print_json
from edge.settings import Settings

if TYPE_CHECKING:
    from edge.keeping import Step

TOLD_EVERY_S = 2.0


class Progress:
    """Says on stderr how far long work is, with its rate and the time that is left."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._began_s = self._told_s = time.monotonic()
        self._done = 0

    def told(self, done: int, total: int) -> None:
        """So many of so many are done."""
        now_s = time.monotonic()
        if done < self._done:  # the next of several rounds
            self._began_s = now_s
        self._done = done
        if now_s - self._told_s < TOLD_EVERY_S or not done:
            return
        self._told_s = now_s
        rate = done / max(now_s - self._began_s, 0.001)
        left_s = (total - done) / rate
        self._console.print(f"{self._what}: {done} of {total}, {rate:.0f} a second, {left_s:.0f} s left")


def retention(
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the pictures that may not stay, as a running line does once a minute by itself.

    EDGE_KEEP_DAYS: flagged and reviewed frames; EDGE_KEEP_SAMPLE_DAYS: passed parts drawn for the audit, and cameras
    that nobody calibrated; EDGE_MEDIA_BUDGET, for example 50GB: all pictures together; EDGE_DISK_RESERVE: what stays
    free on the disk, by default 2 GB or 5 %. By default nothing goes until the disk is nearly full. Rows stay, and say
    when and why their picture went. Confirmed defects, and what bundles were made from, go last, and only for the
    budget.

    Exit code 0: all is within its limits; 1: more is kept than allowed, or the disk has less than its reserve free, and
    nothing is left that may go.
    """
    from edge.keeping import Keeper
    from edge.ledger.record import open_engine
    from edge.ledger.room import Room
    from edge.ledger.schema import open_existing
    from edge.ledger.trimming import kept_bytes

    settings = Settings.read(data=data)
    writes, room = open_existing(settings.database, writes=True), Room(settings.data, settings.disk_reserve)
    reads = open_engine(settings.database)
    keeper = Keeper(settings, writes=writes, reads=reads, room=room)
    swept = [] if dry_run else keeper.prepare()
    now_ns = time.time_ns()
    steps = keeper.plan(now_ns=now_ns)
    before_bytes = kept_bytes(reads)
    if not dry_run:
        progress = Progress("pictures removed")
        keeper.carry_out(steps, now_ns=now_ns, told=progress.told)
    left_bytes = before_bytes - sum(step.bytes for step in steps) if dry_run else kept_bytes(reads)
    budget = settings.media_budget
    within = (budget is None or left_bytes <= budget) and (dry_run or not room.short_bytes)
    facts: dict[str, Any] = {
        "dry_run": dry_run,
        "steps": [{"why": step.why.value, "frames": len(step.pictures), "bytes": step.bytes} for step in steps],
        "swept_files": swept,
        "kept_bytes": left_bytes,
        "budget_bytes": budget,
        "free_bytes": room.free_bytes,
        "reserve_bytes": room.reserve_bytes,
        "within_limits": within,
    }
    print_json(facts) if as_json else _print_retention(facts, steps)
    writes.dispose()
    reads.dispose()
    raise typer.Exit(0 if within else 1)


def backup(
    folder: Annotated[Path, typer.Argument(help="Where this record's backups are; best on another disk.")],
    data: Data = None,
    keep: Annotated[int | None, typer.Option(min=1, help="How many backups stay there. Default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy the data folder to FOLDER/<time>, while a line runs or not, and check the copy as `edge verify` does.

    The record is copied as it was at one moment, with its pictures, journals, bundles and reports. Pictures that an
    earlier backup in FOLDER has are linked, so that each backup is whole and takes little. One that is killed is gone
    on with by the next. No picture is removed by retention while the last of them are copied.
    """
    from edge.backup import back_up

    settings = Settings.read(data=data)
    progress = Progress("pictures")
    made = back_up(settings, folder, keep=keep, told=progress.told)
    if as_json:
        print_json(asdict(made))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{made.folder}: {made.frames} frames, {made.pictures} pictures and maps ({made.linked} of them linked to an "
        f"earlier backup, {_mb(made.copied_bytes)} copied), in {made.duration_s:.1f} s; checked: all is well",
        markup=False,
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup, or a folder of backups, of which the latest is taken.")],
    data: Annotated[Path, typer.Option("--data", help="The new data folder; it must not exist, or be empty.")],
    as_json: AsJson = False,
) -> None:
    """Make a data folder from a backup: upgraded to this version, settled, and checked as `edge verify` does.

    Frames that were in flight when the backup was made are recorded as not inspected: capture_died. The backup itself
    is only read. Then: `edge run --data NEW ...`.
    """
    from edge.backup import restore as restore_from

    progress = Progress("files")
    made, settled = restore_from(folder, data, told=progress.told)
    if as_json:
        print_json({"backup": str(made), "data": str(data), "settled": settled})
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{data} is what {made} was; checked: all is well", markup=False)
    if settled:
        console.print(f"{settled} frames were in flight then, and are recorded as not inspected: capture_died")


def downgrade(
    revision: Annotated[str, typer.Argument(help="The newest that the older program knows, as r0009.")],
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be lost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the record back to what an older version of this program can open. Upgrades need no command: any does them.

    The record is copied first, to record-<revision>-<time>.sqlite beside it: to come back, put that file in the place
    of record.sqlite, which loses what was recorded since. Pictures, bundles and journals are not touched. Refused while
    a line runs. The error of the older program names the revisions that it knows.
    """
    from edge.backup import sqlite_file
    from edge.ledger.copies import copy_database
    from edge.ledger.schema import downgrade as go_back
    from edge.ledger.schema import need_record, way_back

    settings = Settings.read(data=data)
    need_record(settings.database)
    way = way_back(settings.database, revision)
    file = sqlite_file(settings)
    copy = file.with_name(f"record-{way.current}-{time.strftime('%Y%m%dT%H%M%S')}.sqlite")
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


def _print_retention(facts: dict[str, Any], steps: "list[Step]") -> None:
    from edge.ledger.retention import worth

    console = Console(soft_wrap=True, highlight=False)
    would = "would go" if facts["dry_run"] else "removed"
    for step in steps:
        kinds = Counter(worth(picture).name.lower() for picture in step.pictures)
        which = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        console.print(f"{would}, {step.why.value}: {len(step.pictures)} pictures, {_mb(step.bytes)} ({which})")
    if facts["swept_files"]:
        console.print(f"removed: {len(facts['swept_files'])} files that a killed trimming had left")
    budget = "no budget" if facts["budget_bytes"] is None else f"budget {_mb(facts['budget_bytes'])}"
    console.print(f"kept: {_mb(facts['kept_bytes'])}, {budget}")
    console.print(f"free on the disk: {_mb(facts['free_bytes'])}, reserve {_mb(facts['reserve_bytes'])}")
    console.print("all is within its limits" if facts["within_limits"] else "not all is within its limits")


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
