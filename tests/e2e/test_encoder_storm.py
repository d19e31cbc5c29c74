"""The real worker, encoder and all, is killed at random moments while it inspects, and loses and doubles nothing."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from edge.ledger.beats import WORKER, read_beats
from edge.ledger.counts import RunCount
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.line.camera_spec import parse_camera
from edge.line.capture_options import CaptureOptions
from edge.programs import programs
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.fakes import numbered_folder
from tests.lines import recorded, report, rows, wait_until

KILLS = 20
FRAMES = 160
IN_FLIGHT = 2
LOOK_EVERY_S = 0.02  # the worker needs the core more than we do
RUN = "storm"


@pytest.mark.timeout(900)
def test_twenty_kills_of_a_worker_with_its_encoder_lose_and_double_nothing(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", credits=IN_FLIGHT, batch_size=IN_FLIGHT)
    prepare(settings.database)
    engine = open_engine(settings.database)
    spec = parse_camera(str(numbered_folder(tmp_path / "parts", FRAMES)))
    table = programs(settings, [CaptureOptions(spec, once=True, run=RUN)], page=False)
    count = RunCount(engine, RUN)
    beats = partial(read_beats, settings.beats)
    line = Supervisor(table, logs=settings.logs, rows=lambda _: count.look().total, beats=beats)
    moments = random.Random(20)

    def tick() -> None:
        line.tick()
        time.sleep(LOOK_EVERY_S)

    try:
        for _ in range(KILLS):
            seen = recorded(settings)
            # what was in flight at the last kill must be through: no frame is to become poison
            wait_until(lambda seen=seen: recorded(settings) > seen + IN_FLIGHT, timeout_s=60, tick=tick)
            time.sleep(moments.uniform(0, 0.1))
            pid = line.pid(WORKER)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: line.pid(WORKER) not in (None, pid), timeout_s=30, tick=tick)
        wait_until(lambda: line.captures_done, timeout_s=120, tick=tick)
    finally:
        line.stop()
        engine.dispose()
    found = rows(settings)
    assert sorted((row.seq, row.source) for row in found) == [(n, f"{n:06d}.png") for n in range(1, FRAMES + 1)]
    assert {(row.outcome, row.reason) for row in found} == {("unsure", "uncalibrated")}, "each was looked at"
    assert line.restarts == {WORKER: KILLS}
    assert report(settings).good_while(running=False)
