"""Which share of `ok` frames is drawn for the audit, by category; set on the page, read by the worker."""

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edge.ledger.record import Base


class AuditRate(Base):
    """A rate that somebody set; the latest of a category counts. 0..1, a category without one has 0."""

    __tablename__ = "audit_rate"
    __table_args__ = (CheckConstraint("rate BETWEEN 0 AND 1"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str]
    rate: Mapped[float]
    set_by: Mapped[str]
    set_ns: Mapped[int] = mapped_column(BigInteger)
