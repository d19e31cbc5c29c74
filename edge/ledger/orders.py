"""What people ask of the line: rows that page and commands add, and the supervisor answers, or a worker by itself."""

import time
from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Engine, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.ledger.record import Base, BigKey, unit_of_work


class OrderState(StrEnum):
    """How far an order is."""

    WAITING = "waiting"
    DOING = "doing"
    DONE = "done"
    REFUSED = "refused"


FORGET = "forget"
OF_CAMERAS = ("start", "stop", "changeover", FORGET)
OPEN = (OrderState.WAITING, OrderState.DOING)


class Order(Base):
    """Something asked of the line.

    kind:   start | stop | changeover | forget (of a camera), area (a new bundle of a category, its area in `details`)
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
    state: Mapped[str] = mapped_column(default=OrderState.WAITING.value)
    answered_ns: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str | None]


def add_order(
    session: Session,
    kind: str,
    *,
    asked_by: str,
    camera: str | None = None,
    category: str | None = None,
    reason: str | None = None,
) -> Order:
    """Ask something of the line; the row has its id when this returns."""
    order = Order(
        asked_ns=time.time_ns(), asked_by=asked_by, kind=kind, camera=camera, category=category, reason=reason
    )
    session.add(order)
    session.flush()
    return order


def waiting_orders(session: Session, kinds: Collection[str]) -> list[Order]:
    """Orders of these kinds that nobody has begun, the oldest first."""
    query = select(Order).where(Order.state == OrderState.WAITING.value, Order.kind.in_(kinds))
    return list(session.scalars(query.order_by(Order.id)))


def newest_orders(session: Session, *, limit: int) -> list[Order]:
    """The last orders, the newest first."""
    return list(session.scalars(select(Order).order_by(Order.id.desc()).limit(limit)))


def begin_order(engine: Engine, order_id: int) -> None:
    """Note that the line is at it. engine: opened for writing, here and below."""
    with unit_of_work(engine) as session:
        session.execute(update(Order).where(Order.id == order_id).values(state=OrderState.DOING.value))


def answer_order(engine: Engine, order_id: int, state: OrderState, answer: str) -> None:
    """Note how an order ended."""
    said = {"state": state.value, "answer": answer, "answered_ns": time.time_ns()}
    with unit_of_work(engine) as session:
        session.execute(update(Order).where(Order.id == order_id).values(said))


def refuse_open(engine: Engine, kinds: Collection[str], answer: str) -> None:
    """Refuse every order of these kinds that has no answer."""
    said = {"state": OrderState.REFUSED.value, "answer": answer, "answered_ns": time.time_ns()}
    with unit_of_work(engine) as session:
        session.execute(update(Order).where(Order.state.in_(OPEN), Order.kind.in_(kinds)).values(said))
