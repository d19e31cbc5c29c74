"""The categories that can be drawn on, each with the bundle that the line took up last."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import files
from dashboard.moments import utc
from dashboard.regions.views import CategoryView, DrawnView
from edge.ledger.bundles import BundleRow
from edge.ledger.drawn_areas import newest_area

AREA_FILE = "area.png"


def categories(session: Session) -> list[CategoryView]:
    """Every category that has judged, by name."""
    newest = {row.category: row for row in session.scalars(select(BundleRow).order_by(BundleRow.first_used_ns))}
    return [_view(session, newest[name]) for name in sorted(newest)]


def bundle_of(session: Session, category: str) -> BundleRow | None:
    """The bundle of a category that was taken up last; None if none ever was."""
    mine = select(BundleRow).where(BundleRow.category == category).order_by(BundleRow.first_used_ns.desc())
    return session.scalar(mine.limit(1))


def category(session: Session, name: str) -> CategoryView | None:
    """One category; None if it never judged."""
    row = bundle_of(session, name)
    return None if row is None else _view(session, row)


def reference_of(bundles: Path, row: BundleRow) -> Path | None:
    """The bundle's first reference picture; None if it is not at hand."""
    folder = f"{row.folder}/references"
    try:
        names = sorted(path.name for path in (bundles / folder).iterdir())
    except OSError:
        return None
    return files.inside(bundles, f"{folder}/{names[0]}") if names else None


def area_file(bundles: Path, row: BundleRow) -> Path | None:
    """The mask of what the bundle looks at; None if that is the whole picture."""
    return files.inside(bundles, f"{row.folder}/{AREA_FILE}")


def _view(session: Session, row: BundleRow) -> CategoryView:
    drawn = newest_area(session, row.category)
    return CategoryView(
        category=row.category,
        bundle=row.sha256,
        bundle_name=row.name,
        drawn=None
        if drawn is None
        else DrawnView(
            order=drawn.order_id,
            bundle=drawn.bundle,
            area=drawn.area,
            ignore=drawn.ignore,
            drawn_by=drawn.drawn_by,
            drawn_at=utc(drawn.drawn_ns),
            state=drawn.state,
            answer=drawn.answer,
        ),
    )
