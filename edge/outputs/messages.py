"""What outputs say: three messages, each with its own JSON schema, the same on every output."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge.ledger.outbox import Waiting
from edge.ledger.readiness import NotReady, Readiness, Ready
from edge.verdict import Outcome, Reason, worst

OUTPUTS_GONE = "outputs_gone"  # said by the broker, as the last will of the process that would say it otherwise
LINE_STOPPED = "line_stopped"


class Message(BaseModel):
    """A message's fields are these and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def body(self) -> bytes:
        """As JSON, UTF-8."""
        return self.model_dump_json().encode()


class Result(Message):
    """One frame's outcome. It may come more than once: `id` says that it is the same.

    id:           run/camera/seq, unique for ever;  frame: its page is /frames/FRAME
    part_outcome: the worst among the frames of this part (part and serial) in this run that are recorded by now,
                  part_frames of them; a frame without a serial number is a part of its own
    captured:     when the camera delivered the picture;  latency_ms: from there to the record
    """

    type: Literal["edge.result/1"] = "edge.result/1"
    station: str
    id: str
    run: str
    camera: str
    seq: int
    frame: int
    part: str | None
    lot: str | None
    serial: str | None
    outcome: Outcome
    reason: Reason | None
    part_outcome: Outcome
    part_frames: int
    score: float | None
    threshold: float | None
    defect_threshold: float | None
    category: str | None
    bundle: str | None
    bundle_sha256: str | None
    captured: datetime
    latency_ms: float


class InTheWay(Message):
    """Why something is not ready. why: one of the words in OUTPUTS.md;  camera: None for the whole line."""

    why: str
    sentence: str
    camera: str | None = None


class CameraReady(Message):
    """Whether a part in front of this camera would be judged now."""

    ready: bool
    reasons: list[InTheWay]


class OutputHealth(Message):
    """How an output does. waiting: results not delivered yet;  oldest: capture of the first of them

    failing: why the last attempt failed, None if it did not;  refused: results that the receiver refuses, tried again
    given_up: results that were never delivered because too many were waiting, since this process started
    """

    waiting: int
    oldest: datetime | None
    failing: str | None
    refused: int
    given_up: int


class State(Message):
    """Whether the line is ready. A camera that is not among `cameras` is not ready.

    at: when this was said; None in the last will, which the broker says when the station no longer can
    """

    type: Literal["edge.state/1"] = "edge.state/1"
    station: str
    ready: bool
    reasons: list[InTheWay]
    cameras: dict[str, CameraReady]
    outputs: dict[str, OutputHealth]
    at: datetime | None


class Heartbeat(Message):
    """Readiness again, twice a second, for whoever must notice that nothing comes any more. count: 1, 2, 3, ..."""

    type: Literal["edge.heartbeat/1"] = "edge.heartbeat/1"
    station: str
    ready: bool
    cameras: dict[str, bool]
    count: int
    at: datetime


MESSAGES = (Result, State, Heartbeat)


def result_of(one: Waiting, *, station: str) -> Result:
    """The message about an outcome that waits in the outbox."""
    row = one.inspection
    outcome = worst(one.part)
    assert outcome is not None
    return Result(
        station=station, id=f"{row.run.name}/{row.camera.name}/{row.seq}",
        run=row.run.name, camera=row.camera.name, seq=row.seq, frame=row.id,
        part=row.part, lot=row.lot, serial=row.serial,
        outcome=Outcome(row.outcome), reason=None if row.reason is None else Reason(row.reason),
        part_outcome=outcome, part_frames=sum(one.part.values()),
        score=row.score, threshold=row.threshold, defect_threshold=row.defect_threshold,
        category=row.category, bundle=row.judged_by and row.judged_by.name, bundle_sha256=row.bundle,
        captured=moment(row.captured_ns), latency_ms=round(row.latency_ms, 3),
    )  # fmt: skip


def state_of(readiness: Readiness, outputs: Mapping[str, OutputHealth], *, station: str, at_ns: int) -> State:
    """The message about the line as it is now."""
    return State(
        station=station,
        ready=readiness.line.ready,
        reasons=_reasons(readiness.line),
        cameras={name: CameraReady(ready=one.ready, reasons=_reasons(one)) for name, one in readiness.cameras.items()},
        outputs=dict(outputs),
        at=moment(at_ns),
    )


def down(why: str, sentence: str, *, station: str, at_ns: int | None) -> State:
    """The message that nothing is inspected here any more."""
    reason = InTheWay(why=why, sentence=sentence)
    at = None if at_ns is None else moment(at_ns)
    return State(station=station, ready=False, reasons=[reason], cameras={}, outputs={}, at=at)


def gone(*, station: str) -> State:
    """The message that the process which says all this has ended, and nobody asked it to; also the last will."""
    return down(OUTPUTS_GONE, "the process that tells what the line does is gone", station=station, at_ns=None)


def moment(at_ns: int) -> datetime:
    """Nanoseconds since the Unix epoch as UTC, to the microsecond."""
    return datetime.fromtimestamp(at_ns // 10**9, UTC).replace(microsecond=at_ns % 10**9 // 1000)


def _reasons(ready: Ready) -> list[InTheWay]:
    return [_in_the_way(reason) for reason in ready.reasons]


def _in_the_way(reason: NotReady) -> InTheWay:
    return InTheWay(why=reason.why.value, sentence=reason.sentence, camera=reason.camera)
