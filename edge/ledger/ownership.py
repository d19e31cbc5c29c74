"""Whose pictures a media folder holds: the record's own name, which the folder repeats in a file.

Nothing is removed from a folder that names another record, or from one of a record that does not know its files: a
database that is missing, empty or another one must not cost pictures.
"""

from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.durable import make_folder, sync_folder, write_whole
from edge.errors import EdgeError
from edge.ledger.record import Base, Inspection

NAME_FILE = ".record"


class RecordName(Base):
    """The one row that tells a record from every other; made at random with its table."""

    __tablename__ = "record_name"

    name: Mapped[str] = mapped_column(primary_key=True)


def record_name(engine: Engine) -> str:
    """What this record is called, 32 hexadecimal digits."""
    with Session(engine) as session:
        return session.scalars(select(RecordName.name)).one()


def own(engine: Engine, media: Path) -> None:
    """Make sure that a media folder is this record's; a nameless one becomes its own, if empty or known.

    Raises EdgeError if it is another record's, or nobody can tell.
    """
    name, file = record_name(engine), media / NAME_FILE
    if not file.is_file():
        _check_known(engine, media)
        make_folder(media)
        write_whole(file, f"{name}\n".encode())
        sync_folder(media)
    elif (found := file.read_text(errors="replace").strip()) != name:
        raise EdgeError(
            f"the pictures in {media} are those of the record {found[:40]!r}, and this one is {name!r}. None will be "
            "removed. Bring back the record that they belong to, or move the folder away with it; if they are this "
            f"record's all the same (it was downgraded), remove {file}."
        )


def _check_known(engine: Engine, media: Path) -> None:
    """Raise EdgeError for a folder with files, of which the record's newest picture is none."""
    if not any(path.is_file() for path in media.rglob("*")):
        return
    newest = select(Inspection.picture_path).where(Inspection.picture_path.is_not(None))
    with Session(engine) as session:
        path = session.scalar(newest.order_by(Inspection.id.desc()).limit(1))
    if path is None or not (media / path).is_file():
        raise EdgeError(
            f"{media} holds pictures that this record does not know. None will be removed. Bring back the record that "
            "they belong to, or move the folder away."
        )
