"""A run while it lasts: its processes, and all that the process which started them does beside them."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Engine

from edge.camera_orders import CameraOrders
from edge.cameras import Cameras
from edge.ledger.alarms import AlarmNews
from edge.ledger.beats import SUPERVISOR, Heart, capture_name, forget_beats, read_beats
from edge.ledger.counts import Counts, RunCount, highest_number
from edge.ledger.live import forget_others
from edge.ledger.readiness import Readiness
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine
from edge.line.capture_options import CaptureOptions
from edge.line.journal import JournalCount
from edge.log_files import LogFiles
from edge.order_desk import OrderDesk
from edge.patient import last_known, patient
from edge.programs import programs
from edge.redraws import Redraws
from edge.service_manager import ServiceManager
from edge.settings import Settings
from edge.supervisor import Supervisor

LOCK_WAIT_S = 1.0  # the processes must be tended meanwhile


class RunningLine:
    """The processes of one run. Call `tick` a few times a second, then `stop`, and in any case `end` at last.

    numbered, counts: how many frames the journals have, and the outcomes of those that are recorded, as known last
    """

    def __init__(self, settings: Settings, captures: Sequence[CaptureOptions], *, run: str, page: bool) -> None:
        """Nothing is started before the first `tick`."""
        names = [options.spec.name for options in captures]
        self._beats = settings.beats
        self._reads = open_engine(settings.database)
        self._writes = open_engine(settings.database, writes=True, wait_s=LOCK_WAIT_S)
        self.counts = last_known(RunCount(self._reads, run).look)
        self.numbered = JournalCount([settings.journals / run / f"{name}.jsonl" for name in names]).look
        self._alarms = AlarmNews(self._reads, run)
        forget_beats(settings.beats)
        forget_others(settings.live, names)
        self._supervisor = Supervisor(
            programs(settings, captures, page=page),
            logs=settings.logs,
            rows=_recorded_by(self._reads, run, names, self.counts),
            beats=partial(read_beats, settings.beats),
        )
        reads, writes = self._reads, self._writes
        self._cameras = Cameras(settings, captures, self._supervisor, run=run, reads=reads, writes=writes)
        self._desk = OrderDesk(CameraOrders(settings, self._cameras).kinds, reads=reads, writes=writes)
        self._redraws = Redraws(
            reads=reads, writes=writes, logs=settings.logs, environment=settings.child_environment()
        )
        self._manager, heart = ServiceManager(), Heart(settings.beats, SUPERVISOR)
        self._tended: Sequence[Callable[[], None]] = (
            *(
                self._supervisor.tick,
                patient(self._desk.tick),
                patient(self._cameras.tell),
                patient(self._redraws.tick),
            ),
            patient(lambda: heart.beat(restarts=self._supervisor.restarts_of_all)),
            patient(LogFiles(settings.logs).tick),
            lambda: self._manager.tick(lambda: _in_words(ready_now(settings, reads))),
        )

    @property
    def exhausted(self) -> bool:
        """Whether every source has come to its end and its frames are recorded."""
        return self._supervisor.captures_done

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again, if it was."""
        return self._supervisor.restarts

    def tick(self) -> None:
        """Do what is due. Raises LineStopped or EdgeError if the line cannot go on."""
        for tend in self._tended:
            tend()

    def tell_alarms(self, say: Callable[[str], None]) -> None:
        """Say which alarms began and ended since the last call."""

        def tell() -> None:
            for line in self._alarms.look():
                say(line)

        patient(tell)()

    def stop(self) -> None:
        """Stop the processes in order: frames in flight are recorded first."""
        self._manager.stopping("frames in flight are recorded first")
        self._supervisor.stop(meanwhile=patient(self._cameras.stop))

    def end(self, failure: str | None) -> None:
        """Kill what still runs, and say the run's last word. failure: why it stopped by itself; None: it did not."""
        if failure is not None:
            self._manager.stopping(failure)
        self._supervisor.kill()
        forget_beats(self._beats)
        self._redraws.stop()
        patient(self._desk.close)()
        patient(partial(self._cameras.end, failure))()
        self._reads.dispose()
        self._writes.dispose()


def _in_words(now: Readiness) -> str:
    """For one line of `systemctl status`."""
    return "ready" if now.line.ready else "NOT READY: " + "; ".join(reason.sentence for reason in now.line.reasons)


def _recorded_by(engine: Engine, run: str, cameras: Sequence[str], count: Callable[[], Counts]) -> Callable[[str], int]:
    """How many frames are recorded by a program's name: of a capture those of its camera, else all."""
    mine = {capture_name(camera): last_known(partial(highest_number, engine, run, camera)) for camera in cameras}

    def recorded(program: str) -> int:
        return mine[program]() if program in mine else count().total

    return recorded
