"""`edge backup` and `edge restore`: a data folder as a whole."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.command_options import AsJson, Data, print_json
from edge.progress import Progress, megabytes
from edge.settings import Settings


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

    Exit code 0: all is well, but for cameras whose journals are on another machine; 1: a backup was made of a record
    that does not balance (it lost pictures, or the end of a journal). --keep never removes the newest that balances.
    """
    from edge.backup import back_up

    settings = Settings.read(data=data)
    progress = Progress("pictures")
    made = back_up(settings, folder, keep=keep, told=progress.told)
    if as_json:
        print_json(asdict(made))
    else:
        _say(
            f"{made.folder}: {made.frames} frames, {made.pictures} pictures and maps ({made.linked} of them linked to "
            f"an earlier backup, {megabytes(made.copied_bytes)} copied), in {made.duration_s:.1f} s",
            made.troubles,
            made.not_compared,
        )
    raise typer.Exit(1 if made.troubles else 0)


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup, or a folder of backups, of which the latest is taken.")],
    data: Annotated[Path, typer.Option("--data", help="The new data folder; it must not exist, or be empty.")],
    as_json: AsJson = False,
) -> None:
    """Make a data folder from a backup: upgraded to this version, settled, and checked as `edge verify` does.

    Frames that were in flight when the backup was made are recorded as not inspected: capture_died. The backup itself
    is only read. Then: `edge run --data NEW ...`.

    Exit code 0: all is well, but for cameras whose journals are on another machine; 1: it was restored as it is, and
    does not balance.
    """
    from edge.restore import restore as restore_from

    progress = Progress("files")
    restored = restore_from(folder, data, told=progress.told)
    if as_json:
        print_json(asdict(restored))
    else:
        _say(f"{data} is what {restored.backup} was", restored.troubles, restored.not_compared)
        if restored.settled:
            Console(soft_wrap=True, highlight=False).print(
                f"{restored.settled} frames were in flight then, and are recorded as not inspected: capture_died"
            )
    raise typer.Exit(1 if restored.troubles else 0)


def _say(done: str, troubles: list[str], not_compared: list[str]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    well = "what could be compared is well" if not_compared else "all is well"
    console.print(f"{done}; checked: {'IT DOES NOT BALANCE' if troubles else well}", markup=False)
    for trouble in troubles:
        console.print(f"  - {trouble}", markup=False)
    for camera in not_compared:
        console.print(
            f"  - {camera} was not compared: its journal is not here; `edge verify --journals` can do it", markup=False
        )
