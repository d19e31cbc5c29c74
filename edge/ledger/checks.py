"""Checks before a shift in the record: only added, and read as each category's last one."""

import time
from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from edge.ledger.record import ShiftCheck, unit_of_work


def record_check(
    engine: Engine, *, category: str, bundle: str, passed: bool, reason: str, details: Sequence[dict[str, object]]
) -> None:
    """Add the outcome of one check; engine: opened with `writes=True`."""
    with unit_of_work(engine) as session:
        session.add(
            ShiftCheck(
                at_ns=time.time_ns(), category=category, bundle=bundle, passed=passed, reason=reason,
                details=list(details),
            )
        )  # fmt: skip


def last_checks(session: Session) -> list[ShiftCheck]:
    """The last check of every category, by name."""
    newest = select(func.max(ShiftCheck.id)).group_by(ShiftCheck.category)
    return list(session.scalars(select(ShiftCheck).where(ShiftCheck.id.in_(newest)).order_by(ShiftCheck.category)))
