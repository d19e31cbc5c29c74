"""A line of real processes that tells a real broker: `ready` is false within two seconds of whatever stops inspection.

A live camera (MJPEG), the worker with a numpy scorer, the process that tells, a supervisor, mosquitto.
"""

import logging
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from edge.cameras import Cameras
from edge.ledger.beats import WORKER, read_beats
from edge.ledger.outbox import backlog
from edge.ledger.record import open_engine
from edge.line.camera_spec import parse_camera
from edge.line.capture_options import CaptureOptions
from edge.line.journal import new_run
from edge.outputs.messages import LINE_STOPPED, OUTPUTS_GONE, Heartbeat, Result, State
from edge.patient import patient
from edge.process_table import Role
from edge.programs import programs
from edge.settings import Settings
from edge.supervisor import Supervisor
from edge.teller import want
from tests.broker import Listener, Mosquitto, listening, running
from tests.lines import recorded, rows
from tests.mjpeg import MjpegServer, address, serving
from tests.new_record import new_record
from tests.number_worker import HELD
from tests.slowness import slowness

log = logging.getLogger(__name__)

PROMISED_S = 2.0
PATIENCE_S = 60.0
TOP = "capture-top"


@dataclass
class Line:
    """A line under test, and what is heard of it."""

    settings: Settings
    run: str
    supervisor: Supervisor
    cameras: Cameras
    camera: MjpegServer
    broker: Mosquitto
    listener: Listener
    stays_dead: bool = False

    def tick(self) -> None:
        if not self.stays_dead:
            self.supervisor.tick()
        patient(self.cameras.tell)()

    def send(self, process: str, number: int) -> None:
        pid = self.supervisor.pid(process)
        assert pid is not None
        os.kill(pid, number)

    def kill_worker(self) -> None:
        """Without the supervisor's help, which may have a cheap worker back before its absence is worth a word."""
        self.send(WORKER, signal.SIGKILL)
        self.stays_dead = True

    def let_restart(self) -> None:
        self.stays_dead = False

    def is_ready(self) -> None:
        """Wait until it is said, from now on, that the line is."""
        since_s = time.monotonic()
        self.listener.wait(Heartbeat, lambda said: said.ready, since_s=since_s, timeout_s=PATIENCE_S, tick=self.tick)

    def is_not_ready(self, why: str, *, since_s: float) -> float:
        """How long after `since_s` it was said that the line is not ready, for this reason."""
        took_s, _ = self.listener.wait(
            State,
            lambda said: not said.ready and why in [reason.why for reason in said.reasons],
            since_s=since_s,
            timeout_s=PATIENCE_S,
            tick=self.tick,
        )
        return took_s


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with (
        running(tmp_path) as broker,
        listening(broker) as listener,
        serving(MjpegServer(frames=5000, period_s=0.05)) as camera,
    ):
        settings = Settings(data=tmp_path / "data", station="cell-3", mqtt_url=broker.url)
        new_record(settings.database)
        want(settings)
        run = new_run()
        spec = replace(parse_camera(address(camera.port)), name="top", category="numbers")
        captures = [CaptureOptions(spec, run=run)]
        numbers = ["-m", "tests.number_worker"]
        table = [
            replace(program, arguments=numbers) if program.role is Role.WORKER else program
            for program in programs(settings, captures, page=False)
        ]
        reads, writes = open_engine(settings.database), open_engine(settings.database, writes=True, wait_s=0.2)
        supervisor = Supervisor(
            table, logs=settings.logs, rows=lambda _: recorded(settings), beats=partial(read_beats, settings.beats)
        )
        cameras = Cameras(settings, captures, supervisor, run=run, reads=reads, writes=writes)
        yield Line(settings, run, supervisor, cameras, camera, broker, listener)
        supervisor.kill()
        reads.dispose()
        writes.dispose()


def test_ready_goes_false_within_two_seconds_of_whatever_stops_inspection(line: Line) -> None:
    took: dict[str, float] = {}  # seconds, of a machine to itself

    def stops(fault: str, why: str, inject: Callable[[], object], mend: Callable[[], object]) -> None:
        line.is_ready()
        since_s = time.monotonic()
        inject()
        took[fault] = line.is_not_ready(why, since_s=since_s) / max(1.0, slowness())
        mend()

    def sending(process: str, number: int) -> Callable[[], object]:
        return lambda: line.send(process, number)

    stuck = line.settings.data / HELD
    stops("hung worker", "worker_silent", sending("worker", signal.SIGSTOP), sending("worker", signal.SIGCONT))
    stops("killed worker", "worker_silent", line.kill_worker, line.let_restart)
    stops("stuck scorer", "inspection_stuck", stuck.touch, stuck.unlink)
    stops("hung capture", "capture_silent", sending(TOP, signal.SIGSTOP), sending(TOP, signal.SIGCONT))
    stops("dead camera", "camera_silent", line.camera.flows.clear, line.camera.flows.set)
    with closing(sqlite3.connect(line.settings.data / "record.sqlite", isolation_level=None)) as other:
        lock, unlock = partial(other.execute, "BEGIN IMMEDIATE"), partial(other.execute, "ROLLBACK")
        stops("locked record", "inspection_stuck", lock, unlock)
    line.is_ready()
    log.info("not ready after %s", {fault: round(took_s, 2) for fault, took_s in took.items()})
    assert {fault: took_s for fault, took_s in took.items() if took_s > PROMISED_S} == {}


def test_kills_of_all_that_tells_lose_no_result_and_the_last_will_says_not_ready(line: Line) -> None:
    line.is_ready()
    since_s = time.monotonic()
    line.send("outputs", signal.SIGKILL)
    took_s, said = line.listener.wait(State, lambda said: not said.ready, since_s=since_s, timeout_s=PATIENCE_S)
    log.info("the last will after %.2f s", took_s)
    assert said.reasons[0].why == OUTPUTS_GONE
    assert took_s < PROMISED_S * max(1.0, slowness())
    line.is_ready()
    line.send("worker", signal.SIGKILL)
    line.broker.stop()
    seen, until_s = recorded(line.settings), time.monotonic() + PATIENCE_S
    while recorded(line.settings) < seen + 20:
        assert time.monotonic() < until_s
        line.tick()
        time.sleep(0.05)
    line.broker.start()
    line.is_ready()
    line.supervisor.stop()
    said = line.listener.of(State)[-1]
    assert [reason.why for reason in said.reasons] == [LINE_STOPPED]
    reads = open_engine(line.settings.database)
    assert backlog(reads, "mqtt").waiting == 0
    reads.dispose()
    told = {result.frame: (result.id, result.outcome) for result in line.listener.of(Result)}
    found = rows(line.settings)
    assert told == {row.id: (f"{line.run}/top/{row.seq}", row.outcome) for row in found}
    assert line.supervisor.restarts == {"outputs": 1, "worker": 1}
