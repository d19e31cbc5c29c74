"""Cameras are stopped, started and changed over by orders while real processes inspect, and no frame is lost."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from edge.camera_orders import CameraOrders
from edge.cameras import Cameras
from edge.ledger.camera_states import CameraState, states
from edge.ledger.categories import categories_at_hand
from edge.ledger.orders import Order, add_order
from edge.ledger.record import Camera, Inspection, open_engine, unit_of_work
from edge.line.camera_spec import CameraSpec
from edge.line.capture_options import CaptureOptions
from edge.order_desk import NOT_RUNNING, OrderDesk
from edge.process_table import Program, Role
from edge.programs import capture_program
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.fakes import numbered_folder
from tests.lines import recorded, report, rows, wait_until
from tests.new_record import new_record
from tests.tiny_bundle import saved

RUN = "orders"
FRAMES = {"left": 400, "right": 60}
FPS = 100.0
TICK_S = 0.05


@dataclass
class Line:
    """A line of two cameras with its order desk, as `run_line` puts it together."""

    settings: Settings
    supervisor: Supervisor
    cameras: Cameras
    desk: OrderDesk

    def tick(self) -> None:
        self.supervisor.tick()
        self.desk.tick()
        self.cameras.tell()
        time.sleep(TICK_S)

    def ask(self, kind: str, camera: str = "left", **more: str) -> str:
        """Place an order and wait for its answer: `done: ...` or `refused: ...`."""
        engine = open_engine(self.settings.database, writes=True)
        with unit_of_work(engine) as session:
            asked = add_order(session, kind, camera=camera, asked_by="anna", **more).id
        found: list[Order] = []

        def answered() -> bool:
            with Session(engine) as session:
                found[:] = [session.get_one(Order, asked)]
            return found[0].answer is not None

        wait_until(answered, timeout_s=30, tick=self.tick)
        engine.dispose()
        return f"{found[0].state}: {found[0].answer}"

    def said(self, camera: str = "left") -> CameraState:
        """What the record says that a camera does."""
        self.tick()
        engine = open_engine(self.settings.database)
        with Session(engine) as session:
            found = {row.camera: row for row in states(session)}
        engine.dispose()
        return found[camera]


def left_rows(settings: Settings) -> list[Inspection]:
    return [row for row in rows(settings) if row.camera.name == "left"]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    settings = Settings(data=tmp_path / "data", encoder="patches")
    new_record(settings.database)
    for category in ("numbers", "letters", "lost"):
        saved(settings.bundles, category)
    (settings.bundles / "lost" / "1" / "bank.safetensors").write_bytes(b"not what it was")
    reads, writes = open_engine(settings.database), open_engine(settings.database, writes=True)
    with unit_of_work(writes) as session:
        add_order(session, "stop", camera="left", asked_by="yesterday's shift")
    captures = [
        CaptureOptions(
            CameraSpec(str(numbered_folder(tmp_path / name, count)), "numbers", name), fps=FPS, once=True, run=RUN
        )
        for name, count in FRAMES.items()
    ]
    worker = Program("worker", Role.WORKER, ["-m", "tests.number_worker"], settings.child_environment())
    table = [worker, *(capture_program(settings, options, index=index) for index, options in enumerate(captures))]
    supervisor = Supervisor(table, logs=settings.logs, rows=lambda _: recorded(settings))
    cameras = Cameras(settings, captures, supervisor, run=RUN, reads=reads, writes=writes)
    desk = OrderDesk(CameraOrders(settings, cameras).kinds, reads=reads, writes=writes)
    yield Line(settings, supervisor, cameras, desk)
    supervisor.kill()
    reads.dispose()
    writes.dispose()


def test_a_camera_is_stopped_started_and_changed_over_and_every_frame_has_one_outcome(line: Line) -> None:
    settings = line.settings
    assert line.said().state == "starting"
    wait_until(lambda: line.said().state == "inspecting", timeout_s=30)

    assert line.ask("stop", reason="the belt is cleaned") == "done: left is stopped"
    said, before = line.said(), left_rows(settings)
    assert (said.state, said.reason, said.asked_by) == ("stopped", "the belt is cleaned", "anna")
    assert line.ask("stop") == "refused: left is stopped already"
    assert not line.supervisor.captures_done, "a camera that was stopped has not ended"
    time.sleep(0.3)
    assert len(left_rows(settings)) == len(before)

    assert line.ask("start", reason="clean again") == "done: left inspects numbers"
    assert line.ask("start") == "refused: left is started already"
    assert line.ask("changeover", category="nonsense").startswith("refused: no bundle")
    assert "not as calibration wrote it" in line.ask("changeover", category="lost")
    assert line.ask("changeover", category="numbers") == "refused: left inspects numbers already"
    assert line.ask("stop", camera="top") == "refused: there is no camera top on this line, only left, right"
    assert line.said().state == "inspecting", "what was refused changed nothing"
    assert line.ask("changeover", category="letters") == "done: left inspects letters"
    assert (line.said().state, line.said().category) == ("inspecting", "letters")

    wait_until(lambda: line.supervisor.captures_done, timeout_s=60, tick=line.tick)
    assert (line.said("right").state, line.said("right").category) == ("ended", "numbers")
    assert line.ask("stop").startswith("refused: the source of left came to its end")
    line.supervisor.stop()
    line.cameras.end(None)

    left = left_rows(settings)
    assert sorted(row.seq for row in left) == list(range(1, FRAMES["left"] + 1))
    assert [row.source for row in left] == [f"{n:06d}.png" for n in range(1, FRAMES["left"] + 1)], "each part once"
    assert [category for category, _ in groupby(row.category for row in left if row.category)] == ["numbers", "letters"]
    assert {row.reason for row in left if row.outcome == "not_inspected"} <= {"stopped"}
    assert report(settings).good_while(running=False)
    engine = open_engine(settings.database)
    with Session(engine) as session:
        assert session.get_one(Camera, left[0].camera_id).category == "letters"
        assert [row.name for row in categories_at_hand(session)] == ["letters", "lost", "numbers"]
        assert session.get_one(Order, 1).answer == NOT_RUNNING
    engine.dispose()


def test_a_worker_that_dies_shows_as_restarting_and_a_capture_that_hangs_is_stopped_all_the_same(line: Line) -> None:
    wait_until(lambda: line.said().state == "inspecting", timeout_s=30)
    for name in ("worker", "capture-left"):
        pid = line.supervisor.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL if name == "worker" else signal.SIGSTOP)
    wait_until(lambda: line.said().state == "restarting", timeout_s=30)
    assert "worker died" in str(line.said().reason)
    assert line.ask("stop", reason="it hangs") == "done: left is stopped"
    assert line.ask("start", reason="again") == "done: left inspects numbers"
    line.supervisor.stop()
