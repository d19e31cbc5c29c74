"""Process 2: messages in, records out. Six threads, or seven: they talk, score, write, watch, show, keep, and tell.

talk:  ZeroMQ -> batcher            and committed -> acknowledgements (edge.intake)
score: batcher -> scorer -> entries (edge.judging)
write: entries -> pictures, rows -> committed
watch: what was promoted -> scorer, which takes it up between two batches; rates of the audit -> score
show:  the newest committed entry of each camera -> its live picture
keep:  pictures that may not stay -> gone, and rows that say so
tell:  what cameras do -> record, where no supervisor started this process
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from sqlalchemy.exc import DBAPIError

from edge.alarm import Alarm
from edge.errors import BROKEN, EdgeError
from edge.intake import Intake
from edge.judging import Job, Judging, Scorer
from edge.keeping import Keeper, KeepingThread
from edge.ledger.alarms import in_force
from edge.ledger.audit_draw import AuditDraw
from edge.ledger.beats import EVERY_S, WORKER, Heart
from edge.ledger.patience import Patience, passing_cause
from edge.ledger.record import open_engine
from edge.ledger.room import room_for_pictures
from edge.ledger.schema import prepare
from edge.ledger.writer import Entry, Writer
from edge.line.key_files import KeyFiles
from edge.line.suspects import Suspects
from edge.line.worker_link import WorkerLink
from edge.live_view import LiveView
from edge.patient import patient
from edge.reception import Reception
from edge.remote_cameras import RemoteCameras
from edge.score_service import Asked, ScoreService
from edge.service_manager import ServiceManager
from edge.settings import Settings
from edge.verdict import Verdict
from edge.vision.batch import Batcher
from edge.vision.drift import Watches

log = logging.getLogger(__name__)

POLL_S = 0.2
WATCH_S = 1.0
KEEP_S = 2.0
STUCK_S = 180.0  # with frames at hand and none recorded; then systemd's watchdog is not fed any more
LOCK_WAIT_S = 1.0  # for the record; then heartbeats go on, and it is tried again
ASKED = "asked"  # what the batcher takes for one more camera: pictures to be scored that are not the line's
GROUP_FRAMES = 256  # about how many frames share one transaction at the most


class Worker:
    """Everything between the captures' messages and their acknowledgements."""

    def __init__(self, settings: Settings, scorer: Scorer, *, supervised: bool = True) -> None:
        """Open the record and bind the address. Raises EdgeError if either cannot be had.

        supervised: somebody else tells the record what the cameras do, and starts this process again
        """
        prepare(settings.database)
        self._scorer = scorer
        self._engine = open_engine(settings.database, writes=True, wait_s=LOCK_WAIT_S)
        room = room_for_pictures(settings.data, settings.media, settings.disk_reserve)
        self._writer = Writer(self._engine, settings.media, room)
        self._reading = open_engine(settings.database)
        self._audit = AuditDraw(self._reading)
        self._judging = Judging(
            scorer,
            suspects=Suspects(settings.scoring),
            watches=Watches(scorer.standard, self._in_force),
            audit=self._audit,
        )
        self._live = LiveView(settings.live)
        self._score_socket = settings.score_socket
        self._link = WorkerLink(
            settings.line_address,
            credits=settings.credits,
            max_message_bytes=settings.max_message_bytes,
            keys=KeyFiles(settings.keys).server_keys(settings.line_address),
        )
        self._reception = Reception(scorer, link=self._link, writer=self._writer, writes=self._engine)
        self._batcher: Batcher[Job | Asked] = Batcher(batch_size=settings.batch_size)
        self._scored: queue.Queue[list[Entry]] = queue.Queue(maxsize=64)  # an empty list is the end
        self._committed: queue.SimpleQueue[list[Entry]] = queue.SimpleQueue()
        self._heart = Heart(settings.beats, WORKER)
        told = partial(RemoteCameras, settings, reads=self._reading, writes=self._engine)
        self._cameras = None if supervised else told()
        self._intake = Intake(
            self._link, self._reception, self._batcher, credits=settings.credits, cameras=self._cameras
        )
        self._manager = None if supervised else ServiceManager()
        self._stop = threading.Event()
        self._ending = threading.Event()  # not `_stop`: a signal sets that, perhaps while this thread does
        self._keeping = KeepingThread(
            room,
            partial(Keeper, settings, writes=self._engine, reads=self._reading, room=room, ended=self._ending.is_set),
        )
        self._writing, self._scoring = Patience(self._ending), Patience(self._ending)

    def _serve(self) -> ScoreService | None:
        """Score pictures for the page, too; a line that cannot do that inspects all the same."""
        try:
            return ScoreService(self._score_socket, self._ask, self._name_of)
        except OSError as error:
            log.error("pictures cannot be scored for the page, %s: %s", self._score_socket, error)
            return None

    def run(self) -> None:
        """Work until `stop`; what was received by then is scored and recorded. Raises what any thread raised."""
        service = self._serve()
        with ThreadPoolExecutor(max_workers=6) as pool:
            work = [self._score, self._write, self._watch, self._live.run, self._keep]
            work += [self._tell] if self._cameras else []
            bodies = [pool.submit(body) for body in work]
            for body in bodies:
                body.add_done_callback(lambda _: self._link.wakeup.set())
            try:
                while not self._stop.is_set() and not any(body.done() for body in bodies):
                    self._talk()
                self._finish(bodies)
            finally:
                if service:
                    service.close()
                self._reception.close()
                self._batcher.close()
                self._live.close()
                self._link.close()
                self._engine.dispose()
                self._reading.dispose()

    def stop(self) -> None:
        """Take no more messages, finish what is at hand, and let `run` return."""
        self._stop.set()
        self._link.wakeup.set()

    def _finish(self, bodies: Sequence[Future[None]]) -> None:
        """Let what is at hand be scored and recorded; raise what a thread raised."""
        self._ending.set()
        self._batcher.close()
        self._live.close()
        while not all(body.done() for body in bodies):
            self._link.wakeup.wait(POLL_S)
            self._acknowledge()
            self._beat()
            if bodies[1].done():  # the writer failed: let the scoring thread run into the end, not into a full queue
                while not self._scored.empty():
                    self._scored.get()
        self._acknowledge()
        for body in bodies:
            body.result()
        if self._cameras:
            patient(self._cameras.end)()

    # talk

    def _talk(self) -> None:
        self._intake.receive(POLL_S)
        self._acknowledge()
        self._beat()

    def _beat(self) -> None:
        """Tell that this process lives, and since when it has had frames at hand without recording one."""
        at_hand, moved_s = self._intake.at_hand, self._intake.moved_s
        held_by = self._writing.held_by or self._scoring.held_by
        self._heart.beat(
            moved_s if at_hand else None,
            session=self._link.session,
            at_hand=at_hand,
            held_by=held_by,
            unjudged_since_s=self._intake.unjudged.since_s,
        )
        stuck = at_hand and held_by is None and time.monotonic() - moved_s > STUCK_S
        if self._manager and not stuck:
            self._manager.tick(lambda: f"{at_hand} frames at hand")

    def _acknowledge(self) -> None:
        while not self._committed.empty():
            self._intake.acknowledge(self._committed.get())

    # score

    def _score(self) -> None:
        try:
            while batch := self._batcher.take():
                if jobs := [job for job in batch if isinstance(job, Job)]:
                    self._scored.put(self._judging.entries(jobs))
                for asked in batch:
                    if isinstance(asked, Asked):
                        self._score_asked(asked)
        finally:
            self._scored.put([])

    def _score_asked(self, asked: Asked) -> None:
        """Score a picture that is not the line's; what goes wrong with it is told to whoever asked."""
        if not asked.verdict.set_running_or_notify_cancel():
            return
        try:
            (verdict,) = self._scorer.score([asked.pixels], [asked.category])
        except (EdgeError, *BROKEN) as error:
            asked.verdict.set_exception(EdgeError(f"the picture cannot be scored: {error!r}"))
        else:
            asked.verdict.set_result(verdict)

    def _ask(self, asked: Asked) -> Verdict:
        """Let a picture be scored in its turn. Raises EdgeError for a category without a bundle, and TimeoutError."""
        if asked.category is not None:
            self._reception.load(asked.category)
        self._batcher.put(ASKED, asked)
        try:
            return asked.verdict.result(max(0.0, asked.until_s - time.monotonic()))
        except TimeoutError:
            asked.verdict.cancel()  # nobody waits for it any more
            raise

    def _name_of(self, sha256: str) -> str | None:
        return next((bundle.name for bundle in self._scorer.bundles() if bundle.sha256 == sha256), None)

    def _in_force(self, run: str, camera: str) -> list[Alarm]:
        return self._scoring.until_done(lambda: in_force(self._reading, run, camera))

    # watch

    def _watch(self) -> None:
        while not self._ending.wait(WATCH_S):
            self._scorer.refresh()
            try:
                self._reception.note_bundles()
                self._audit.refresh()
            except DBAPIError as error:
                if passing_cause(error) is None:
                    raise
                log.warning("the record cannot be reached now (%s); trying again", error.orig)

    # keep

    def _keep(self) -> None:
        self._keeping.tick()
        while not self._ending.wait(KEEP_S):
            self._keeping.tick()

    # tell

    def _tell(self) -> None:
        assert self._cameras is not None
        tell = patient(self._cameras.tell)
        while not self._ending.wait(EVERY_S):
            tell()

    # write

    def _write(self) -> None:
        while entries := self._next_group():
            self._writing.until_done(partial(self._writer.write, entries))
            self._committed.put(entries)
            self._link.wakeup.set()
            self._live.offer(entries)

    def _next_group(self) -> list[Entry]:
        """Wait for scored frames, then take all that are there: one transaction for as many as came meanwhile."""
        entries = self._scored.get()
        while entries and len(entries) < GROUP_FRAMES and not self._scored.empty():
            more = self._scored.get()
            if not more:
                self._scored.put(more)  # the end, to be seen again after this group
                break
            entries = entries + more
        return entries
