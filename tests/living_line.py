"""A line as it is seen from outside while it lives: heartbeats, states and frames, told by what tells them on one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge.frame import FrameInfo
from edge.ledger.beats import OUTPUTS, SUPERVISOR, WORKER, Heart, capture_name, forget_beats
from edge.ledger.camera_states import CameraNow, Doing, tell_states
from edge.ledger.categories import tell_categories
from edge.ledger.checks import record_check
from edge.ledger.record import open_engine
from edge.ledger.writer import Entry, Writer
from edge.verdict import Outcome, Reason, Verdict, not_inspected
from tests.alarm_rows import alarm, entry
from tests.ledger_rows import Ledger

OK = Verdict(Outcome.OK, score=0.1)
RUN, CAMERA, SESSION = "night-1", "top", "w1"


@dataclass
class LivingLine:
    """A supervisor, a worker, an output and the camera `top` that inspects pcb, all of them well."""

    ledger: Ledger
    writer: Writer
    seq: int = 0
    restarts: dict[str, int] = field(default_factory=lambda: {WORKER: 2, capture_name(CAMERA): 0})

    def speak(
        self, *, silent: tuple[str, ...] = (), state: Doing = Doing.INSPECTING, reason: str | None = None
    ) -> None:
        """All beat and tell once, but for those that are silent."""
        settings = self.ledger.settings
        for process in {SUPERVISOR, WORKER, capture_name(CAMERA)} - set(silent):
            restarts = self.restarts if process == SUPERVISOR else None
            Heart(settings.beats, process).beat(session=SESSION, at_hand=3, restarts=restarts)
        if OUTPUTS not in silent:
            Heart(settings.beats, OUTPUTS).beat(failing={"mqtt": None})
        engine = open_engine(settings.database, writes=True)
        tell_states(engine, RUN, [CameraNow(CAMERA, "demo:pcb", "pcb", state, reason)], now_ns=time.time_ns())
        tell_categories(engine, {"pcb": "pcb@1"})
        engine.dispose()

    def record(self, *verdicts: Verdict, took_s: float = 0.04) -> None:
        """Frames that were captured `took_s` ago."""
        for verdict in verdicts:
            self.seq += 1
            captured_ns = time.time_ns() - int(took_s * 1e9)
            self.writer.write([Entry(FrameInfo(RUN, CAMERA, self.seq, captured_ns, "test"), verdict)])


@contextmanager
def living_line(ledger: Ledger) -> Iterator[LivingLine]:
    """One that has inspected a frame just now, with a drift alarm, a passed check, and a frame that was too late."""
    engine = open_engine(ledger.settings.database, writes=True)
    writer = Writer(engine, ledger.settings.media)
    writer.register(RUN, CAMERA, source="demo:pcb", category="pcb")
    line = LivingLine(ledger, writer)
    line.record(OK, not_inspected(Reason.LATE))
    writer.write([entry(1, alarm())])
    record_check(engine, category="pcb", bundle="ab" * 32, passed=True, reason="as at calibration", details=[])
    line.speak()
    yield line
    forget_beats(ledger.settings.beats)
    engine.dispose()
