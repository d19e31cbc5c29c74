"""The record as a table for other programs."""

import csv
from datetime import UTC, datetime
from typing import TextIO

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from edge.ledger.record import Camera, Inspection, Run

COLUMNS = (
    "run", "camera", "seq", "source", "captured_at", "verdict", "reason", "score", "threshold", "defect_threshold",
    "latency_ms", "category", "bundle", "part", "lot", "serial",
)  # fmt: skip
ROWS_AT_ONCE = 1000


def export_csv(engine: Engine, file: TextIO, *, run: str | None = None) -> None:
    """Write one row a frame, in order of run, camera and number; captured_at is ISO 8601 in UTC, empty is unknown."""
    query = (
        select(Inspection, Run.name, Camera.name)
        .join(Run, Inspection.run_id == Run.id)
        .join(Camera, Inspection.camera_id == Camera.id)
        .order_by(Run.id, Camera.name, Inspection.seq)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    if run is not None:
        query = query.where(Run.name == run)
    table = csv.writer(file)
    table.writerow(COLUMNS)
    with Session(engine) as session:
        for row, run_name, camera in session.execute(query):
            captured_at = datetime.fromtimestamp(row.captured_ns / 1e9, tz=UTC).isoformat(timespec="microseconds")
            table.writerow([
                run_name, camera, row.seq, row.source, captured_at, row.outcome, row.reason, row.score, row.threshold,
                row.defect_threshold, round(row.latency_ms, 3), row.category, row.bundle, row.part, row.lot, row.serial,
            ])  # fmt: skip
