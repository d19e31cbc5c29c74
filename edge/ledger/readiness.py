"""Is the line inspecting, truly and now? One pure function, for whoever has to say so: outputs, page, command line.

A camera is ready if a part that comes in front of it now will be judged: its picture will be taken, scored and
recorded, and may end as `ok`. That follows from what inspection itself did, never from a process being there:

- the worker beat a moment ago, and has recorded something since the frames at hand came (a hung or dead worker, a stuck
  scorer, a record that is locked or a disk that is full all end in frames that are owed);
- the camera's capture beat a moment ago, numbers what it gets, and is not waiting for a picture that does not come;
- its frames end as more than `late`, `overload`, `no_memory` and the like;
- the two know each other: the worker has loaded the camera's bundle and welcomed its capture;
- the camera has a category, its last check did not fail, nobody stopped it, its source has not ended;
- the supervisor, or a worker without one, said a few seconds ago what the cameras do, and the disk has room.

Nothing is ready by default: what is missing, old or unreadable is a reason against it. The line is ready if every
camera of its run is. A bundle without a threshold says `unsure` of every part, so readiness does not ask for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.ledger.beats import WORKER, Beat, capture_name
from edge.ledger.camera_states import Doing

TELLING_S = 0.5  # of a limit: what the beat before (0.25 s), the look at it and the telling may take
SUPERVISOR_LIMIT_S = 6.0  # it tells every 2 s, and waits up to a second for the record each time it tries
LEAST_FREE_BYTES = 100_000_000


class Why(StrEnum):
    """What is in the way. The values are part of the outputs' schemas."""

    NO_LINE = "no_line"  # no camera is known: nothing was started on this data folder
    RECORD_UNREADABLE = "record_unreadable"
    DISK_FULL = "disk_full"
    SUPERVISOR_SILENT = "supervisor_silent"  # or a worker by itself: neither says what the cameras do
    WORKER_SILENT = "worker_silent"
    INSPECTION_STUCK = "inspection_stuck"  # frames are at hand, and none is recorded
    CAPTURE_SILENT = "capture_silent"
    CAMERA_SILENT = "camera_silent"  # its capture waits for a picture
    CAPTURE_STUCK = "capture_stuck"  # it has pictures and cannot number them
    NOT_JUDGED = "not_judged"  # its frames are recorded, and none of them is looked at
    NOT_CONNECTED = "not_connected"  # the worker that runs now has not welcomed the camera (yet)
    UNCALIBRATED = "uncalibrated"
    CHECK_FAILED = "check_failed"
    STOPPED = "stopped"
    FAILED = "failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class NotReady:
    """One reason; camera: None if it is the whole line's."""

    why: Why
    sentence: str
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether a camera, or the line, is ready; if not, all that is in the way."""

    reasons: tuple[NotReady, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing is in the way."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Readiness:
    """The line's, and each camera's by name."""

    line: Ready
    cameras: Mapping[str, Ready]


@dataclass(frozen=True, slots=True)
class Limits:
    """After what time something counts as stopped.

    inspection_s: of worker and capture: without a beat, or with frames at hand and none recorded
    camera_s:     without a picture from the camera
    """

    inspection_s: float
    camera_s: float


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What the supervisor said of a camera last; told_ns: when, wall clock. See edge.ledger.camera_states."""

    camera: str
    state: Doing
    reason: str | None
    category: str | None
    told_ns: int


@dataclass(frozen=True, slots=True)
class LineFacts:
    """All that readiness is decided by.

    beats:         by process, see edge.ledger.beats
    failed_checks: by category, why the last check of the bundle in use failed
    free_bytes:    on the data folder's disk;  now_s: CLOCK_MONOTONIC;  now_ns: wall clock
    """

    beats: Mapping[str, Beat]
    cameras: Sequence[CameraFacts]
    failed_checks: Mapping[str, str]
    free_bytes: int
    now_s: float
    now_ns: int


def readiness(facts: LineFacts, limits: Limits) -> Readiness:
    """Decide, as this file's head says it; a limit is when not to be ready must have been told, TELLING_S included."""
    ours = tuple(_line_reasons(facts, limits.inspection_s - TELLING_S))
    theirs = {camera.camera: tuple(_camera_reasons(camera, facts, limits)) for camera in facts.cameras}
    return Readiness(
        Ready(ours + tuple(reason for reasons in theirs.values() for reason in reasons)),
        {camera: Ready(ours + reasons) for camera, reasons in theirs.items()},
    )


def unreadable(why: str) -> Readiness:
    """What is known of a line whose record cannot be read: that it is not ready."""
    return Readiness(Ready((NotReady(Why.RECORD_UNREADABLE, f"the record cannot be read: {why}"),)), {})


def _line_reasons(facts: LineFacts, limit_s: float) -> list[NotReady]:
    found = []
    if not facts.cameras:
        found.append(NotReady(Why.NO_LINE, "no camera is known: none was started here, and none came"))
    elif abs(facts.now_ns - max(camera.told_ns for camera in facts.cameras)) > SUPERVISOR_LIMIT_S * 1e9:
        # either way: after the clock was set back, what was told before lies in the future
        found.append(NotReady(Why.SUPERVISOR_SILENT, "neither supervisor nor worker says what the cameras do"))
    if facts.free_bytes < LEAST_FREE_BYTES:
        found.append(NotReady(Why.DISK_FULL, f"{facts.free_bytes / 1e6:.0f} MB are free on the data folder's disk"))
    worker = facts.beats.get(WORKER)
    if worker is None or worker.age_s(facts.now_s) > limit_s:
        found.append(NotReady(Why.WORKER_SILENT, f"the worker {_silence(worker, facts.now_s)}"))
    elif (waited_s := worker.waited_s(facts.now_s)) > limit_s:
        sentence = f"frames are at hand, and none was recorded for {waited_s:.1f} s"
        found.append(NotReady(Why.INSPECTION_STUCK, sentence))
    return found


def _camera_reasons(camera: CameraFacts, facts: LineFacts, limits: Limits) -> list[NotReady]:
    name = camera.camera
    found = []
    if camera.category is None:
        found.append(NotReady(Why.UNCALIBRATED, f"camera {name} has no category: it says unsure of every part", name))
    elif camera.category in facts.failed_checks:
        why = facts.failed_checks[camera.category]
        found.append(NotReady(Why.CHECK_FAILED, f"the last check of {camera.category} failed: {why}", name))
    match camera.state:
        case Doing.STOPPING | Doing.STOPPED:
            stopped = f"camera {name} was stopped{f' ({camera.reason})' if camera.reason else ''}"
            return [*found, NotReady(Why.STOPPED, stopped, name)]
        case Doing.FAILED:
            return [*found, NotReady(Why.FAILED, f"camera {name} failed: {camera.reason}", name)]
        case Doing.ENDED:
            return [*found, NotReady(Why.ENDED, f"camera {name} ended: {camera.reason}", name)]
    return [*found, *_delivery_reasons(name, facts, limits)]


def _delivery_reasons(name: str, facts: LineFacts, limits: Limits) -> list[NotReady]:
    capture, worker = facts.beats.get(capture_name(name)), facts.beats.get(WORKER)
    if capture is None or capture.age_s(facts.now_s) > limits.inspection_s - TELLING_S:
        return [NotReady(Why.CAPTURE_SILENT, f"the capture of {name} {_silence(capture, facts.now_s)}", name)]
    if (waited_s := capture.waited_s(facts.now_s)) > limits.camera_s - TELLING_S:
        return [NotReady(Why.CAMERA_SILENT, f"camera {name} has given no picture for {waited_s:.1f} s", name)]
    if capture.held_by is not None:
        return [NotReady(Why.CAPTURE_STUCK, f"frames of {name} cannot be numbered: {capture.held_by}", name)]
    if capture.session is None or worker is None or capture.session != worker.session:
        return [NotReady(Why.NOT_CONNECTED, f"camera {name} and the worker are not connected", name)]
    unjudged_s = facts.now_s - worker.unjudged_since_s.get(name, facts.now_s)
    if unjudged_s > limits.inspection_s - TELLING_S:
        sentence = f"no frame of {name} was judged for {unjudged_s:.1f} s: they are recorded as not inspected"
        return [NotReady(Why.NOT_JUDGED, sentence, name)]
    return []


def _silence(beat: Beat | None, now_s: float) -> str:
    return "has not started" if beat is None else f"has not been heard for {beat.age_s(now_s):.1f} s"
