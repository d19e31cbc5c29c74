"""What counts of a category's pictures, as somebody drew it on the page: orders of the kind `area`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.orders import Order
from edge.ledger.record import unit_of_work

AREA = "area"
Polygons = Sequence[Sequence[tuple[float, float]]]
"""Polygons of at least three corners, (x, y) as shares of the picture's width and height, 0..1."""


@dataclass(frozen=True, slots=True)
class DrawnArea:
    """What counts: inside any polygon of `area` (everywhere if there is none), outside all of `ignore`.

    Without any polygon the whole picture counts.

    bundle: content hash of the bundle over whose first reference it was drawn
    """

    order_id: int
    category: str
    bundle: str
    area: Polygons
    ignore: Polygons
    drawn_by: str
    drawn_ns: int
    state: str
    answer: str | None


def ask_area(session: Session, *, category: str, bundle: str, area: Polygons, ignore: Polygons, by: str) -> int:
    """Ask for the category's next bundle with this area; returns the order's id."""
    details = {"bundle": bundle, "area": area, "ignore": ignore}
    order = Order(asked_ns=time.time_ns(), asked_by=by, kind=AREA, category=category, details=details)
    session.add(order)
    session.flush()
    return order.id


def newest_area(session: Session, category: str) -> DrawnArea | None:
    """What was drawn last for a category, whatever became of it; None if nothing ever was."""
    drawn = select(Order).where(Order.kind == AREA, Order.category == category)
    order = session.scalar(drawn.order_by(Order.id.desc()).limit(1))
    return None if order is None else _drawn(order)


def waiting_areas(engine: Engine) -> list[DrawnArea]:
    """What was drawn and nobody has taken up, or not to its end; the oldest first, of each category the newest."""
    unanswered = select(Order).where(Order.kind == AREA, Order.state.in_(("waiting", "doing"))).order_by(Order.id)
    with Session(engine) as session:
        newest = {order.category: order for order in session.scalars(unanswered)}
        return [_drawn(order) for order in newest.values()]


def area_to_build(engine: Engine, category: str) -> DrawnArea:
    """Take up the newest area of a category, engine opened with `writes=True`.

    Raises EdgeError if none was drawn, or the newest has become a bundle already.
    """
    with unit_of_work(engine) as session:
        newest = newest_area(session, category)
        if newest is None or newest.state == "done":
            since = "" if newest is None else f" since ({newest.answer})"
            raise EdgeError(
                f"no area of {category} was drawn on the page{since}. Draw one there (Regions), or give --area FILE "
                "or --ignore FILE."
            )
        order = session.get_one(Order, newest.order_id)
        order.state = "doing"
    return newest


def answer_area(engine: Engine, drawn: DrawnArea, *, done: bool, answer: str, only_unanswered: bool = False) -> None:
    """Say what became of it and of those drawn before it for the category, engine opened with `writes=True`.

    only_unanswered: let an answer stand that is there already
    """
    with unit_of_work(engine) as session:
        order = session.get_one(Order, drawn.order_id)
        if only_unanswered and order.answer is not None:
            return
        order.state, order.answer, order.answered_ns = "done" if done else "refused", answer, time.time_ns()
        older = update(Order).where(Order.kind == AREA, Order.category == drawn.category, Order.id < drawn.order_id)
        session.execute(
            older.where(Order.answer.is_(None)).values(state="refused", answer="another was drawn after it"),
        )


def _drawn(order: Order) -> DrawnArea:
    details = cast(dict[str, Any], order.details)
    return DrawnArea(
        order.id, cast(str, order.category), details["bundle"], details["area"], details["ignore"], order.asked_by,
        order.asked_ns, order.state, order.answer,
    )  # fmt: skip
