"""What the page says of the line beside its frames: drift alarms in force, and the last check before a shift."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.moments import utc
from dashboard.views import AlarmView, CheckView
from edge.ledger.alarms import rows_in_force
from edge.ledger.checks import last_checks
from edge.ledger.record import Camera


def alarms(session: Session) -> list[AlarmView]:
    """Alarms in force, the oldest first, of every camera as its newest run has it."""
    newest = session.execute(select(func.max(Camera.id).label("id"), Camera.name).group_by(Camera.name))
    names = {row.id: row.name for row in newest}
    return [
        AlarmView(
            camera=names[row.camera_id], category=row.category, kind=row.kind, measure=row.measure, value=row.value,
            centre=row.centre, low=row.low, high=row.high, sentence=row.sentence, since=utc(row.at_ns),
        )
        for row in rows_in_force(session, list(names))
    ]  # fmt: skip


def checks(session: Session) -> list[CheckView]:
    """The last check of every category."""
    return [
        CheckView(category=row.category, passed=row.passed, reason=row.reason, bundle=row.bundle, at=utc(row.at_ns))
        for row in last_checks(session)
    ]
