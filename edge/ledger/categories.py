"""The categories that a camera of the running line can be changed over to, as the supervisor sees them."""

from collections.abc import Mapping

from sqlalchemy import Engine, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.ledger.record import Base, unit_of_work


class CategoryAtHand(Base):
    """A category with a promoted bundle. bundle: its name, for example `pcb@7`."""

    __tablename__ = "category_at_hand"

    name: Mapped[str] = mapped_column(primary_key=True)
    bundle: Mapped[str]


def tell_categories(engine: Engine, bundles: Mapping[str, str]) -> None:
    """Say which categories there are now, with their bundles. engine: opened for writing."""
    with unit_of_work(engine) as session:
        for row in session.scalars(select(CategoryAtHand)):
            if row.name not in bundles:
                session.delete(row)
        for name, bundle in bundles.items():
            session.merge(CategoryAtHand(name=name, bundle=bundle))


def categories_at_hand(session: Session) -> list[CategoryAtHand]:
    """All of them, by name."""
    return list(session.scalars(select(CategoryAtHand).order_by(CategoryAtHand.name)))
