"""From the camera into the outbox: what shows a part is numbered before anything else happens to it."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from edge.frame import Frame, FrameInfo, Pixels
from edge.line.camera import open_camera
from edge.line.capture_options import CaptureOptions
from edge.line.deadline import deadline_after
from edge.line.frame_message import fits
from edge.line.frozen import Frozen
from edge.line.journal import Journal, count_in
from edge.line.message import printable
from edge.line.numbering import Numbering
from edge.line.outbox import Outbox
from edge.line.shot import Shot
from edge.line.trigger import Every, PendingTrigger, Still, TriggerQueue
from edge.logs import about
from edge.settings import Settings
from edge.verdict import Reason

log = logging.getLogger(__name__)

POLL_S = 0.2
HOLD_S = 0.01
GIVE_WAY = 10  # added to the nice value of the process


class CameraReader:
    """One camera, drained by the thread that calls `run`; what is public else is for the one that talks to the worker.

    changed:       guards the outbox; to be notified when that has room
    requests:      where every frame is asked for, who asked; else None
    reads_since_s: since when (monotonic) a read of the camera lasts; None between two
    """

    def __init__(
        self,
        settings: Settings,
        options: CaptureOptions,
        *,
        run: str,
        source: str,
        stop: threading.Event,
        wake: Callable[[], None],
    ) -> None:
        """Open the camera and its journal. wake: called when the outbox has something new

        Raises EdgeError if either cannot be had.
        """
        name = options.spec.name
        before = count_in(settings.journals, run, name)
        self.camera = open_camera(options.spec, fps=options.fps, once=options.once, unpaced=before)
        overload = options.overload or ("wait" if self.camera.can_wait else "drop-oldest")
        self.journal = Journal(settings.journals, run=run, camera=name, source=source, category=options.spec.category)
        self.outbox = Outbox(overload, capacity=settings.queue_frames)
        self.changed = threading.Condition()
        self.requests = TriggerQueue() if options.trigger == "http" else None
        self.reads_since_s: float | None = None
        self._waits = overload == "wait"
        self._deadline_s = settings.deadline_s
        self._max_message_bytes = self._mine = settings.max_message_bytes  # of worker and camera; of the camera alone
        if self.journal.numbered and not self.camera.finite:
            self.outbox.lose(1, self.journal.numbered, Reason.CAPTURE_DIED)
        self._numbered_before = self.journal.numbered if self.camera.finite else 0
        self._seen_again = 0  # of those, in order
        self._committed = 0  # frames 1..committed were recorded when the first worker said welcome
        self._met = threading.Event()  # a worker has said welcome
        self._stop, self._wake = stop, wake
        self._frozen = None if self.camera.can_wait else Frozen(source, settings.beats / f".frozen-{name}")
        self._numbering = Numbering(self.journal, source=source, waits=self.camera.can_wait, stop=stop)
        self._trigger = Still() if options.trigger == "still" else Every()

    @property
    def held_by(self) -> str | None:
        """Why frames cannot be numbered now, if so."""
        return self._numbering.held_by

    @property
    def missed(self) -> int:
        """How many pictures have no number for want of room on the journal's disk."""
        return self._numbering.missed

    @property
    def settled(self) -> bool:
        """Whether every frame that was ever numbered is acknowledged, also those of this run's earlier captures."""
        return self.outbox.empty and max(self._seen_again, self._committed) >= self._numbered_before

    def meet(self, *, committed: int, max_message_bytes: int | None) -> None:
        """A worker said welcome, which has recorded frames 1..committed, and perhaps how large a frame it takes."""
        if not self._met.is_set():
            self._committed = committed
        with self.changed:
            self._max_message_bytes = min(self._mine, max_message_bytes or self._mine)
            self.outbox.start_over(committed=committed)
            self.outbox.give_up(self._is_too_large, Reason.TOO_LARGE)
            self.changed.notify_all()
        self._met.set()

    def run(self) -> None:
        """Number what the camera delivers, from the moment that there is a worker.

        Until then a live camera is drained, so that the first frame is not an old one. A source that can wait gives
        way to scoring: with one OpenMP team on all cores, whoever takes one of them stops them all.
        """
        if self.camera.can_wait:
            os.nice(GIVE_WAY)
        while not self._met.is_set() and not self._stop.is_set():
            if self.camera.can_wait:
                self._met.wait(POLL_S)
            elif self._next_picture() is None:
                return
        while not self._stop.is_set() and (shot := self._next_shot()):
            self._take(shot)
        if not self._stop.is_set():  # its source ended early; after a stop, the next capture can see them again
            self._lose_before(self._numbered_before + 1)
            self._seen_again = self._numbered_before

    def _next_shot(self) -> Shot | None:
        with self.changed:
            waits = self._waits or self._seen_again < self._numbered_before
            while waits and self.outbox.full and not self._stop.is_set():
                self.changed.wait(POLL_S)
        return self._next_picture()

    def _next_picture(self) -> Shot | None:
        self.reads_since_s = time.monotonic()
        shot = self.camera.read()
        self.reads_since_s = None
        if self._frozen and shot and shot.pixels is not None:
            self._frozen.see(shot.pixels, at_s=time.monotonic())
        return shot

    def _take(self, shot: Shot) -> None:
        """Decide whether the shot shows a part; if so, number it before anything else happens to it."""
        if self.requests is None and not self._is_part(shot):
            return
        if self._seen_again < self._numbered_before:
            self._see_again(shot)
            return
        request = None
        if self.requests:
            shot, request = self._requested(self.requests, shot)
            if request is None:
                return
        self._number(shot, request)
        self._wake()

    def _is_part(self, shot: Shot) -> bool:
        """Whether the shot shows a part; a damaged one does where every shot does, and says nothing of what moves."""
        if shot.pixels is None:
            return isinstance(self._trigger, Every) or self.camera.can_wait
        return self._trigger.feed(shot.pixels)

    def _see_again(self, shot: Shot) -> None:
        """A picture that this run's earlier capture has numbered, read once more: it goes out if it was not recorded.

        What is there now must be what was there then, by name; else its frame is lost.
        """
        seq = self._seen_again + 1
        if seq > self._committed:
            (info,) = self.journal.entries(seq, seq)
            if info.source != printable(shot.source):
                self._lose_before(seq + 1)
            else:
                due_ns = deadline_after(info.captured_ns, self._deadline_s)
                self._hand_over(replace(info, deadline_ns=due_ns), shot.pixels)
        self._seen_again = seq
        self._wake()

    def _lose_before(self, seq: int) -> None:
        """Frames before this one that an earlier capture had numbered, and that were not seen again, are lost."""
        first = max(self._seen_again, self._committed) + 1
        if first < seq:
            with self.changed:
                self.outbox.lose(first, seq - 1, Reason.CAPTURE_DIED)

    def _requested(self, requests: TriggerQueue, shot: Shot) -> tuple[Shot, PendingTrigger | None]:
        """The request that this shot answers, if any; a source that can wait holds its picture until one comes."""
        if not self.camera.can_wait:
            return shot, requests.take(captured_ns=shot.captured_ns)
        while (request := requests.take()) is None and not self._stop.wait(HOLD_S):
            pass
        return replace(shot, captured_ns=time.time_ns()), request

    def _number(self, shot: Shot, request: PendingTrigger | None) -> None:
        given = self._numbering.number(
            captured_ns=shot.captured_ns,
            source=printable(shot.source),
            identity=request.identity if request else None,
            deadline_ns=deadline_after(shot.captured_ns, self._deadline_s),
        )
        if given.late:
            with self.changed:
                self.outbox.lose(*given.late, Reason.NO_ROOM)
        if given.info:
            self._hand_over(given.info, shot.pixels)
        if request:
            request.done(given.info.seq if given.info else None)

    def _hand_over(self, info: FrameInfo, pixels: Pixels | None) -> None:
        """Put a numbered frame into the outbox, or say why it cannot travel."""
        with self.changed:
            if pixels is None:
                self.outbox.lose(info.seq, info.seq, Reason.UNREADABLE)
            elif self._is_too_large(Frame(info, pixels)):
                self.outbox.lose(info.seq, info.seq, Reason.TOO_LARGE)
            else:
                self.outbox.put(Frame(info, pixels))

    def _is_too_large(self, frame: Frame) -> bool:
        """Whether this frame cannot travel; the log says whose setting stands against it."""
        if fits(frame.pixels, max_bytes=self._max_message_bytes):
            return False
        whose = "this machine" if self._max_message_bytes == self._mine else "the worker's machine"
        log.error(
            "frame %d of %s: %s is too large for EDGE_MAX_MESSAGE_BYTES=%d on %s",
            frame.info.seq, frame.info.source, frame.pixels.shape, self._max_message_bytes, whose,
            extra=about(frame.info),
        )  # fmt: skip
        return True
