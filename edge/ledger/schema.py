"""The record's tables, created and upgraded by Alembic; the revisions are in `migrations/versions`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from edge.errors import EdgeError
from edge.ledger.record import open_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path) -> None:
    """Create the record at `path`, or upgrade it to this version.

    Raises EdgeError if the folder cannot be written, the file is no database, or a newer version has been at it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / ".writable").touch()
        (path.parent / ".writable").unlink()
    except OSError as error:
        raise EdgeError(
            f"data folder {path.parent} cannot be written: {error.strerror}. Choose another one with --data."
        ) from error
    engine = open_engine(path, writes=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as connection:
            _refuse_newer(MigrationContext.configure(connection).get_current_revision(), config, path)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise EdgeError(
            f"record {path} cannot be opened as a database: {error.orig}. "
            "The file is kept as it is; move it away to begin a new one."
        ) from error
    finally:
        engine.dispose()


def open_existing(path: Path, *, writes: bool = False) -> Engine:
    """An engine on the record at `path`, upgraded to this version. Raises EdgeError if there is none, or as `prepare`.

    writes: as for `open_engine`
    """
    if not path.is_file():
        raise EdgeError(f"no record in {path.parent}. Start a line there (`edge run`), or name its folder with --data.")
    prepare(path)
    return open_engine(path, writes=writes)


def _refuse_newer(revision: str | None, config: Config, path: Path) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise EdgeError(
            f"record {path} is at revision {revision}, which is newer than this program (it knows {sorted(known)}). "
            "Upgrade the program, or choose another data folder with --data."
        )
