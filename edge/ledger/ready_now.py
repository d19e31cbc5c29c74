"""What readiness is decided by, gathered: heartbeats, what the record says of line and checks, and the disk."""

import shutil
import time

from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from edge.ledger.beats import read_beats
from edge.ledger.camera_states import Doing, states
from edge.ledger.categories import categories_at_hand
from edge.ledger.checks import last_checks
from edge.ledger.damage import Damaged
from edge.ledger.readiness import CameraFacts, Limits, LineFacts, Readiness, readiness, unreadable
from edge.ledger.record import BundleRow
from edge.settings import Settings


def ready_now(settings: Settings, engine: Engine) -> Readiness:
    """Whether the line on this data folder is inspecting at this moment; it never raises for what it cannot read."""
    try:
        with Session(engine) as session:
            return readiness_of(settings, session)
    except (DatabaseError, Damaged, OSError) as error:
        return unreadable(str(error.orig if isinstance(error, DatabaseError) else error))


def readiness_of(settings: Settings, session: Session) -> Readiness:
    """The same by an open session. Raises OSError and DatabaseError for what it cannot read."""
    return readiness(line_facts(settings, session), Limits(settings.ready_limit_s, settings.camera_limit_s))


def line_facts(settings: Settings, session: Session) -> LineFacts:
    """What is known of the line now. Raises OSError if the data folder is gone."""
    cameras = [
        CameraFacts(row.camera, Doing(row.state), row.reason, row.category, row.beat_ns) for row in states(session)
    ]
    return LineFacts(
        beats=read_beats(settings.beats),
        cameras=cameras,
        failed_checks=_failed_checks(session),
        free_bytes=shutil.disk_usage(settings.data).free,
        now_s=time.monotonic(),
        now_ns=time.time_ns(),
    )


def _failed_checks(session: Session) -> dict[str, str]:
    """By category, why its last check failed; not where another bundle is known to have come into use since."""
    names = {row.sha256: row.name for row in session.scalars(select(BundleRow))}
    in_use = {row.name: row.bundle for row in categories_at_hand(session)}
    return {
        check.category: check.reason
        for check in last_checks(session)
        if not check.passed and names.get(check.bundle, in_use.get(check.category)) == in_use.get(check.category)
    }
