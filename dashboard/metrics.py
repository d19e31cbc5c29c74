"""GET /metrics: the line in Prometheus' text format, version 0.0.4."""

import time
from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import queries
from dashboard.site import SiteOf
from dashboard.views import Counts
from edge.alarm import Kind
from edge.ledger.record import Camera
from edge.verdict import Outcome

router = APIRouter(include_in_schema=False)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Series = tuple[Mapping[str, str], float]


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(site: SiteOf) -> PlainTextResponse:
    """Counts of outcomes, alarms in force and last checks; no addresses, no file names."""
    with site.reader.read() as reading:
        counts = queries.counts(reading, time.time_ns())
        cameras = _cameras(reading.session)
    text = "".join(
        (
            _family("edge_inspections_total", "counter", "Frames by outcome, over all runs.", _outcomes(counts)),
            _family("edge_alarm", "gauge", "1 while a drift alarm is in force.", _alarms(counts, cameras)),
            _family("edge_check_passed", "gauge", "1 if a category's last check passed.", _checks(counts)),
        )
    )
    return PlainTextResponse(text, media_type=CONTENT_TYPE)


def _cameras(session: Session) -> dict[str, str]:
    """Each camera's category in its newest run; cameras without one are not watched."""
    newest = {
        row.name: row.category for row in session.execute(select(Camera.name, Camera.category).order_by(Camera.id))
    }
    return {name: category for name, category in newest.items() if category}


def _outcomes(counts: Counts) -> list[Series]:
    return [({"outcome": outcome.value}, getattr(counts, outcome.value)) for outcome in Outcome]


def _alarms(counts: Counts, cameras: Mapping[str, str]) -> list[Series]:
    in_force = {(alarm.camera, alarm.kind) for alarm in counts.alarms}
    return [
        ({"camera": camera, "category": category, "kind": kind.value}, float((camera, kind.value) in in_force))
        for camera, category in sorted(cameras.items())
        for kind in Kind
    ]


def _checks(counts: Counts) -> list[Series]:
    return [({"category": check.category}, float(check.passed)) for check in counts.checks]


def _family(name: str, kind: str, help_text: str, series: Iterable[Series]) -> str:
    lines = [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
    for labels, value in series:
        pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{{{pairs}}} {value:g}" if value < 1e6 else f"{name}{{{pairs}}} {value:.0f}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
