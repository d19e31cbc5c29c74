"""The record's tables, its engine, and the unit of work."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Engine,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from edge.database import Database
from edge.ledger.flagged import FLAGGED_IN_POSTGRESQL, FLAGGED_IN_SQLITE
from edge.ledger.postgresql import lock_not_available, postgresql_engine
from edge.ledger.sqlite import sqlite_engine

LARGEST_ID = 2**63 - 1
BigKey = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself in SQLite


class Base(DeclarativeBase):
    """All tables of the record."""


class Run(Base):
    """One start of the line."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    started_ns: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str]


class Camera(Base):
    """A camera as one run knew it; `source` is its address without the password."""

    __tablename__ = "camera"
    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    name: Mapped[str]
    source: Mapped[str]
    category: Mapped[str | None]

    run: Mapped[Run] = relationship()


class Inspection(Base):
    """One row a frame: its outcome and the evidence. `id` counts up in the order of commits.

    map_path: 16-bit PNG [h, w]; a value v stands for v / 65535 * map_top.  picture_path: JPEG.
    Both are relative to the media folder; flagged frames and those drawn for the audit have a picture, and a map if
    they were scored.
    latency_ms: from capture to just before the commit.
    media_bytes: what picture and map take together; None without a picture, 0 if an earlier version wrote
    it and nobody has looked yet
    picture_gone_ns, picture_gone_why: when picture and map were removed, or could not be kept, and why (see
    edge.ledger.retention.Why); None while there is a picture, and for a frame that was to have none
    audit_rate: share of `ok` frames that were drawn for the audit, on those that were; None on all others
    reviewed_as, audited_as: what the latest review, and the latest blind one that nobody undid, says; None if there is
    none or it was withdrawn. A trigger keeps them when a review is added.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        UniqueConstraint("run_id", "camera_id", "seq"),
        Index("ix_inspection_outcome_id", "outcome", "id"),
        Index("ix_inspection_captured_ns", "captured_ns"),
        *(
            Index(f"ix_inspection_{number}", number, "id", sqlite_where=given, postgresql_where=given)
            for number, given in ((number, text(f"{number} IS NOT NULL")) for number in ("part", "lot", "serial"))
        ),
        Index(
            "ix_inspection_queue",
            "id",
            "camera_id",
            "category",
            "outcome",
            "score",
            "threshold",
            "reviewed_as",
            sqlite_where=text(f"{FLAGGED_IN_SQLITE} AND reviewed_as IS NULL"),
            postgresql_where=text(f"{FLAGGED_IN_POSTGRESQL} AND reviewed_as IS NULL"),
        ),
        Index(
            "ix_inspection_flagged",
            "category",
            "bundle",
            "captured_ns",
            "reviewed_as",
            "outcome",
            sqlite_where=text(FLAGGED_IN_SQLITE),
            postgresql_where=text(FLAGGED_IN_POSTGRESQL),
        ),
        Index(
            "ix_inspection_audit",
            "category",
            "bundle",
            "audit_rate",
            "captured_ns",
            "audited_as",
            sqlite_where=text("audit_rate IS NOT NULL"),
            postgresql_where=text("audit_rate IS NOT NULL"),
        ),
        Index(
            "ix_inspection_kept",
            "captured_ns",
            "media_bytes",
            "outcome",
            "reason",
            "reviewed_as",
            sqlite_where=text("media_bytes IS NOT NULL"),
            postgresql_where=text("media_bytes IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    captured_ns: Mapped[int] = mapped_column(BigInteger)
    latency_ms: Mapped[float]
    part: Mapped[str | None]
    lot: Mapped[str | None]
    serial: Mapped[str | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    defect_threshold: Mapped[float | None]
    recipe: Mapped[str | None]
    head_scores: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    head_limits: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    category: Mapped[str | None]
    bundle: Mapped[str | None]
    nearest_reference: Mapped[str | None]
    nearest_distance: Mapped[float | None]
    scale_low: Mapped[float | None]
    scale_mark: Mapped[float | None]
    scale_high: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    picture_path: Mapped[str | None]
    map_path: Mapped[str | None]
    map_top: Mapped[float | None]
    media_bytes: Mapped[int | None] = mapped_column(BigInteger)
    picture_gone_ns: Mapped[int | None] = mapped_column(BigInteger)
    picture_gone_why: Mapped[str | None]
    audit_rate: Mapped[float | None]
    reviewed_as: Mapped[str | None]
    audited_as: Mapped[str | None]

    run: Mapped[Run] = relationship()
    camera: Mapped[Camera] = relationship()
    judged_by: Mapped["BundleRow | None"] = relationship(
        primaryjoin="foreign(Inspection.bundle) == BundleRow.sha256", viewonly=True
    )
    regions: Mapped[list["RegionRow"]] = relationship(order_by="RegionRow.peak.desc()", back_populates="inspection")


class RegionRow(Base):
    """One suspicious area of an inspection, a box in the picture's pixels (see edge.verdict.Region)."""

    __tablename__ = "region"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)
    x0: Mapped[int]
    y0: Mapped[int]
    x1: Mapped[int]
    y1: Mapped[int]
    area: Mapped[float]
    peak: Mapped[float]

    inspection: Mapped[Inspection] = relationship(back_populates="regions")


class BundleRow(Base):
    """A bundle by its content hash, as the worker loaded it first.

    name: for example `pcb@7`;  folder: relative to the folder of bundles
    """

    __tablename__ = "bundle"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    encoder: Mapped[str]
    folder: Mapped[str]
    first_used_ns: Mapped[int] = mapped_column(BigInteger)


class AlarmRow(Base):
    """A drift alarm that began or ended with frame `seq` of a camera, at its capture (see edge.alarm.Alarm).

    Rows are only added: an alarm is in force if the newest row of its camera and measure says `raised`.
    """

    __tablename__ = "alarm"
    __table_args__ = (Index("ix_alarm_camera_measure", "camera_id", "measure", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    at_ns: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    measure: Mapped[str]
    state: Mapped[str]
    category: Mapped[str]
    bundle: Mapped[str]
    value: Mapped[float]
    centre: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]
    sentence: Mapped[str]


class ShiftCheck(Base):
    """One `edge check`: whether a bundle still tells known parts apart; `details` is what it found, part by part."""

    __tablename__ = "shift_check"
    __table_args__ = (Index("ix_shift_check_category", "category", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at_ns: Mapped[int] = mapped_column(BigInteger)
    category: Mapped[str]
    bundle: Mapped[str]
    passed: Mapped[bool]
    reason: Mapped[str]
    details: Mapped[list[dict[str, object]]] = mapped_column(JSON)


class Review(Base):
    """What a person said of a frame. Rows are never changed or removed, which triggers see to; the latest one counts.

    verdict: see edge.ledger.reviews.ReviewVerdict;  kind: of defect, in the reviewer's words
    bundle:  content hash of the bundle whose verdict was reviewed, None for a frame that no bundle judged
    blind:   said in the audit, before the reviewer could see score, map or outcome
    undoes:  the review that this one takes back; it repeats, as its author's, what counts without that
    undone_by: who took that back; None where nothing was
    """

    __tablename__ = "review"
    __table_args__ = (CheckConstraint("trim(reviewer) <> ''"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)
    verdict: Mapped[str]
    reviewer: Mapped[str]
    reviewed_ns: Mapped[int] = mapped_column(BigInteger)
    bundle: Mapped[str | None]
    kind: Mapped[str | None]
    note: Mapped[str | None]
    blind: Mapped[bool] = mapped_column(default=False)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("review.id"))
    undone_by: Mapped[str | None]


def open_engine(database: Database, *, writes: bool = False, wait_s: float = 10.0) -> Engine:
    """An engine on the record. Does not create or upgrade tables; that is `edge.ledger.schema.prepare`.

    writes: transactions take the record's one write lock at their start, so none fails half way for want of it, and
            rows get their ids in the order of commits; without it they read one state of the record, and cannot write
    wait_s: how long they wait for the lock before they raise OperationalError
    """
    if database.url is not None:
        return postgresql_engine(database.url, station=database.station, writes=writes, wait_s=wait_s)
    assert database.file is not None
    return sqlite_engine(database.file, writes=writes, wait_s=wait_s)


def is_busy(error: DBAPIError) -> bool:
    """Whether it says that others held the write lock for longer than `wait_s`, rather than that something broke."""
    return "locked" in str(error.orig) or lock_not_available(error)


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back unless the block reaches its end, which commits."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.commit()
