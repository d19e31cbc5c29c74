"""Process 1: a camera's frames are numbered, written into the journal, and sent until the worker has recorded them."""

import logging
import math
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial

from pydantic import ValidationError

from edge.camera_reader import CameraReader
from edge.errors import EdgeError
from edge.frame import Frame
from edge.ledger.beats import Heart, capture_name
from edge.line.capture_link import CaptureLink
from edge.line.capture_options import CaptureOptions, check_overload
from edge.line.journal import new_run, unfinished_run
from edge.line.key_files import KeyFiles
from edge.line.latencies import Latencies
from edge.line.message import Ack, Hello, LastWord, Welcome, printable
from edge.process import peak_mb
from edge.service_manager import ServiceManager
from edge.settings import Settings
from edge.verdict import Reason

log = logging.getLogger(__name__)

POLL_S = 0.2


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

    The reader's thread drains the camera and numbers frames; the thread that calls `run` talks to the worker.
    """

    def __init__(self, settings: Settings, options: CaptureOptions, *, supervised: bool = True) -> None:
        """Open the camera and its journal. Raises EdgeError if either cannot be had.

        supervised: neither worker nor systemd need be told how this capture does; its heartbeat is enough
        """
        check_overload(options)
        self._settings, self._supervised = settings, supervised
        name, category = options.spec.name, options.spec.category
        run = options.run or unfinished_run(settings.journals, name, category) or new_run()
        source = printable(options.spec.redacted)
        self._hello = _hello(run=run, camera=name, source=source, category=category)
        keys = partial(KeyFiles(settings.keys).client_keys, settings.line_address, name)
        self._stop = threading.Event()
        self._link = CaptureLink(settings.line_address, self._hello, keys=keys)
        self._reader = CameraReader(
            settings, options, run=run, source=source, stop=self._stop, wake=self._link.wakeup.set
        )
        self._heart = Heart(settings.beats, capture_name(name))
        self._manager = ServiceManager()
        self._latencies = Latencies()

    @property
    def run_name(self) -> str:
        """The run that this capture numbers frames of."""
        return self._hello.run

    def run(self) -> CaptureSummary:
        """Work until the source is exhausted or `stop` is called, and everything numbered is recorded.

        Raises CameraError if the camera stopped delivering (after what was numbered is recorded), and EdgeError if the
        worker refuses the camera.
        """
        with ExitStack() as at_end:
            if requests := self._reader.requests:
                from edge.line.trigger_http import serve_trigger  # a third of a capture's start, for few captures

                server = serve_trigger(
                    requests,
                    host=self._settings.page_host,
                    port=self._settings.trigger_port,
                    camera=self._hello.camera,
                    run=self._hello.run,
                )
                at_end.callback(server.close)
                at_end.callback(requests.close)
            pool = at_end.enter_context(ThreadPoolExecutor(max_workers=1))
            at_end.callback(self._link.close)
            at_end.callback(self._reader.camera.close)
            at_end.callback(self._stop.set)
            reading = pool.submit(self._reader.run)
            reading.add_done_callback(lambda _: self._link.wakeup.set())
            self._talk(reading)
        return self._finish(reading)

    def stop(self) -> None:
        """Read no more frames, send no waiting ones, and end when those in flight are recorded or time is up."""
        self._stop.set()
        self._link.wakeup.set()

    def _talk(self, reading: Future[None]) -> None:
        until_s, outbox = math.inf, self._reader.outbox
        while time.monotonic() < until_s and not (reading.done() and outbox.empty):
            self._hear()
            if self._stop.is_set():
                self._reader.camera.close()
                until_s = min(until_s, time.monotonic() + self._settings.drain_timeout_s)
                with self._reader.changed:
                    outbox.give_up_waiting(Reason.STOPPED)
            self._send()
            self._tell(reading)
        self._tell(reading)

    def _tell(self, reading: Future[None]) -> None:
        """Say how this capture does: here, and where nobody sees that, to the worker."""
        waits_since_s, at_hand = self._reader.reads_since_s, self._reader.outbox.frames_held
        held_by, session = self._reader.held_by, self._link.session
        self._heart.beat(waits_since_s, session=session, at_hand=at_hand, held_by=held_by)
        if not self._supervised:
            ended = reading.done() and reading.exception() is None
            last: LastWord | None = "stopped" if self._stop.is_set() else "ended" if ended else None
            self._manager.tick(lambda: f"{at_hand} frames at hand, {'with' if session else 'without'} a worker")
            self._link.report(waits_since_s=waits_since_s, at_hand=at_hand, held_by=held_by, last=last)

    def _hear(self) -> None:
        for reply in self._link.poll(POLL_S):
            if isinstance(reply, Welcome):
                log.info("camera %s: worker session %s", self._hello.camera, reply.session)
                self._check_record(reply)
                self._latencies.forget_sent()
                self._reader.meet(committed=reply.committed, max_message_bytes=reply.max_message_bytes)
            elif isinstance(reply, Ack):
                with self._reader.changed:
                    for first, last in reply.ranges:
                        self._reader.outbox.acknowledge(first, last)
                        self._latencies.committed(first, last)
                    self._reader.changed.notify_all()

    def _check_record(self, welcome: Welcome) -> None:
        """Raise EdgeError if the record knows numbers that this journal never gave: they would be used twice."""
        journal = self._reader.journal
        if welcome.highest > journal.numbered:
            raise EdgeError(
                f"the record of run {self._hello.run} goes up to frame {welcome.highest}, but the journal "
                f"{journal.path} only to {journal.numbered}. Begin a new run with --run NAME."
            )

    def _send(self) -> None:
        while self._link.session is not None:
            with self._reader.changed:
                item = self._reader.outbox.next(credits=self._link.credits)
                self._reader.changed.notify_all()
            if item is None:
                return
            if isinstance(item, Frame):
                self._latencies.sent(item.info.seq, captured_ns=item.info.captured_ns)
                self._link.send(item, jpeg=self._settings.wire == "jpeg")
            else:
                self._link.send(self._reader.journal.entries(item.first, item.last), reason=item.reason)

    def _finish(self, reading: Future[None]) -> CaptureSummary:
        """Close the journal, with the mark of a clean end if this was one; raise what ended the reader, if anything."""
        reader = self._reader
        if reader.missed:
            log.error("%d pictures never got a number: the journal's disk had no room", reader.missed)
        if reader.settled and reading.exception() is None:
            reader.journal.end()
        reader.journal.close()
        p50, p95, p99 = self._latencies.percentiles_ms()
        summary = CaptureSummary(
            self._hello.run,
            self._hello.camera,
            reader.journal.numbered,
            not reader.settled,
            p50,
            p95,
            p99,
            peak_mb(os.getpid()),
        )
        log.info("capture ended: %s", asdict(summary))
        reading.result()
        return summary


def _hello(*, run: str, camera: str, source: str, category: str | None) -> Hello:
    """What this capture says to the worker. Raises EdgeError for a name that cannot travel or be part of a path."""
    try:
        return Hello(run=run, camera=camera, source=source, category=category)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise EdgeError(
            f"{first['loc'][0]} {first['input']!r}: use letters, digits, underscore and hyphen, at most 100 of them."
        ) from error
