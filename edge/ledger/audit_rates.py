"""Which share of `ok` frames is drawn for the audit, by category; set on the page, read by the worker."""

from sqlalchemy import BigInteger, CheckConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.errors import EdgeError
from edge.ledger.categories import CategoryAtHand
from edge.ledger.record import Base, BundleRow, Camera, Inspection


class AuditRate(Base):
    """A rate that somebody set; the latest of a category counts. 0..1, a category without one has 0."""

    __tablename__ = "audit_rate"
    __table_args__ = (CheckConstraint("rate BETWEEN 0 AND 1"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str]
    rate: Mapped[float]
    set_by: Mapped[str]
    set_ns: Mapped[int] = mapped_column(BigInteger)


def rates(session: Session) -> list[AuditRate]:
    """The rate in force of each category that ever had one, by name."""
    newest = select(func.max(AuditRate.id)).group_by(AuditRate.category)
    return list(session.scalars(select(AuditRate).where(AuditRate.id.in_(newest)).order_by(AuditRate.category)))


def knows_category(session: Session, category: str) -> bool:
    """Whether the record names this category: a rate, a bundle, a camera or, which takes a while to ask, a frame."""
    named = (
        AuditRate.category, CategoryAtHand.name, BundleRow.category, Camera.category, Inspection.category
    )  # fmt: skip
    return any(session.scalar(select(column).where(column == category).limit(1)) is not None for column in named)


def set_rate(session: Session, category: str, rate: float, *, set_by: str, set_ns: int) -> AuditRate:
    """Have this share of a category's `ok` frames kept from now on. Raises EdgeError unless it is 0..1.

    session: holds the write lock
    """
    if not 0 <= rate <= 1:
        raise EdgeError(f"audit rate {rate} of {category}: it is a share, 0..1, for example 0.01 for one part in 100.")
    row = AuditRate(category=category, rate=rate, set_by=set_by, set_ns=set_ns)
    session.add(row)
    session.flush()
    return row
