"""`calibrate replay`: what another bundle would have said of the frames that the record kept."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from edge.settings import Settings
from edge.table import folding_table, print_table
from edge.verdict import Outcome

if TYPE_CHECKING:
    from calibration.learning.replay import Replay, Replayed

MOST_LISTED = 40
SINCE = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


def replay(
    bundle: Annotated[str, typer.Option(help="For example pcb@7, in use or not; pcb alone is the one in use.")],
    run: Annotated[str | None, typer.Option(help="Only frames of this run.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=SINCE, help="Only frames from then on, local time.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a page with pictures of what flips.")] = None,
    data: Annotated[Path | None, typer.Option(help="The station's data folder.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")] = False,
) -> None:
    """Score stored frames with a bundle, by the line's own scorer and the bundle's own encoder: which verdicts flip?

    Only frames that kept a picture can be scored: flagged ones. The pictures are JPEGs of what the line saw, so a score
    differs a little from the one on the line. Ctrl-C ends it with what there is by then. Nothing is changed.

    Exit code 0 if every frame was scored, 1 if it was interrupted or a picture is missing.
    """
    from calibration.learning.made_with import encoder_of
    from calibration.learning.replay import run as run_replay
    from calibration.learning.replay_page import write_page
    from calibration.learning.rescore import Rescorer
    from calibration.progress import bar
    from edge.ledger.reviewed import boxes_of, count_without_picture, stored_frames
    from edge.ledger.schema import open_existing
    from edge.vision.bundle import load_bundle
    from edge.vision.bundle_name import parse_bundle_name

    settings = Settings.read(data=data, device=device)
    asked = parse_bundle_name(bundle)
    loaded = load_bundle(settings.bundles, asked.category, asked.version)
    since_ns = 0 if since is None else int(since.timestamp() * 1e9)
    engine = open_existing(settings.database)
    frames = stored_frames(engine, asked.category, run=run, since_ns=since_ns, limit=limit)
    unkept = count_without_picture(engine, asked.category, run=run, since_ns=since_ns)
    rescorer = Rescorer(encoder_of(loaded, settings), loaded, settings)
    with bar(f"frames under {loaded.name}", len(frames)) as advance:
        done = run_replay(rescorer, frames, bundle=loaded, unkept=unkept, advance=advance)
    page = None if report is None else write_page(report, done, boxes_of(engine, [e.frame.id for e in done.flips]))
    engine.dispose()
    if as_json:
        typer.echo(json.dumps(summary(done, page), indent=1))
    else:
        show(Console(soft_wrap=True, highlight=False), done, page)
    raise typer.Exit(0 if done.complete else 1)


def show(console: Console, done: "Replay", page: Path | None) -> None:
    """What came out, for a person."""
    console.print(f"{len(done.replayed)} stored frames scored again with {done.bundle}; {len(done.flips)} flip")
    if done.interrupted:
        left = done.asked - len(done.replayed) - len(done.gone)
        console.print(f"[bold red]interrupted[/]: {left} of {done.asked} frames were not looked at")
    for unseen in done.gone:
        console.print(f"not scored: {unseen.why}", markup=False)
    if done.unkept:
        console.print(
            f"{done.unkept} more frames kept no picture, as ok frames keep none unless drawn for the audit: unknown"
        )
    if done.largest_change is not None:
        console.print(
            f"stored as JPEG, the frames that {done.bundle} itself had judged score up to {done.largest_change:.3f} "
            "off what they did on the line"
        )
    print_table(console, turns_table(done))
    if done.flips:
        print_table(console, flips_table(done.flips[:MOST_LISTED]))
    if len(done.flips) > MOST_LISTED:
        console.print(f"and {len(done.flips) - MOST_LISTED} more: --report DIR and --json have them all")
    if page is not None:
        console.print(f"Page      {page}", markup=False)


def turns_table(done: "Replay") -> Table:
    """Recorded outcomes against new ones."""
    outcomes = [outcome for outcome in Outcome if outcome is not Outcome.NOT_INSPECTED]
    table = folding_table("recorded as", *(f"now {outcome}" for outcome in outcomes))
    for was in outcomes:
        cells = [str(done.turns[was, now] or "-") for now in outcomes]
        table.add_row(
            was, *(cell if was == now else f"[bold]{cell}[/]" for cell, now in zip(cells, outcomes, strict=True))
        )
    return table


def flips_table(flips: "list[Replayed]") -> Table:
    """Frames whose outcome changes, one a line."""
    from rich.markup import escape

    table = folding_table(
        "frame",
        "source",
        "recorded",
        "score",
        "threshold",
        "now",
        "score",
        "threshold",
        "review",
        long=("source", "review"),
    )
    for each in flips:
        frame, verdict = each.frame, each.verdict
        said = "" if frame.review is None else f"{frame.review.verdict.replace('_', ' ')}, {frame.review.reviewer}"
        said += " (now a reference)" if each.learned else ""
        table.add_row(
            str(frame.id), escape(frame.source), frame.outcome, _number(frame.score), _number(frame.threshold),
            verdict.outcome, _number(verdict.score), _number(verdict.threshold), escape(said),
        )  # fmt: skip
    return table


def summary(done: "Replay", page: Path | None) -> dict[str, Any]:
    """What came out, for a program."""
    return {
        "bundle": str(done.bundle),
        "sha256": done.sha256,
        "frames": done.asked,
        "scored": len(done.replayed),
        "interrupted": done.interrupted,
        "without_picture": done.unkept,
        "not_scored": [{"frame": unseen.frame.id, "why": unseen.why} for unseen in done.gone],
        "largest_change_by_jpeg": done.largest_change,
        "verdicts": [{"from": was, "to": now, "frames": count} for (was, now), count in sorted(done.turns.items())],
        "flips": [_flip(each) for each in done.flips],
        "page": None if page is None else str(page),
    }


def _flip(each: "Replayed") -> dict[str, Any]:
    frame, verdict = each.frame, each.verdict
    return {
        "frame": frame.id,
        "key": frame.key,
        "source": frame.source,
        "captured_ns": frame.captured_ns,
        "from": frame.outcome,
        "to": verdict.outcome,
        "recorded_score": frame.score,
        "recorded_threshold": frame.threshold,
        "score": verdict.score,
        "threshold": verdict.threshold,
        "review": None if frame.review is None else frame.review.verdict,
        "reference": each.learned,
        "reviewer": None if frame.review is None else frame.review.reviewer,
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
