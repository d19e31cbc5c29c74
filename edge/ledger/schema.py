"""The record's tables, created and upgraded by Alembic; the revisions are in `migrations/versions`."""

import os
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DatabaseError

from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.damage import refuse_other
from edge.ledger.mounts import network_mount
from edge.ledger.patience import passing_cause
from edge.ledger.postgresql import check_collation, make_station
from edge.ledger.record import is_busy, open_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(database: Database) -> None:
    """Create the record, or upgrade it to this version.

    One that is at this version is not written to, so that a worker can start beside whoever holds the lock.
    Raises EdgeError if its folder cannot be written, or lies on a network mount, the file is no database or damaged, a
    newer version has been at it, or PostgreSQL cannot be reached or has the database in another order of texts.
    """
    if database.file is not None:
        refuse_network(database.file.parent)
        if _is_current(database, database.file):
            return
        make_folder(database.file.parent)
    engine = open_engine(database, writes=True)
    config = _config()
    try:
        with engine.begin() as connection:
            if database.url is not None:
                check_collation(connection)
                make_station(connection, database.station, named=database.named)
            _refuse_newer(MigrationContext.configure(connection).get_current_revision(), config, database)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise EdgeError(f"record {database} {_trouble(database, error)}") from error
    finally:
        engine.dispose()


def _is_current(database: Database, file: Path) -> bool:
    """Whether the record is there and at this version; asked without writing."""
    if not file.is_file() or not all(os.access(each, os.W_OK) for each in (file, file.parent)):
        return False
    engine = open_engine(database)
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    except DatabaseError:  # what is wrong shows as well when it is opened for writing
        return False
    finally:
        engine.dispose()
    return revision == ScriptDirectory.from_config(_config()).get_current_head()


def try_to_write(database: Database) -> bool:
    """Take the write lock of the record that is there, and change nothing; whether it is at this version.

    Raises EdgeError for what `prepare` does.
    """
    engine = open_engine(database, writes=True)
    config = _config()
    try:
        with engine.begin() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            _refuse_newer(revision, config, database)
        return revision == ScriptDirectory.from_config(config).get_current_head()
    except DatabaseError as error:
        raise EdgeError(f"record {database} {_trouble(database, error)}") from error
    finally:
        engine.dispose()


def refuse_network(folder: Path) -> None:
    """Raise EdgeError if a data folder lies on a network mount."""
    if mount := network_mount(folder):
        raise EdgeError(
            f"data folder {folder} lies on {mount.source}, a network mount ({mount.kind}), where a SQLite record is "
            "damaged sooner or later. Choose a folder on a disk of this machine with --data."
        )


def exists(database: Database) -> bool:
    """Whether there is a record, of whatever version. Raises EdgeError if PostgreSQL cannot be reached."""
    if database.file is not None:
        return database.file.is_file()
    engine = open_engine(database)
    try:
        return inspect(engine).has_table("alembic_version")
    except DatabaseError as error:
        raise EdgeError(f"record {database} {_trouble(database, error)}") from error
    finally:
        engine.dispose()


def need_record(database: Database) -> None:
    """Raise EdgeError if there is no record yet, or something else in its place."""
    if database.file is not None and database.file.exists():
        refuse_other(database.file)
        return
    if exists(database):
        return
    if database.file is None:
        raise EdgeError(
            f"no record in {database} yet. Start a line on it (`edge run`), or mend EDGE_DATABASE_URL or EDGE_STATION."
        )
    folder = database.file.parent
    raise EdgeError(f"no record in {folder}. Start a line there (`edge run`), or name its folder with --data.")


def open_existing(database: Database, *, writes: bool = False) -> Engine:
    """An engine on the record, upgraded to this version. Raises EdgeError if there is none, or as `prepare`.

    writes: as for `open_engine`
    """
    need_record(database)
    prepare(database)
    return open_engine(database, writes=writes)


def make_folder(folder: Path) -> None:
    """Make a data folder if it is not there. Raises EdgeError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise EdgeError(
            f"data folder {folder} cannot be written: {error.strerror}. Choose another one with --data."
        ) from error


def _trouble(database: Database, error: DatabaseError) -> str:
    """What is wrong, and the next step."""
    if database.file is not None and (cause := passing_cause(error)):
        return f"cannot be used now: {cause} ({error.orig}). It is not damaged; mend that, and try again."
    if database.file is not None:
        return (
            f"cannot be opened as a database: {error.orig}. The file is kept as it is; move it away to begin a new one."
        )
    if is_busy(error):
        return "is being written by others all the time. Try again in a moment."
    cause = " ".join(str(error.orig).split())
    return f"cannot be reached or upgraded: {cause}. Look at the PostgreSQL server, or mend EDGE_DATABASE_URL."


@dataclass(frozen=True, slots=True)
class Downgrade:
    """A way back: from which revision to which, and by each step what it loses, the newest first."""

    current: str
    target: str
    losses: dict[str, str]


def way_back(database: Database, target: str) -> Downgrade:
    """What a downgrade of the record would lose.

    Raises EdgeError if it is newer than this program, or `target` is no revision before its own.
    """
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    engine = open_engine(database)
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    _refuse_newer(current, config, database)
    revisions = [script.revision for script in scripts.walk_revisions("base", current or "base")]
    if current is None or target not in revisions[1:]:
        raise EdgeError(
            f"record {database} is at revision {current}, which {target} does not come before. "
            f"It can go back to: {', '.join(revisions[1:]) or 'none'}."
        )
    steps = [scripts.get_revision(revision) for revision in revisions[: revisions.index(target)]]
    losses = {step.revision: " ".join((step.module.downgrade.__doc__ or "").split()) for step in steps if step}
    return Downgrade(current, target, losses)


def downgrade(database: Database, way: Downgrade) -> None:
    """Go that way, in one transaction. Only for when nobody has the record open, and after a copy was made."""
    config, engine = _config(), open_engine(database, writes=True)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, way.target)
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _refuse_newer(revision: str | None, config: Config, database: Database) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise EdgeError(
            f"record {database} is at revision {revision}, which is newer than this program "
            f"(it knows {sorted(known)}). Upgrade the program, or name another record with --data or EDGE_DATABASE_URL."
        )
