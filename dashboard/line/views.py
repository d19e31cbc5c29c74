"""What the line's room shows and takes: typed, and made from the record alone."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dashboard.views import AlarmView, CheckView

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class CameraView(BaseModel):
    """One camera of the line: what it does, and its frames of this run."""

    camera: str
    run: str
    source: str | None
    category: str | None
    state: str = Field(description="starting, inspecting, stopping, stopped, restarting, ended, failed; or unknown")
    lost: bool = Field(description="its supervisor gave no sign of life for some seconds, so the state is an old one")
    reason: str | None = Field(description="why it does not inspect")
    asked_by: str | None = Field(description="who stopped it")
    since: datetime | None = Field(description="when it began to do what it does")
    last_sign: datetime | None = Field(description="the supervisor's last sign of life")
    bundle: str | None = Field(description="name of the bundle that judged last, for example pcb@7")
    encoder: str | None
    ok: int = 0
    defect: int = 0
    unsure: int = 0
    not_inspected: int = 0
    reasons: dict[str, int] = Field(description="not inspected, by reason, in this run")
    recent_reasons: dict[str, int] = Field(description="not inspected, by reason, in the last minute")
    frames_per_s: float = Field(description="inspected frames a second over the last 10 s")
    latency_p50_ms: float | None = Field(description="capture to record, over the newest inspected frames")
    latency_p95_ms: float | None
    check: CheckView | None = Field(description="the last check of its category")
    alarms: list[AlarmView] = Field(description="drift alarms in force")


class CategoryView(BaseModel):
    """A category that a camera can be changed over to."""

    name: str
    bundle: str = Field(description="the bundle in use, for example pcb@7")


class OrderView(BaseModel):
    """Something that was asked of the line, and what came of it."""

    id: int
    kind: str
    camera: str | None
    category: str | None
    reason: str | None
    asked_by: str
    asked_at: datetime
    state: Literal["waiting", "doing", "done", "refused"]
    answer: str | None
    answered_at: datetime | None


class OrderAsked(BaseModel):
    """An order to the line. Stopping needs the role operator, starting and changeover engineer."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["stop", "start", "changeover"]
    camera: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    category: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="of a changeover: what the camera is to inspect"
    )
    reason: Words | None = Field(default=None, description="needed to stop and to start")


class LineView(BaseModel):
    """The line by now. running: whether a supervisor is there to do what is ordered."""

    running: bool
    ready: bool = Field(description="whether every camera is inspecting, truly and now")
    not_ready: list[str] = Field(description="all that is in the way of it")
    disk: str | None = Field(description="what is wrong with the disk of the data folder")
    outputs: list[str] = Field(description="outputs that cannot tell results now, and why")
    cameras: list[CameraView]
    categories: list[CategoryView]
    orders: list[OrderView] = Field(description="the last ones, the newest first")
