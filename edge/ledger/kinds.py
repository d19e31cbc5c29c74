"""Kinds of defect that reviewers choose from: a list that engineers edit."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from edge.ledger.record import Base


class DefectKind(Base):
    """A kind of defect; a retired one is offered no more, and the reviews that name it stay."""

    __tablename__ = "defect_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    added_by: Mapped[str]
    added_ns: Mapped[int] = mapped_column(BigInteger)
    retired_ns: Mapped[int | None] = mapped_column(BigInteger)
