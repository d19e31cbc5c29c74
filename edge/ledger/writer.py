"""The one writer of inspections: a group of entries, one transaction, the first outcome of a frame wins.

What outputs are to be told is part of that transaction.
"""

import errno
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, aliased

from edge import __version__
from edge.alarm import Alarm
from edge.frame import FrameInfo, Pixels
from edge.ledger.alarms import alarm_row
from edge.ledger.media import drop_media, media_stem, sync_media, write_map, write_picture
from edge.ledger.outbox import announce
from edge.ledger.record import Camera, Inspection, RegionRow, Run, unit_of_work
from edge.ledger.retention import Why
from edge.ledger.room import Room
from edge.verdict import FLAGGED, Verdict

log = logging.getLogger(__name__)

UNKEPT_TOLD_EVERY_S = 60.0
MAP_TOP = 12.0  # largest value a stored map can hold: of four stages a cosine distance of 2 and a probability of 1 each


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A frame with its outcome, ready to be recorded; pixels may be None where there never were any.

    alarms: that began or ended with it; they are recorded even if the frame has an outcome already
    audit_rate: at which this `ok` frame was drawn for the audit, which keeps its picture and map; None if it was not
    """

    info: FrameInfo
    verdict: Verdict
    pixels: Pixels | None = None
    alarms: Sequence[Alarm] = ()
    audit_rate: float | None = None


class Writer:
    """Writes runs, cameras and inspections, and the pictures and maps of flagged and audited frames."""

    def __init__(self, engine: Engine, media: Path, room: Room | None = None) -> None:
        """engine: opened with `writes=True`; its tables exist. room: None writes every picture."""
        self._engine, self._media, self._room = engine, media, room
        self._cameras: dict[tuple[str, str], tuple[int, int]] = {}  # (run, camera) -> (run id, camera id)
        self._highest: dict[tuple[str, str], int] = {}  # (run, camera) -> the highest number recorded
        self._unkept, self._told_s = 0, float("-inf")

    def register(self, run: str, camera: str, *, source: str, category: str | None) -> tuple[int, int]:
        """Make sure that run and camera have their rows; returns what is recorded of the camera.

        That is (the number up to which every frame is, the highest number that is). The camera's category follows a
        changeover; each inspection has the one that it was judged as.
        """
        with unit_of_work(self._engine) as session:
            run_row = session.scalar(select(Run).where(Run.name == run))
            if run_row is None:
                run_row = Run(name=run, started_ns=time.time_ns(), version=__version__)
                session.add(run_row)
                session.flush()
            row = session.scalar(select(Camera).where(Camera.run_id == run_row.id, Camera.name == camera))
            if row is None:
                row = Camera(run_id=run_row.id, name=camera, source=source, category=category)
                session.add(row)
                session.flush()
            row.category = category
            self._cameras[run, camera] = (run_row.id, row.id)
            committed, self._highest[run, camera] = _high_water_marks(session, run_row.id, row.id)
            return committed, self._highest[run, camera]

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Record these entries in one transaction, pictures first; returns those that were new.

        An entry of a frame that has an outcome already changes nothing. Cameras must have been registered.
        Pictures are written before the transaction begins, so that nobody waits for the disk with the lock in hand.
        """
        known = self._recorded([entry for entry in entries if entry.info.seq <= self._highest[entry.info.key[:2]]])
        new: dict[tuple[str, str, int], Entry] = {}
        for entry in entries:
            if entry.info.key not in known:
                new.setdefault(entry.info.key, entry)
        rows = [self._row(entry) for entry in new.values()]
        alarms = [
            alarm_row(alarm, entry.info, *self._cameras[entry.info.key[:2]])
            for entry in entries
            for alarm in entry.alarms
        ]
        sync_media(self._media, (row.picture_path for row in rows if row.picture_path))
        for run, camera, seq in new:  # before the commit, of which nobody may learn how it ended: then ask next time
            self._highest[run, camera] = max(seq, self._highest[run, camera])
        with unit_of_work(self._engine) as session:
            session.add_all([*rows, *alarms])
            announce(session, rows)
        return list(new.values())

    def _recorded(self, entries: Iterable[Entry]) -> set[tuple[str, str, int]]:
        """Which of these frames have an outcome already; there are few to ask for but after a worker's death."""
        by_camera: dict[tuple[str, str], list[int]] = {}
        for entry in entries:
            by_camera.setdefault((entry.info.run, entry.info.camera), []).append(entry.info.seq)
        known = set()
        for (run, camera), seqs in by_camera.items():
            run_id, camera_id = self._cameras[run, camera]
            rows = select(Inspection.seq).where(
                Inspection.run_id == run_id, Inspection.camera_id == camera_id, Inspection.seq.in_(seqs)
            )
            with unit_of_work(self._engine) as session:
                known |= {(run, camera, seq) for seq in session.scalars(rows)}
        return known

    def _row(self, entry: Entry) -> Inspection:
        info, verdict = entry.info, entry.verdict
        run_id, camera_id = self._cameras[info.run, info.camera]
        nearest, scale = verdict.nearest, verdict.scale
        row = Inspection(
            run_id=run_id, camera_id=camera_id, seq=info.seq, source=info.source, captured_ns=info.captured_ns,
            part=info.identity.part, lot=info.identity.lot, serial=info.identity.serial,
            outcome=verdict.outcome.value, reason=verdict.reason and verdict.reason.value,
            score=verdict.score, threshold=verdict.threshold, defect_threshold=verdict.defect_threshold,
            recipe=verdict.recipe,
            head_scores=dict(verdict.head_scores), head_limits=dict(verdict.head_limits),
            category=verdict.category, bundle=verdict.bundle, audit_rate=entry.audit_rate,
            nearest_reference=nearest and nearest.reference, nearest_distance=nearest and nearest.distance,
            scale_low=scale and scale.low, scale_mark=scale and scale.mark, scale_high=scale and scale.high,
            regions=[
                RegionRow(x0=r.x0, y0=r.y0, x1=r.x1, y1=r.y1, area=r.area, peak=r.peak) for r in verdict.regions
            ],
        )  # fmt: skip
        if entry.pixels is not None:
            row.height, row.width = entry.pixels.shape[:2]
            if verdict.outcome in FLAGGED or entry.audit_rate is not None:
                self._keep_media(row, entry)
        if row.picture_path is None:  # a worker that died after the picture and before the row may have left one
            drop_media(self._media, media_stem(info))
        row.latency_ms = max(0.0, (time.time_ns() - info.captured_ns) / 1e6)  # the clock may have been set back
        return row

    def _keep_media(self, row: Inspection, entry: Entry) -> None:
        """Write picture and map; where the disk has no room, the row says so, and the inspection goes on."""
        assert entry.pixels is not None
        stem = media_stem(entry.info)
        try:
            if self._room is not None and not self._room.for_pictures:
                raise OSError(errno.ENOSPC, "what is left of the disk is for the record")
            row.picture_path = write_picture(self._media, stem, entry.pixels)
            row.media_bytes = (self._media / row.picture_path).stat().st_size
            if entry.verdict.anomaly_map is not None:
                row.map_path = write_map(self._media, stem, entry.verdict.anomaly_map, top=MAP_TOP)
                row.map_top = MAP_TOP
                row.media_bytes += (self._media / row.map_path).stat().st_size
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            row.picture_path = row.map_path = row.map_top = row.media_bytes = None
            row.picture_gone_ns, row.picture_gone_why = time.time_ns(), Why.NO_ROOM.value
            self._tell_unkept(error)

    def _tell_unkept(self, error: OSError) -> None:
        """Say so now and then, or the log would fill what is left of the disk."""
        self._unkept += 1
        if time.monotonic() - self._told_s > UNKEPT_TOLD_EVERY_S:
            self._told_s = time.monotonic()
            log.error("%d frames were recorded without their picture: %s", self._unkept, error.strerror)


def _high_water_marks(session: Session, run_id: int, camera_id: int) -> tuple[int, int]:
    """The largest number n such that frames 1..n are all recorded (0 if frame 1 is not), and the largest of all."""
    mine = (Inspection.run_id == run_id, Inspection.camera_id == camera_id)
    count, highest = session.execute(select(func.count(), func.max(Inspection.seq)).where(*mine)).one()
    if count == (highest or 0):
        return int(count), int(count)
    after = aliased(Inspection)
    followed = select(after.id).where(
        after.run_id == run_id, after.camera_id == camera_id, after.seq == Inspection.seq + 1
    )
    first = session.scalar(select(Inspection.id).where(*mine, Inspection.seq == 1))
    if first is None:
        return 0, int(highest)
    mark = int(session.scalar(select(func.min(Inspection.seq)).where(*mine, ~followed.exists())) or 0)
    return mark, int(highest)
