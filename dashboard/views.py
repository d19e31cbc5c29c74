"""What the page and the API show: typed, and made from the record alone."""

from datetime import datetime

from pydantic import BaseModel, Field

from edge.verdict import Outcome


class Box(BaseModel):
    """A suspicious area, in the picture's pixels: x0, y0 inside, x1, y1 just outside."""

    x0: int
    y0: int
    x1: int
    y1: int
    area: float = Field(description="share of the anomaly map, 0..1")
    peak: float = Field(description="largest map value inside")


class FrameView(BaseModel):
    """One frame with everything that the record holds about it."""

    id: int = Field(description="counts up in the order of commits")
    run: str
    camera: str
    seq: int = Field(description="the capture's number within run and camera")
    source: str
    captured_ns: int = Field(description="nanoseconds since the Unix epoch; too large for a JavaScript number")
    captured_at: datetime
    latency_ms: float
    part: str | None
    lot: str | None
    serial: str | None
    outcome: Outcome
    reason: str | None
    score: float | None
    threshold: float | None = Field(description="up to it a part is ok")
    defect_threshold: float | None = Field(description="above it a defect, between the two unsure; none: the threshold")
    recipe: str | None = Field(description="how the heads were combined into the score")
    head_scores: dict[str, float] = Field(description="each head's own score")
    head_limits: dict[str, float] = Field(description="by head, what its score reached on the good parts it was taught")
    category: str | None
    bundle: str | None = Field(description="content hash of the bundle that judged")
    bundle_name: str | None = Field(description="what people call it, for example pcb@7")
    nearest_reference: str | None
    nearest_distance: float | None
    scale_low: float | None
    scale_mark: float | None
    scale_high: float | None
    width: int | None
    height: int | None
    boxes: list[Box]
    picture: str | None = Field(description="address of the JPEG, None if none is kept")
    thumbnail: str | None = Field(description="address of the picture made small, for lists")
    picture_missing: bool = Field(description="the record names a picture, and its file is gone")
    picture_gone_at: datetime | None = Field(description="when the picture was removed, or could not be kept")
    picture_gone_why: str | None = Field(description="age, budget or reserve (removed), no_room (never kept)")
    heatmap: str | None = Field(description="address of the RGBA heatmap, None if the frame has no map")
    heatmap_thumbnail: str | None = Field(description="address of the same heatmap for the thumbnail")
    audit_rate: float | None = Field(description="share of ok frames drawn for the audit, on those that were, 0..1")
    audited_as: str | None = Field(description="what people said of it in the audit, who did not see its score")

    @property
    def waits_in_audit(self) -> bool:
        """Whether people are still to judge it blind, so that lists had better not show its score and map."""
        drawn = self.outcome is Outcome.OK and self.audit_rate is not None
        return drawn and self.audited_as is None and self.picture_gone_at is None


class FramePage(BaseModel):
    """Some frames. Without `after` newest first; with `after` oldest first, so that none is passed over."""

    frames: list[FrameView]
    next: int | None = Field(description="the `before` (or `after`) of the next page; None on the last")


class CameraCounts(BaseModel):
    """Frames of one camera over all runs, by outcome."""

    camera: str
    frames: int = 0
    ok: int = 0
    defect: int = 0
    unsure: int = 0
    not_inspected: int = 0


class AlarmView(BaseModel):
    """A drift alarm in force."""

    camera: str
    category: str
    kind: str = Field(description="light, focus, position or score")
    measure: str
    value: float = Field(description="the smoothed measure when the alarm was raised")
    centre: float = Field(description="what the good parts of the calibration had")
    low: float | None = Field(description="lower limit, None if there is none")
    high: float | None
    sentence: str
    since: datetime


class CheckView(BaseModel):
    """The last `edge check` of a category."""

    category: str
    passed: bool
    reason: str
    bundle: str
    at: datetime


class Counts(BaseModel):
    """The record in numbers; frames = ok + defect + unsure + not_inspected."""

    frames: int
    ok: int
    defect: int
    unsure: int
    not_inspected: int
    reasons: dict[str, int] = Field(description="not inspected, by reason, ever")
    recent_reasons: dict[str, int] = Field(description="not inspected, by reason, in the last minute")
    cameras: list[CameraCounts]
    frames_per_s: float = Field(description="inspected frames a second over the last 10 s")
    latency_p50_ms: float | None = Field(description="capture to record, over the last inspected frames")
    latency_p95_ms: float | None
    last_recorded_at: datetime | None
    alarms: list[AlarmView] = Field(description="drift alarms in force")
    checks: list[CheckView] = Field(description="the last check of every category")
    newest_id: int = Field(description="id of the newest row, 0 if there is none")
