"""Process 1: a camera's frames are numbered, written into the journal, and sent until the worker has recorded them."""

import logging
import math
import os
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np
from pydantic import ValidationError

from edge.errors import EdgeError
from edge.frame import Frame, FrameInfo, Pixels
from edge.ledger.beats import Heart, capture_name
from edge.line.camera import Shot, open_camera
from edge.line.camera_spec import CameraSpec, Kind
from edge.line.frozen import Frozen
from edge.line.journal import Journal, count_in, unfinished_run
from edge.line.key_files import KeyFiles
from edge.line.message import Ack, Hello, Welcome, fits, printable
from edge.line.numbering import Numbering
from edge.line.outbox import Outbox
from edge.line.transport import CaptureLink
from edge.line.trigger import Every, PendingTrigger, Still, TriggerQueue
from edge.line.trigger_http import serve_trigger
from edge.logs import about
from edge.process import peak_mb
from edge.settings import Overload, Settings, Trigger
from edge.verdict import Reason

log = logging.getLogger(__name__)

POLL_S = 0.2
HOLD_S = 0.01
GIVE_WAY = 10  # added to the nice value of the process
LATENCIES_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What one capture process is asked to do.

    overload: None: `wait` where the source can wait, else `drop-oldest`
    run:      None: go on with this camera's unfinished run, or begin a new one
    """

    spec: CameraSpec
    trigger: Trigger = "every"
    overload: Overload | None = None
    fps: float | None = None
    once: bool = False
    run: str | None = None


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """What a capture did; latencies are from capture to the acknowledgement of the commit."""

    run: str
    camera: str
    numbered: int
    unacknowledged: bool
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    peak_mb: float


class Capture:
    """One camera, from its frames to the worker's acknowledgements.

    A reader thread drains the camera and numbers frames; the thread that calls `run` talks to the worker.
    """

    def __init__(self, settings: Settings, options: CaptureOptions) -> None:
        """Open the camera and its journal. Raises EdgeError if either cannot be had."""
        check_overload(options)
        self._settings = settings
        name, category = options.spec.name, options.spec.category
        run = options.run or unfinished_run(settings.journals, name, category) or new_run()
        source = printable(options.spec.redacted)
        self._hello = _hello(run=run, camera=name, source=source, category=category)
        before = count_in(settings.journals, run, name)
        self._camera = open_camera(options.spec, fps=options.fps, once=options.once, unpaced=before)
        overload = options.overload or ("wait" if self._camera.can_wait else "drop-oldest")
        self._journal = Journal(settings.journals, run=run, camera=name, source=source, category=category)
        self._outbox = Outbox(overload, capacity=settings.queue_frames)
        if self._journal.numbered and not self._camera.finite:
            self._outbox.lose(1, self._journal.numbered, Reason.CAPTURE_DIED)
        self._numbered_before = self._journal.numbered if self._camera.finite else 0
        self._seen_again = 0  # of those, in order
        self._committed = 0  # frames 1..committed were recorded when the first worker said welcome
        keys = KeyFiles(settings.keys).client_keys(settings.line_address, name)
        self._link = CaptureLink(settings.line_address, self._hello, keys=keys)
        self._heart = Heart(settings.beats, capture_name(name))
        note = settings.beats / f".frozen-{name}"
        self._frozen = None if self._camera.can_wait else Frozen(source, note)
        self._reads_since_s: float | None = None
        self._stop = threading.Event()
        self._numbering = Numbering(self._journal, source=source, waits=self._camera.can_wait, stop=self._stop)
        self._changed = threading.Condition()  # guards the outbox; notified when it has room
        self._met = threading.Event()  # a worker has said welcome
        self._waits = overload == "wait"
        self._trigger = Still() if options.trigger == "still" else Every()
        self._requests = TriggerQueue() if options.trigger == "http" else None
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._captured_ns: dict[int, int] = {}

    @property
    def run_name(self) -> str:
        """The run that this capture numbers frames of."""
        return self._hello.run

    def run(self) -> CaptureSummary:
        """Work until the source is exhausted or `stop` is called, and everything numbered is recorded.

        Raises CameraError if the camera stopped delivering (after what was numbered is recorded), and EdgeError if the
        worker refuses the camera.
        """
        server = None
        if self._requests:
            server = serve_trigger(
                self._requests,
                host=self._settings.page_host,
                port=self._settings.trigger_port,
                camera=self._hello.camera,
                run=self._hello.run,
            )
        with ThreadPoolExecutor(max_workers=1) as pool:
            reader = pool.submit(self._read)
            reader.add_done_callback(lambda _: self._link.wakeup.set())
            try:
                self._talk(reader)
            finally:
                self._stop.set()
                self._camera.close()
                self._link.close()
                if self._requests:
                    self._requests.close()
                if server:
                    server.close()
        return self._finish(reader)

    def stop(self) -> None:
        """Read no more frames, send no waiting ones, and end when those in flight are recorded or time is up."""
        self._stop.set()
        self._link.wakeup.set()

    # the reader thread

    def _read(self) -> None:
        """Number what the camera delivers, from the moment that there is a worker.

        Until then a live camera is drained, so that the first frame is not an old one. A source that can wait gives
        way to scoring: with one OpenMP team on all cores, whoever takes one of them stops them all.
        """
        if self._camera.can_wait:
            os.nice(GIVE_WAY)
        while not self._met.is_set() and not self._stop.is_set():
            if self._camera.can_wait:
                self._met.wait(POLL_S)
            elif self._next_picture() is None:
                return
        while not self._stop.is_set() and (shot := self._next_shot()):
            self._take(shot)
        if not self._stop.is_set():  # its source ended early; after a stop, the next capture can see them again
            self._lose_before(self._numbered_before + 1)
            self._seen_again = self._numbered_before

    def _next_shot(self) -> Shot | None:
        with self._changed:
            waits = self._waits or self._seen_again < self._numbered_before
            while waits and self._outbox.full and not self._stop.is_set():
                self._changed.wait(POLL_S)
        return self._next_picture()

    def _next_picture(self) -> Shot | None:
        self._reads_since_s = time.monotonic()
        shot = self._camera.read()
        self._reads_since_s = None
        if self._frozen and shot and shot.pixels is not None:
            self._frozen.see(shot.pixels, at_s=time.monotonic())
        return shot

    def _take(self, shot: Shot) -> None:
        """Decide whether the shot shows a part; if so, number it before anything else happens to it."""
        if self._requests is None and not self._is_part(shot):
            return
        if self._seen_again < self._numbered_before:
            self._see_again(shot)
            return
        request = None
        if self._requests:
            shot, request = self._requested(self._requests, shot)
            if request is None:
                return
        self._number(shot, request)
        self._link.wakeup.set()

    def _is_part(self, shot: Shot) -> bool:
        """Whether the shot shows a part; a damaged one does where every shot does, and says nothing of what moves."""
        if shot.pixels is None:
            return isinstance(self._trigger, Every) or self._camera.can_wait
        return self._trigger.feed(shot.pixels)

    def _see_again(self, shot: Shot) -> None:
        """A picture that this run's earlier capture has numbered, read once more: it goes out if it was not recorded.

        What is there now must be what was there then, by name; else its frame is lost.
        """
        seq = self._seen_again + 1
        if seq > self._committed:
            (info,) = self._journal.entries(seq, seq)
            if info.source != printable(shot.source):
                self._lose_before(seq + 1)
            else:
                self._hand_over(replace(info, deadline_ns=self._deadline_ns(info.captured_ns)), shot.pixels)
        self._seen_again = seq
        self._link.wakeup.set()

    def _lose_before(self, seq: int) -> None:
        """Frames before this one that an earlier capture had numbered, and that were not seen again, are lost."""
        first = max(self._seen_again, self._committed) + 1
        if first < seq:
            with self._changed:
                self._outbox.lose(first, seq - 1, Reason.CAPTURE_DIED)

    def _requested(self, requests: TriggerQueue, shot: Shot) -> tuple[Shot, PendingTrigger | None]:
        """The request that this shot answers, if any; a source that can wait holds its picture until one comes."""
        if not self._camera.can_wait:
            return shot, requests.take(captured_ns=shot.captured_ns)
        while (request := requests.take()) is None and not self._stop.wait(HOLD_S):
            pass
        return replace(shot, captured_ns=time.time_ns()), request

    def _number(self, shot: Shot, request: PendingTrigger | None) -> None:
        given = self._numbering.number(
            captured_ns=shot.captured_ns,
            source=printable(shot.source),
            identity=request.identity if request else None,
            deadline_ns=self._deadline_ns(shot.captured_ns),
        )
        if given.late:
            with self._changed:
                self._outbox.lose(*given.late, Reason.NO_ROOM)
        if given.info:
            self._hand_over(given.info, shot.pixels)
        if request:
            request.done(given.info.seq if given.info else None)

    def _deadline_ns(self, captured_ns: int) -> int | None:
        deadline_s = self._settings.deadline_s
        return captured_ns + int(deadline_s * 1e9) if deadline_s else None

    def _hand_over(self, info: FrameInfo, pixels: Pixels | None) -> None:
        """Put a numbered frame into the outbox, or say why it cannot travel."""
        with self._changed:
            if pixels is None:
                self._outbox.lose(info.seq, info.seq, Reason.UNREADABLE)
            elif not fits(pixels, max_bytes=self._settings.max_message_bytes):
                log.error(
                    "frame %d of %s: %s is too large; see EDGE_MAX_MESSAGE_BYTES",
                    info.seq,
                    info.source,
                    pixels.shape,
                    extra=about(info),
                )
                self._outbox.lose(info.seq, info.seq, Reason.TOO_LARGE)
            else:
                self._outbox.put(Frame(info, pixels))

    # the talking thread

    def _talk(self, reader: Future[None]) -> None:
        until_s = math.inf
        while time.monotonic() < until_s and not (reader.done() and self._outbox.empty):
            self._hear()
            if self._stop.is_set():
                self._camera.close()
                until_s = min(until_s, time.monotonic() + self._settings.drain_timeout_s)
                with self._changed:
                    self._outbox.give_up_waiting(Reason.STOPPED)
            self._send()
            self._heart.beat(
                self._reads_since_s,
                session=self._link.session,
                at_hand=self._outbox.frames_held,
                held_by=self._numbering.held_by,
            )

    def _hear(self) -> None:
        for reply in self._link.poll(POLL_S):
            with self._changed:
                if isinstance(reply, Welcome):
                    log.info("camera %s: worker session %s", self._hello.camera, reply.session)
                    self._check_record(reply)
                    self._captured_ns.clear()
                    if not self._met.is_set():
                        self._committed = reply.committed
                    self._outbox.start_over(committed=reply.committed)
                    self._met.set()
                elif isinstance(reply, Ack):
                    for first, last in reply.ranges:
                        self._outbox.acknowledge(first, last)
                        self._note_latency(first, last)
                self._changed.notify_all()

    def _check_record(self, welcome: Welcome) -> None:
        """Raise EdgeError if the record knows numbers that this journal never gave: they would be used twice."""
        if welcome.highest > self._journal.numbered:
            raise EdgeError(
                f"the record of run {self._hello.run} goes up to frame {welcome.highest}, but the journal "
                f"{self._journal.path} only to {self._journal.numbered}. Begin a new run with --run NAME."
            )

    def _send(self) -> None:
        while self._link.session is not None:
            with self._changed:
                item = self._outbox.next(credits=self._link.credits)
                self._changed.notify_all()
            if item is None:
                return
            if isinstance(item, Frame):
                self._captured_ns[item.info.seq] = item.info.captured_ns
                self._link.send(item, jpeg=self._settings.wire == "jpeg")
            else:
                self._link.send(self._journal.entries(item.first, item.last), reason=item.reason)

    def _note_latency(self, first: int, last: int) -> None:
        for seq in [seq for seq in self._captured_ns if first <= seq <= last]:
            self._latencies_ms.append((time.time_ns() - self._captured_ns.pop(seq)) / 1e6)

    def _finish(self, reader: Future[None]) -> CaptureSummary:
        """Close the journal, with the mark of a clean end if this was one; raise what ended the reader, if anything."""
        if self._numbering.missed:
            log.error("%d pictures never got a number: the journal's disk had no room", self._numbering.missed)
        all_acknowledged = self._outbox.empty and max(self._seen_again, self._committed) >= self._numbered_before
        if all_acknowledged and reader.exception() is None:
            self._journal.end()
        self._journal.close()
        latencies_ms = self._latencies_ms
        p50, p95, p99 = np.percentile(latencies_ms, (50, 95, 99)).tolist() if latencies_ms else (None, None, None)
        summary = CaptureSummary(
            self._hello.run,
            self._hello.camera,
            self._journal.numbered,
            not all_acknowledged,
            p50,
            p95,
            p99,
            peak_mb(os.getpid()),
        )
        log.info("capture ended: %s", asdict(summary))
        reader.result()
        return summary


def new_run() -> str:
    """A name for a run that begins now: UTC time to the millisecond, `20261121T231747.123Z`."""
    now = datetime.now(UTC)
    return now.strftime("%Y%m%dT%H%M%S.") + f"{now.microsecond // 1000:03d}Z"


def _hello(*, run: str, camera: str, source: str, category: str | None) -> Hello:
    """What this capture says to the worker. Raises EdgeError for a name that cannot travel or be part of a path."""
    try:
        return Hello(run=run, camera=camera, source=source, category=category)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise EdgeError(
            f"{first['loc'][0]} {first['input']!r}: use letters, digits, underscore and hyphen, at most 100 of them."
        ) from error


def check_overload(options: CaptureOptions) -> None:
    """Raise EdgeError if the policy is `wait` and the camera cannot."""
    if options.overload == "wait" and options.spec.kind in (Kind.DEVICE, Kind.STREAM):
        raise EdgeError(
            f"camera {options.spec.redacted} cannot wait: it delivers whether or not somebody looks. "
            "Use --overload drop-oldest or drop-newest."
        )
