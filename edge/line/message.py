"""What travels between capture and worker: a JSON header, and for a frame its pixels (edge.line.frame_message).

Never pickle. Every header is checked field by field before anything else is done with the message; names end up in file
paths, so they may hold only letters, digits, dot, underscore and hyphen.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from edge.frame import FrameInfo, PartIdentity
from edge.line.deadline import from_wall, to_wall
from edge.verdict import Reason

MAX_HEADER_BYTES = 1 << 20
MAX_SIDE = 16384
NOTICE_FRAMES = 500  # most frames in one notice
SOURCE_LENGTH = 1024
NOTICED = (
    Reason.OVERLOAD, Reason.UNREADABLE, Reason.TOO_LARGE, Reason.NO_ROOM, Reason.CAPTURE_DIED, Reason.STOPPED,
)  # fmt: skip

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=100)]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=SOURCE_LENGTH)]  # PostgreSQL takes no zero byte
Id = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=128)]
Seq = Annotated[int, Field(ge=1, lt=1 << 62)]
Nanoseconds = Annotated[int, Field(ge=0, lt=1 << 62)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
LastWord = Literal["ended", "stopped"]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class BadMessage(Exception):
    """A message that no honest peer of this version sends; it is counted, logged and dropped."""


class Header(BaseModel):
    """What every header has."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1] = 1


class Hello(Header):
    """Capture to worker: who I am. The worker answers Welcome or Refuse."""

    type: Literal["hello"] = "hello"
    run: Name
    camera: Name
    source: Text
    category: Name | None = None


class Told(BaseModel):
    """One frame's facts inside a header (see FrameInfo); its deadline is by the wall clock here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seq: Seq
    captured_ns: Nanoseconds
    source: Text
    part: Id | None = None
    lot: Id | None = None
    serial: Id | None = None
    deadline_ns: Nanoseconds | None = None

    @classmethod
    def of(cls, info: FrameInfo) -> "Told":
        """The facts of a frame."""
        who = info.identity
        return cls(
            seq=info.seq, captured_ns=info.captured_ns, source=info.source, deadline_ns=to_wall(info.deadline_ns),
            part=who.part, lot=who.lot, serial=who.serial,
        )  # fmt: skip

    def info(self, *, run: str, camera: str) -> FrameInfo:
        """The frame that these facts describe."""
        identity = PartIdentity(self.part, self.lot, self.serial)
        return FrameInfo(run, camera, self.seq, self.captured_ns, self.source, identity, from_wall(self.deadline_ns))


class FrameHeader(Header):
    """Capture to worker: a frame; its pixels are the message's second part."""

    type: Literal["frame"] = "frame"
    session: Id
    frame: Told
    height: Side
    width: Side
    encoding: Literal["raw", "jpeg"]


class Notice(Header):
    """Capture to worker: frames that were numbered and will never be sent. Costs no credit."""

    type: Literal["notice"] = "notice"
    session: Id
    reason: Reason = Field(strict=False)
    frames: Annotated[list[Told], Field(min_length=1, max_length=NOTICE_FRAMES)]

    @field_validator("reason")
    @classmethod
    def _is_a_captures(cls, reason: Reason) -> Reason:
        if reason not in NOTICED:
            raise ValueError(f"{reason} is not for a capture to say")
        return reason


class Ping(Header):
    """Capture to worker: are you still the one I know? Answered by Pong, or Stale."""

    type: Literal["ping"] = "ping"
    session: Id


class Report(Header):
    """Capture to worker: how it and its camera do, for a worker that no supervisor tells that. Answered by Noted.

    noted_ns: `at_ns` of the Noted that came last in this session, None before the first;  ago_s: when, before this
    waits_s:  for how long the camera has been asked for its next picture by now; None: it is not asked
    at_hand:  frames that it holds until they are recorded;  held_by: why it cannot number frames, if so
    last:     the source came to its end, or somebody stopped the capture: no more frames will be numbered
    """

    type: Literal["report"] = "report"
    session: Id
    noted_ns: Nanoseconds | None = None
    ago_s: Seconds = 0.0
    waits_s: Seconds | None = None
    at_hand: Annotated[int, Field(ge=0, lt=1 << 62)] = 0
    held_by: Text | None = None
    last: LastWord | None = None


class Welcome(Header):
    """Worker to capture: my session, your credit, and what is recorded of this camera.

    committed: frames 1..committed all are;  highest: the largest number that is
    max_message_bytes: a larger frame would cut the connection, again and again; None: a worker of before it said so
    """

    type: Literal["welcome"] = "welcome"
    session: Id
    credits: Annotated[int, Field(ge=1)]
    committed: Annotated[int, Field(ge=0)]
    highest: Annotated[int, Field(ge=0)]
    max_message_bytes: Annotated[int, Field(ge=1)] | None = None


class Ack(Header):
    """Worker to capture: these frames are recorded, as ranges [first, last]."""

    type: Literal["ack"] = "ack"
    session: Id
    ranges: list[tuple[Seq, Seq]] = Field(strict=False)


class Pong(Header):
    """Worker to capture: still here."""

    type: Literal["pong"] = "pong"
    session: Id


class Noted(Header):
    """Worker to capture: your report came at this moment of my clock; say that back in the next one.

    So no report counts as new that was only long under way: machines share no clock.
    """

    type: Literal["noted"] = "noted"
    session: Id
    at_ns: Nanoseconds


class Stale(Header):
    """Worker to capture: that session is over, or I do not know you; connect anew and say hello."""

    type: Literal["stale"] = "stale"


class Refuse(Header):
    """Worker to capture: I will not take your frames, and why."""

    type: Literal["refuse"] = "refuse"
    why: str


FromCapture = Hello | FrameHeader | Notice | Ping | Report
FromWorker = Welcome | Ack | Pong | Noted | Stale | Refuse
_from_capture: TypeAdapter[FromCapture] = TypeAdapter(Annotated[FromCapture, Field(discriminator="type")])
_from_worker: TypeAdapter[FromWorker] = TypeAdapter(Annotated[FromWorker, Field(discriminator="type")])
_name: TypeAdapter[str] = TypeAdapter(Name)


def printable(text: str) -> str:
    """A name as it can travel and be stored: file names may hold bytes that are no text, and be long."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")[:SOURCE_LENGTH]


def is_name(text: str) -> bool:
    """Whether this can be the name of a camera or a run."""
    try:
        _name.validate_python(text)
    except ValidationError:
        return False
    return True


def encode(header: Header) -> bytes:
    """A header as JSON bytes."""
    return header.model_dump_json(exclude_none=True).encode()


def decode_from_capture(parts: list[bytes], *, max_bytes: int) -> FromCapture:
    """Check a message that a worker received; its payload is checked for size but not decoded. Raises BadMessage.

    max_bytes: most that a frame's pixels may take once they are decoded
    """
    header = _decode(_from_capture, parts)
    wanted = 2 if isinstance(header, FrameHeader) else 1
    if len(parts) != wanted:
        raise BadMessage(f"{header.type} message of {len(parts)} parts, not {wanted}")
    if isinstance(header, FrameHeader):
        size = header.height * header.width * 3
        if size > max_bytes:
            raise BadMessage(f"frame of {size} bytes; the most is {max_bytes}")
        if header.encoding == "raw" and len(parts[1]) != size:
            raise BadMessage(f"raw frame of {len(parts[1])} bytes, not {size}")
    return header


def decode_from_worker(parts: list[bytes]) -> FromWorker:
    """Check a message that a capture received. Raises BadMessage."""
    if len(parts) != 1:
        raise BadMessage(f"a worker's message of {len(parts)} parts, not 1")
    return _decode(_from_worker, parts)


T = TypeVar("T")


def _decode(adapter: TypeAdapter[T], parts: list[bytes]) -> T:
    if not parts or len(parts[0]) > MAX_HEADER_BYTES:
        raise BadMessage("message without header, or with one that is too long")
    try:
        return adapter.validate_json(parts[0])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadMessage(f"header field {first['loc']}: {first['msg']}") from None
