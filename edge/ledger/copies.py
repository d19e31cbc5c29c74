"""A consistent copy of a record while a line writes it, and of its journals as they were at that moment."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from edge.database import Database
from edge.ledger.integrity import check_database
from edge.ledger.record import Camera, Inspection, Run, open_engine
from edge.line.journal import ENDED


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many frames of a camera in a run are in a record, and the highest number among them."""

    frames: int
    highest: int


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite record as it is at one moment, with what its log holds; writers go on. `target` must not exist.

    Raises EdgeError if the copy is not whole, by SQLite's own check.
    """
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        check_database(writing, target)


def recorded(database: Database) -> dict[tuple[str, str], Recorded]:
    """By (run, camera), what a record holds."""
    counted = (
        select(Run.name, Camera.name, func.count(Inspection.id), func.max(Inspection.seq))
        .join(Camera, Camera.run_id == Run.id)
        .outerjoin(Inspection, Inspection.camera_id == Camera.id)
        .group_by(Run.name, Camera.name)
    )
    engine = open_engine(database)
    with Session(engine) as session:
        found = {(run, camera): Recorded(frames, top or 0) for run, camera, frames, top in session.execute(counted)}
    engine.dispose()
    return found


def media_paths(database: Database) -> list[str]:
    """Every picture and map that a record names, relative to its media folder."""
    engine = open_engine(database)
    with Session(engine) as session:
        rows = session.execute(select(Inspection.picture_path, Inspection.map_path)).all()
    engine.dispose()
    return sorted(path for row in rows for path in row if path)


def copy_journals(source: Path, target: Path, told: Mapping[tuple[str, str], Recorded]) -> None:
    """Copy each camera's journal up to the highest number that is recorded, as it was when the record was copied.

    told: what the copied record holds;  source: read after that copy was made, so that no number is missing
    That a camera ended is only copied if all of its frames are recorded: what was in flight is then settled by a
    restore. One that was stopped and started again ended in the middle of its journal, where it says nothing.
    """
    for (run, camera), has in told.items():
        journal = source / run / f"{camera}.jsonl"
        if journal.is_file():
            copied = target / run / journal.name
            copied.parent.mkdir(parents=True, exist_ok=True)
            with journal.open("rb") as lines, copied.open("wb") as file:
                file.writelines(_up_to(lines, has))
            shutil.copystat(journal, copied)  # the latest journal of a camera is known by its time


def _up_to(lines: Iterator[bytes], has: Recorded) -> Iterator[bytes]:
    numbered = 0
    for line in lines:
        if not line.endswith(b"\n"):
            return
        if line == ENDED and not numbered == has.highest == has.frames:
            continue
        if line.startswith(b"["):
            if numbered == has.highest:
                return
            numbered += 1
        yield line
