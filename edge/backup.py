"""A backup is a data folder: `edge verify`, the page and `calibrate` read it like any other. FOLDER/<time in UTC>/.

The record is copied as it was at one moment while the line writes on; a picture never changes, so that one of an
earlier backup is linked and not copied again. Not copied: logs, thumbnails, live pictures, drafts of bundles.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge import __version__, lock
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.copies import copy_database, copy_journals, media_paths, recorded
from edge.ledger.ownership import NAME_FILE, own, record_name
from edge.ledger.record import open_engine
from edge.ledger.schema import open_existing
from edge.ledger.verify import settle, verify
from edge.settings import Settings
from edge.verdict import Reason
from edge.vision.bundle_store import DRAFT, locked

FACTS_FILE = "backup.json"  # written last: a folder without it is no backup yet
UNFINISHED = "unfinished"
Told = Callable[[int, int], None]
"""Told how many of how many pictures are there."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup. linked: pictures that an earlier backup had already; bytes: what was copied of them."""

    folder: str
    record: str
    version: str
    frames: int
    pictures: int
    linked: int
    copied_bytes: int
    duration_s: float


def back_up(settings: Settings, folder: Path, *, keep: int | None, told: Told = lambda done, total: None) -> Backup:
    """Make a backup under `folder`, beside earlier ones of the same record; a line may run meanwhile.

    keep: how many backups stay, this one included; None: all
    A killed one is gone on with. Raises EdgeError if the folder holds anything else, the record is damaged, or what was
    copied is not whole; earlier backups stay as they are.
    """
    began_s = time.monotonic()
    file = sqlite_file(settings)
    reads = open_existing(settings.database)
    name = record_name(reads)
    own(reads, settings.media)
    reads.dispose()
    _check_place(settings, folder, name)
    with lock.backups(folder):
        work, earlier = folder / UNFINISHED, backups(folder)
        for path in work.glob("*"):  # what a killed one left: pictures are whole and stay, all else is made anew
            if path.name != "media":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        work.mkdir(exist_ok=True)
        copied = _Media(settings.media, work / "media", earlier[-1] / "media" if earlier else None)
        copied.take(media_paths(settings.database), told)  # most of them, while retention may still work
        with lock.media(settings.data):
            copy = Database(file=work / file.name)
            copy_database(file, work / file.name)
            named = media_paths(copy)
            copied.take(named, told)
            copied.drop_others(named)
            has = recorded(copy)
            copy_journals(settings.journals, work / settings.journals.name, has)
        (work / "media").mkdir(exist_ok=True)
        (work / "media" / NAME_FILE).write_text(f"{name}\n")
        _copy_folders(settings, work)
        _check(copy, work, running=True)
        made = Backup(
            str(folder / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")), name, __version__,
            sum(each.frames for each in has.values()), len(named), copied.linked, copied.copied_bytes,
            round(time.monotonic() - began_s, 1),
        )  # fmt: skip
        os.sync()
        (work / FACTS_FILE).write_text(json.dumps(asdict(made), indent=1))
        os.sync()
        work.rename(made.folder)
        os.sync()
        for old in backups(folder)[: -keep if keep else 0]:
            (old / FACTS_FILE).unlink()
            shutil.rmtree(old)
    return made


def sqlite_file(settings: Settings) -> Path:
    """The record's file. Raises EdgeError for a record in PostgreSQL, which has means of its own for copies."""
    if settings.database.file is None:
        raise EdgeError(
            f"the record is in {settings.database}: copy it with pg_dump, and then the folder {settings.data}. "
            "edge/ledger/RETENTION.md says how."
        )
    return settings.database.file


def backups(folder: Path) -> list[Path]:
    """The finished backups in a folder, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{FACTS_FILE}") if path.parent.name != UNFINISHED)


def restore(source: Path, data: Path, *, told: Told = lambda done, total: None) -> tuple[Path, int]:
    """Make a data folder from a backup, or from the latest in a folder of them; the backup, and how many frames it
    held in flight: they are recorded as not inspected, capture_died.

    Raises EdgeError if `data` is there and not empty, `source` is no backup, or it is not whole.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise EdgeError(f"{data} is not empty: nothing was restored. Name a new folder with --data.")
    made = [source] if (source / FACTS_FILE).is_file() else backups(source)
    if not made:
        raise EdgeError(f"{source} is no finished backup, and holds none. Name a folder that `edge backup` made.")
    work = data.parent / f".{data.name}.restoring"
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    copied, total = 0, sum(1 for path in made[-1].rglob("*") if path.is_file())

    def copy(here: str, there: str) -> str:
        nonlocal copied
        copied += 1
        told(copied, total)
        return shutil.copy2(here, there)

    shutil.copytree(made[-1], work, copy_function=copy, ignore=shutil.ignore_patterns(FACTS_FILE))
    settings = Settings(data=work, database_url=None)
    engine = open_existing(settings.database, writes=True)
    settled = settle(engine, Reason.CAPTURE_DIED, journals=settings.journals, media=settings.media)
    engine.dispose()
    _check(settings.database, work, running=False)
    os.sync()
    work.rename(data)
    os.sync()
    return made[-1], settled


class _Media:
    """Pictures on their way into a backup."""

    def __init__(self, source: Path, target: Path, earlier: Path | None) -> None:
        self._source, self._target, self._earlier = source, target, earlier
        self.linked = self.copied_bytes = 0

    def take(self, paths: Iterable[str], told: Told) -> None:
        """Link or copy those that are not there yet; one that retention removed meanwhile is left out."""
        all_paths = list(paths)
        for done, path in enumerate(all_paths):
            told(done, len(all_paths))
            with suppress(FileNotFoundError):  # what the copied record names and has not is found by the check
                self._take(self._source / path, self._target / path, self._earlier and self._earlier / path)

    def _take(self, source: Path, target: Path, before: Path | None) -> None:
        size_bytes = source.stat().st_size
        if _is_file_of(target, size_bytes):
            return
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if before and _is_file_of(before, size_bytes):
            target.hardlink_to(before)
            self.linked += 1
            return
        part = target.with_name(f"{target.name}.part")
        shutil.copy2(source, part)
        part.rename(target)
        self.copied_bytes += size_bytes

    def drop_others(self, paths: Iterable[str]) -> None:
        """Remove what the copied record does not name: trimmed since, or left by a killed backup."""
        named = {self._target / path for path in paths}
        for path in self._target.rglob("*"):
            if path.is_file() and path not in named:
                path.unlink()


def _is_file_of(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes


def _check_place(settings: Settings, folder: Path, name: str) -> None:
    if folder.resolve().is_relative_to(settings.data.resolve()):
        raise EdgeError(f"{folder} lies in the data folder itself. Name a folder elsewhere, best on another disk.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeError(f"{folder} cannot be made: {error.strerror}. Name another folder.") from error
    strange = [path.name for path in folder.iterdir() if path.name != UNFINISHED and not (path / FACTS_FILE).is_file()]
    if strange:
        raise EdgeError(f"{folder} holds {strange[0]}, which is no backup. Name a folder for backups alone.")
    for made in backups(folder):
        other = json.loads((made / FACTS_FILE).read_text())["record"]
        if other != name:
            raise EdgeError(
                f"{made} is a backup of the record {other}, and {settings.data} holds {name}. Name another folder, one "
                "for each data folder."
            )


def _copy_folders(settings: Settings, work: Path) -> None:
    """Bundles, as they are between two promotions, and calibrations' reports."""
    if settings.bundles.is_dir():
        with locked(settings.bundles):
            shutil.copytree(settings.bundles, work / "bundles", ignore=shutil.ignore_patterns(f"{DRAFT}*"))
    if settings.reports.is_dir():
        shutil.copytree(settings.reports, work / "reports")


def _check(database: Database, data: Path, *, running: bool) -> None:
    """Raise EdgeError unless every row has its frame and its files, and no file is too much."""
    folders = Settings(data=data)
    engine = open_engine(database)
    found = verify(engine, journals=folders.journals, media=folders.media)
    engine.dispose()
    if not found.good_while(running=running) or found.stray_files:
        lost = found.missing_files + found.stray_files
        raise EdgeError(
            f"the copy in {data} is not whole ({len(lost)} files, first: {lost[:1]}). `edge verify` on both folders "
            "says what is wrong; earlier backups are as they were."
        )
