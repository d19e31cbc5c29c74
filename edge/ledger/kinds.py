"""Kinds of defect that reviewers choose from: a list that engineers edit."""

from sqlalchemy import BigInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.errors import EdgeError
from edge.ledger.record import Base

LONGEST_NAME = 60


class DefectKind(Base):
    """A kind of defect; a retired one is offered no more, and the reviews that name it stay."""

    __tablename__ = "defect_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    added_by: Mapped[str]
    added_ns: Mapped[int] = mapped_column(BigInteger)
    retired_ns: Mapped[int | None] = mapped_column(BigInteger)


def kinds(session: Session) -> list[DefectKind]:
    """All kinds in the order in which they were added, which gives each its key; the retired ones too."""
    return list(session.scalars(select(DefectKind).order_by(DefectKind.added_ns, DefectKind.id)))


def kinds_offered(session: Session) -> list[str]:
    """The names that reviewers choose from, in order."""
    return [kind.name for kind in kinds(session) if kind.retired_ns is None]


def add_kind(session: Session, name: str, *, added_by: str, added_ns: int) -> DefectKind:
    """Offer a kind, at the end of the list; a retired one comes back there. Raises EdgeError if it is offered already.

    session: holds the write lock
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise EdgeError(f"a kind of defect has a name of 1 to {LONGEST_NAME} characters.")
    row = session.scalar(select(DefectKind).where(DefectKind.name == name))
    if row is None:
        row = DefectKind(name=name)
        session.add(row)
    elif row.retired_ns is None:
        raise EdgeError(f"there is a kind {name} already.")
    row.added_by, row.added_ns, row.retired_ns = added_by, added_ns, None
    session.flush()
    return row


def retire_kind(session: Session, kind_id: int, *, retired_ns: int) -> DefectKind:
    """Offer a kind no more; the reviews that name it stay. Raises EdgeError if there is none.

    session: holds the write lock
    """
    row = session.get(DefectKind, kind_id)
    if row is None or row.retired_ns is not None:
        raise EdgeError(f"there is no kind with number {kind_id} to retire.")
    row.retired_ns = retired_ns
    return row
