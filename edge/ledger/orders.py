"""What people ask of the line: rows that the page adds and the supervisor answers."""

from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from edge.ledger.record import Base, BigKey


class Order(Base):
    """Something asked of the line.

    kind:   start | stop | changeover (of a camera), area (a new bundle of a category, whose area is in `details`)
    state:  waiting | doing | done | refused;  answer: of the line, in a sentence
    """

    __tablename__ = "line_order"
    __table_args__ = (Index("ix_line_order_state", "state", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    asked_ns: Mapped[int] = mapped_column(BigInteger)
    asked_by: Mapped[str]
    kind: Mapped[str]
    camera: Mapped[str | None]
    category: Mapped[str | None]
    reason: Mapped[str | None]
    details: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(default="waiting")
    answered_ns: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str | None]
