"""A backup is a data folder: `edge verify`, the page and `calibrate` read it like any other. FOLDER/<time in UTC>/.

The record is copied as it was at one moment while the line writes on; a picture never changes, so that one of an
earlier backup is linked and not copied again. Not copied: logs, thumbnails, live pictures, drafts of bundles.
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from edge import __version__, lock
from edge.copy_check import check
from edge.errors import EdgeError
from edge.ledger.copies import copy_database, copy_journals, media_paths, recorded
from edge.ledger.ownership import NAME_FILE, own, record_name
from edge.ledger.schema import open_existing
from edge.settings import Settings
from edge.vision.bundle_store import DRAFT, locked

FACTS_FILE = "backup.json"  # written last: a folder without it is no backup yet
UNFINISHED = "unfinished"
GOING = ".going-"
NAME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
TRIMMING_TIMEOUT_S = 60.0
Told = Callable[[int, int], None]
"""Told how many of how many pictures are there."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup. linked: pictures that an earlier backup had already; bytes: what was copied of them.

    troubles: what does not balance in it;  not_compared: cameras whose journal is on another machine, or lost
    """

    folder: str
    record: str
    version: str
    frames: int
    pictures: int
    linked: int
    copied_bytes: int
    duration_s: float
    troubles: list[str]
    not_compared: list[str]


def back_up(settings: Settings, folder: Path, *, keep: int | None, told: Told = lambda done, total: None) -> Backup:
    """Make a backup under `folder`, beside earlier ones of the same record; a line may run meanwhile.

    keep: how many backups stay, this one included; None: all. The newest that balances stays in any case.
    A killed one is gone on with. A record that lost pictures or a part of its journals is copied all the same, and
    `troubles` says so. Raises EdgeError if the folder holds anything else or cannot be written, or the record is
    damaged; earlier backups stay as they are.
    """
    began_s = time.monotonic()
    sqlite_file(settings)
    reads = open_existing(settings.database)
    name = record_name(reads)
    own(reads, settings.media)
    reads.dispose()
    _check_place(settings, folder, name)
    with writing(folder), lock.backups(folder):
        for path in folder.glob(f"{GOING}*"):
            shutil.rmtree(path)
        work, earlier = folder / UNFINISHED, backups(folder)
        copied = _Media(settings.media, work / "media", earlier[-1] / "media" if earlier else None)
        frames, pictures = _copy(settings, work, copied, told)
        (work / "media" / NAME_FILE).write_text(f"{name}\n")
        found = check(_settings_of(settings, work), in_flight=True)
        made = Backup(
            str(folder / _name_after(earlier)), name, __version__, frames, pictures, copied.linked,
            copied.copied_bytes, round(time.monotonic() - began_s, 1), found.troubles, found.not_compared,
        )  # fmt: skip
        os.sync()
        (work / FACTS_FILE).write_text(json.dumps(asdict(made), indent=1))
        os.sync()
        work.rename(made.folder)
        os.sync()
        for old in _too_many(folder, keep):
            going = old.rename(folder / f"{GOING}{old.name}")  # at once: what is left by a kill is no backup
            shutil.rmtree(going)
    return made


def _copy(settings: Settings, work: Path, copied: "_Media", told: Told) -> tuple[int, int]:
    """Fill `work` with all that a backup has; how many frames and how many pictures and maps that are."""
    for path in work.glob("*"):  # what a killed one left: pictures are whole and stay, all else is made anew
        if path.name != "media":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (work / "media").mkdir(parents=True, exist_ok=True)
    copy = _settings_of(settings, work)
    copied.take(media_paths(settings.database), told)  # most of them, while retention may still work
    with lock.media(settings.data, timeout_s=TRIMMING_TIMEOUT_S):
        copy_database(sqlite_file(settings), sqlite_file(copy))
        named = media_paths(copy.database)
        copied.take(named, told)
        copied.drop_others(named)
        has = recorded(copy.database)
        copy_journals(settings.journals, copy.journals, has)
    _copy_folders(settings, work)
    return sum(each.frames for each in has.values()), len(named)


def _settings_of(settings: Settings, work: Path) -> Settings:
    return settings.model_copy(update={"data": work})


def sqlite_file(settings: Settings) -> Path:
    """The record's file. Raises EdgeError for one in PostgreSQL, which has means of its own for copies and back."""
    if settings.database.file is None:
        raise EdgeError(
            f"the record is in {settings.database}: copy it with pg_dump, and then the folder {settings.data}. The "
            "dump from before an upgrade is the way back from it, with pg_restore. edge/ledger/POSTGRESQL.md says how."
        )
    return settings.database.file


def backups(folder: Path) -> list[Path]:
    """The finished backups in a folder, the oldest first; one that somebody renamed is not among them."""
    return sorted(path.parent for path in folder.glob(f"*/{FACTS_FILE}") if _made_at(path.parent))


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tells what cannot be written as EdgeError: a full disk is a thing that people can mend."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError, OperationalError) as error:
        cause = error.strerror or str(error) if isinstance(error, OSError) else getattr(error, "orig", error)
        about = getattr(error, "filename2", None) or getattr(error, "filename", None) or folder
        raise EdgeError(f"{folder} was not finished: {cause} ({about}). Mend that, and try again.") from error


def _made_at(backup: Path) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(backup.name, NAME_FORMAT).replace(tzinfo=UTC)
    return None


def _name_after(earlier: list[Path]) -> str:
    """The time; just after the latest backup, if the clock was set back since."""
    made_at = [datetime.now(UTC), *(at + timedelta(microseconds=1) for each in earlier if (at := _made_at(each)))]
    return max(made_at).strftime(NAME_FORMAT)


def _too_many(folder: Path, keep: int | None) -> list[Path]:
    """All but the newest `keep` backups, and but the newest one that balances."""
    there = backups(folder)
    whole = [path for path in there if not _facts(path).get("troubles")]
    return [path for path in there[: -keep if keep else 0] if path not in whole[-1:]]


def _facts(backup: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((backup / FACTS_FILE).read_text())
    return facts


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
            with suppress(OSError):  # where a file cannot have two names, it is copied
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
    for path in folder.iterdir():
        if path.name != UNFINISHED and not path.name.startswith(GOING) and not (path / FACTS_FILE).is_file():
            raise EdgeError(
                f"{folder} holds {path.name}, which is no finished backup. Move it away, or name a folder for backups "
                "alone."
            )
    for made in backups(folder):
        if (other := _facts(made)["record"]) != name:
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
