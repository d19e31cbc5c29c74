"""`edge retention`: the pictures that may not stay."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from edge.command_options import AsJson, Data, print_json
from edge.progress import Progress, megabytes
from edge.settings import Settings

if TYPE_CHECKING:
    from edge.keeping import Step


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
    from edge.ledger.room import room_for_pictures
    from edge.ledger.schema import open_existing
    from edge.ledger.trimming import kept_bytes

    settings = Settings.read(data=data)
    writes = open_existing(settings.database, writes=True)
    room = room_for_pictures(settings.data, settings.media, settings.disk_reserve)
    reads = open_engine(settings.database)
    keeper = Keeper(settings, writes=writes, reads=reads, room=room)
    keeper.weigh()
    swept = [] if dry_run else keeper.sweep()
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


def _print_retention(facts: dict[str, Any], steps: "list[Step]") -> None:
    from edge.ledger.retention import worth

    console = Console(soft_wrap=True, highlight=False)
    would = "would go" if facts["dry_run"] else "removed"
    for step in steps:
        kinds = Counter(worth(picture).name.lower() for picture in step.pictures)
        which = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        console.print(f"{would}, {step.why.value}: {len(step.pictures)} pictures, {megabytes(step.bytes)} ({which})")
    if facts["swept_files"]:
        console.print(f"removed: {len(facts['swept_files'])} files that a killed trimming had left")
    budget = "no budget" if facts["budget_bytes"] is None else f"budget {megabytes(facts['budget_bytes'])}"
    console.print(f"kept: {megabytes(facts['kept_bytes'])}, {budget}")
    console.print(f"free on the disk: {megabytes(facts['free_bytes'])}, reserve {megabytes(facts['reserve_bytes'])}")
    console.print("all is within its limits" if facts["within_limits"] else "not all is within its limits")
