"""`edge review`: what a person says of flagged frames, and which are still to be looked at."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edge.errors import EdgeError
from edge.frame_ids import parse_frame_ids
from edge.local_time import local_time
from edge.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from edge.ledger.record import Review
    from edge.ledger.reviewed import ReviewedFrame

FRAMES_HELP = "Record ids, for example 3,5,6 or 1-4; see --list."
Said = Literal["confirmed-defect", "false-alarm", "unsure"]


def review(
    frames: Annotated[list[str] | None, typer.Argument(metavar="FRAME_ID...", help=FRAMES_HELP)] = None,
    verdict: Annotated[Said | None, typer.Option(help="What these frames are.")] = None,
    by: Annotated[str | None, typer.Option(help="Who says so: the reviewer's name.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of defect, for example scratch.")] = None,
    note: Annotated[str | None, typer.Option(help="Anything else worth keeping.")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show flagged frames with their latest review.")] = False,
    unreviewed: Annotated[bool, typer.Option("--unreviewed", help="With --list: only those without one.")] = False,
    category: Annotated[str | None, typer.Option(help="With --list: only this kind of part.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="With --list: the newest so many.")] = 50,
    data: Annotated[Path | None, typer.Option(help="Folder of all that is kept. Default: edge-data.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Say what flagged frames really are: a confirmed defect, a false alarm, or unsure.

    `edge review 12 15-18 --verdict false-alarm --by anna` adds one review to each frame, once it has said which they
    are: camera, the camera's own number, file and time. A changed mind is a new review:
    nothing is ever edited or removed, and the latest one of a frame counts. False alarms are what `calibrate learn`
    learns from; no bundle is promoted that would pass a confirmed defect.
    """
    from edge.ledger.schema import open_existing

    settings = Settings.read(data=data)
    if show_list == bool(frames):
        raise EdgeError("edge review: give ids of frames, or --list to see them.")
    engine = open_existing(settings.database, writes=not show_list)
    try:
        if show_list:
            _list(engine, category=category, unreviewed=unreviewed, limit=limit, as_json=as_json)
            return
        if verdict is None or by is None:
            raise EdgeError(
                "edge review: who says what? Give both, for example --verdict false-alarm --by anna "
                "(or confirmed-defect, or unsure)."
            )
        ids = parse_frame_ids(frames or [], called="edge review")
        if not as_json:
            _say_which(engine, ids)
        _add(engine, ids, verdict, by=by, kind=kind, note=note, as_json=as_json)
    finally:
        engine.dispose()


def _add(
    engine: "Engine",
    frames: list[int],
    verdict: Said,
    *,
    by: str,
    kind: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    from edge.ledger.reviews import ReviewVerdict, add_reviews

    said = ReviewVerdict(verdict.replace("-", "_"))
    added = add_reviews(engine, frames, said, reviewer=by, reviewed_ns=time.time_ns(), kind=kind, note=note)
    if as_json:
        _print_json({"reviews": [{"frame": each.inspection_id} | _facts(each) for each in added]})
        return
    for each in added:
        sys.stdout.write(f"recorded: frame {each.inspection_id}, {verdict.replace('-', ' ')}, by {by}\n")


def _say_which(engine: "Engine", ids: list[int]) -> None:
    """The frames that a review is about, before it is recorded: a camera's own number is easily taken for the id."""
    from edge.ledger.reviewed import frames_by_id

    for frame in frames_by_id(engine, ids):
        when = local_time(frame.captured_ns)
        sys.stdout.write(f"frame {frame.id}: {frame.camera} #{frame.seq}, {frame.source}, at {when}\n")


def _list(engine: "Engine", *, category: str | None, unreviewed: bool, limit: int, as_json: bool) -> None:
    from rich.console import Console

    from edge.ledger.reviewed import flagged_frames
    from edge.table import folding_table, print_table

    found = flagged_frames(engine, category=category, unreviewed=unreviewed, limit=limit)
    if as_json:
        _print_json({"frames": [_row(frame) for frame in found]})
        return
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    table = folding_table(
        "frame", "captured", "camera", "source", "outcome", "score", "threshold", "review", long=("source", "review")
    )
    for frame in found:
        table.add_row(
            str(frame.id),
            local_time(frame.captured_ns),
            frame.camera,
            frame.source,
            frame.outcome,
            _number(frame.score),
            _number(frame.threshold),
            "-" if frame.latest is None else f"{frame.latest.verdict.replace('_', ' ')}, by {frame.latest.reviewer}",
        )
    if found:
        print_table(console, table)
    else:
        console.print("no flagged frame" + (" without a review" if unreviewed else ""))
    if len(found) == limit:
        console.print(f"the newest {limit}; more with --limit")


def _row(frame: "ReviewedFrame") -> dict[str, Any]:
    return {
        "frame": frame.id,
        "run": frame.run,
        "camera": frame.camera,
        "seq": frame.seq,
        "source": frame.source,
        "captured_ns": frame.captured_ns,
        "category": frame.category,
        "outcome": frame.outcome,
        "score": frame.score,
        "threshold": frame.threshold,
        "bundle": frame.bundle,
        "review": None if frame.latest is None else _facts(frame.latest),
    }


def _facts(review: "Review") -> dict[str, Any]:
    return {
        "verdict": review.verdict,
        "reviewer": review.reviewer,
        "reviewed_ns": review.reviewed_ns,
        "bundle": review.bundle,
        "kind": review.kind,
        "note": review.note,
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
