"""A line of two machines and no supervisor: it says that it is ready while it inspects, and soon that it is not."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from edge.cli import app
from edge.ledger.readiness import Readiness, Why
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine
from edge.settings import Settings
from tests.cable import need_cable
from tests.fakes import numbered_folder
from tests.lines import recorded_yet, wait_until
from tests.slowness import slowness
from tests.two_machines import two_machines

PROMISED_S = 2.0
FRAMES = 1200  # at 10 a second: more than the test takes


@contextmanager
def looking(settings: Settings) -> Iterator[Callable[[], Readiness]]:
    """How the line does, as the worker's machine knows it."""
    engine = open_engine(settings.database)
    yield lambda: ready_now(settings, engine)
    engine.dispose()


def test_a_line_of_two_machines_is_ready_while_it_inspects_and_not_two_seconds_after_any_fault(tmp_path: Path) -> None:
    need_cable()
    patience_s = 60 * slowness()
    took: dict[str, float] = {}  # seconds, of a machine to itself
    with two_machines(tmp_path) as machines:
        machines.start_worker()
        parts = numbered_folder(tmp_path / "parts", FRAMES)
        for camera in ("top", "side"):
            machines.start_capture(camera, parts, "--fps", "10")
        wait_until(lambda: recorded_yet(machines.here), timeout_s=patience_s)
        top, side, worker = machines.captures["top"], machines.captures["side"], machines.worker
        assert worker is not None
        with looking(machines.here) as look:

            def is_ready() -> None:
                wait_until(
                    lambda: (now := look()).line.ready and set(now.cameras) == {"top", "side"}, timeout_s=patience_s
                )

            def stops(fault: str, inject: Callable[[], object], *why: tuple[Why, str | None]) -> None:
                since_s = time.monotonic()
                inject()
                wait_until(
                    lambda: set(why) <= {(reason.why, reason.camera) for reason in look().line.reasons},
                    timeout_s=patience_s,
                )
                took[fault] = time.monotonic() - since_s
                if took[fault] > PROMISED_S:
                    took[fault] /= max(1.0, slowness())

            is_ready()
            stops("hung capture", lambda: os.kill(top.pid, signal.SIGSTOP), (Why.CAPTURE_SILENT, "top"))
            assert look().cameras["side"].ready
            os.kill(top.pid, signal.SIGCONT)
            is_ready()
            both = (Why.CAPTURE_SILENT, "top"), (Why.CAPTURE_SILENT, "side")
            stops("cut network", machines.cable.break_silently, *both)
            machines.cable.mend()
            is_ready()
            stops("stopped capture", side.terminate, (Why.STOPPED, "side"))
            side.wait(patience_s)
            said = CliRunner().invoke(app, ["forget", "side", "--data", str(machines.here.data)])
            assert said.stdout == "camera side is forgotten\n"
            wait_until(lambda: look().line.ready and set(look().cameras) == {"top"}, timeout_s=patience_s)
            stops("killed capture", top.kill, (Why.CAPTURE_SILENT, "top"))
            stops("killed worker", worker.kill, (Why.WORKER_SILENT, None))
    assert {fault: took_s for fault, took_s in took.items() if took_s > PROMISED_S} == {}, took
