"""What the fields of the search form offer; each list is short, and read from small tables."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.find.filters import REVIEWS
from dashboard.words import REASONS, reviewed
from edge.ledger.bundles import BundleRow
from edge.ledger.record import Camera, Run

NEWEST_RUNS = 50


@dataclass(frozen=True, slots=True)
class Choices:
    """By field, what its value stands for."""

    cameras: dict[str, str]
    categories: dict[str, str]
    runs: list[str]
    bundles: dict[str, str]
    reasons: dict[str, str]
    reviews: dict[str, str]


def choices(session: Session) -> Choices:
    """What there is to choose from now."""
    return Choices(
        cameras={name: name for name in sorted(session.scalars(select(Camera.name).distinct()))},
        categories={name: name for name in sorted(filter(None, session.scalars(select(Camera.category).distinct())))},
        runs=list(session.scalars(select(Run.name).order_by(Run.id.desc()).limit(NEWEST_RUNS))),
        bundles=bundle_names(session),
        reasons=REASONS,
        reviews={name: reviewed(name) for name in REVIEWS},
    )


def bundle_names(session: Session) -> dict[str, str]:
    """Names of bundles by their hashes, the newest first."""
    rows = session.scalars(select(BundleRow).order_by(BundleRow.first_used_ns.desc()))
    return {row.sha256: row.name for row in rows}
