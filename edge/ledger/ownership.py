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
    """Make sure that a media folder is this record's; a nameless one becomes its own, if it holds what it should.

    Raises EdgeError if it is another record's, nobody can tell, or the record's pictures are not there.
    """
    name, file = record_name(engine), media / NAME_FILE
    if not file.is_file():
        _check_known(engine, media, name)
        make_folder(media)
        write_whole(file, f"{name}\n".encode())
        sync_folder(media)
    elif (found := file.read_text(errors="replace").strip()) != name:
        raise EdgeError(
            f"the pictures in {media} are those of the record {found[:40]!r}, and this one is {name!r}. None will be "
            "removed. Bring back the record that they belong to, or move the folder away with it; if they are this "
            f"record's all the same (it was downgraded), remove {file}."
        )


def _check_known(engine: Engine, media: Path, name: str) -> None:
    """Raise EdgeError unless the record's oldest and newest picture are there, or it has none and the folder no file.

    Both: a line may have begun to write to the folder onto which the disk with all others was not mounted.
    """
    named = select(Inspection.picture_path).where(Inspection.picture_path.is_not(None)).limit(1)
    with Session(engine) as session:
        paths = {path for by in (Inspection.id, Inspection.id.desc()) for path in session.scalars(named.order_by(by))}
    if not paths and any(path.is_file() for path in media.rglob("*")):
        raise EdgeError(
            f"{media} holds pictures that this record does not know. None will be removed. Bring back the record that "
            "they belong to, or move the folder away."
        )
    if away := sorted(path for path in paths if path and not (media / path).is_file()):
        raise EdgeError(
            f"{media} has no name, and {away[0]}, a picture of the record {name}, is not in it: it may be the wrong "
            "folder. No picture will be removed. Mount the disk or bring back the folder that the pictures are in, or "
            f"mend --data; if that picture is lost for good, write {name} into {media / NAME_FILE}."
        )
