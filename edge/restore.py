"""A data folder from a backup: all of it is there before its record is, without which no command takes it for one."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge import lock
from edge.backup import FACTS_FILE, Told, backups, writing
from edge.copy_check import check
from edge.errors import EdgeError
from edge.ledger.schema import open_existing
from edge.ledger.verify import settle
from edge.settings import Settings
from edge.verdict import Reason

UNFINISHED = ".restoring"
NOTHING = {UNFINISHED, lock.RUN, "lost+found"}
"""What an empty folder may hold: what a killed restore left, our lock, and what every new disk has."""


@dataclass(frozen=True, slots=True)
class Restored:
    """settled: frames that were in flight at the backup, now not inspected, capture_died

    troubles: what does not balance, as it did not in the backup, or since the backup lost it
    not_compared: cameras whose journal is not in the backup
    """

    backup: str
    data: str
    settled: int
    troubles: list[str]
    not_compared: list[str]


def restore(source: Path, data: Path, *, told: Told = lambda done, total: None) -> Restored:
    """Make a data folder from a backup, or from the latest in a folder of them. `data` may be there, if it is empty.

    What does not balance is restored as it is, and told: it may be all that there is. Raises EdgeError if `data` holds
    anything or cannot be written, `source` is no backup, or its record is damaged; then `data` is as empty as before.
    """
    made = [source] if (source / FACTS_FILE).is_file() else backups(source)
    if not made:
        raise EdgeError(f"{source} is no finished backup, and holds none. Name a folder that `edge backup` made.")
    settings = Settings.read(data=data / UNFINISHED).model_copy(update={"database_url": None})
    _need_empty(data)
    with writing(data), lock.hold(data, run="restore"):
        _need_empty(data)
        shutil.rmtree(settings.data, ignore_errors=True)
        try:
            _copy(made[-1], settings.data, told)
            engine = open_existing(settings.database, writes=True)
            settled = settle(engine, Reason.CAPTURE_DIED, journals=settings.journals, media=settings.media)
            engine.dispose()
            found = check(settings, in_flight=False)
            os.sync()
            record = settings.database.file
            for path in sorted(settings.data.iterdir(), key=lambda path: path == record):  # the record at last
                path.rename(data / path.name)
            os.sync()
        finally:
            shutil.rmtree(settings.data, ignore_errors=True)
    return Restored(str(made[-1]), str(data), settled, found.troubles, found.not_compared)


def _need_empty(data: Path) -> None:
    if data.exists() and not data.is_dir():
        raise EdgeError(f"{data} is no folder: nothing was restored. Name another one with --data.")
    held = sorted(path.name for path in data.iterdir() if path.name not in NOTHING) if data.is_dir() else []
    if held:
        raise EdgeError(
            f"{data} is not empty, it holds {held[0]}: nothing was restored. Name a new folder with --data."
        )


def _copy(backup: Path, work: Path, told: Told) -> None:
    work.mkdir()
    paths = sorted(path for path in backup.rglob("*") if path != backup / FACTS_FILE)
    for done, path in enumerate(paths, start=1):
        target = work / path.relative_to(backup)
        target.mkdir() if path.is_dir() else shutil.copy2(path, target)
        told(done, len(paths))
