"""The wall clock is set back an hour under a running `edge run` with its page, and forward again: nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.settings import Settings
from tests.broker import free_port
from tests.fakes import numbered_folder
from tests.lines import recorded_yet, report, rows, wait_until

FAKETIME = find_spec("libfaketime")  # for its library: Debian's, of version 0.9.10, breaks Python's time.sleep
HOUR_S = 3600
FPS = 5
PATIENCE_S = 90


def library() -> Path:
    assert FAKETIME is not None and FAKETIME.origin is not None
    return Path(FAKETIME.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"


@dataclass(frozen=True)
class Clock:
    """The wall clock of processes that were started with `environment`; CLOCK_MONOTONIC stays, as in the kernel."""

    file: Path

    def set(self, offset_s: int) -> None:
        """Set it so much away from this machine's."""
        temporary = self.file.with_suffix(".new")
        temporary.write_text(f"{offset_s:+d}s\n")
        temporary.rename(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    if FAKETIME is None or not library().is_file():
        reason = "needs the PyPI package libfaketime, with its library for this processor"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    clock = Clock(tmp_path / "clock")
    clock.set(0)
    return clock


def asked(address: str) -> dict[str, Any]:
    """What the page answers; {} while nothing does."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            return dict(json.load(error))
    except OSError:
        return {}


def why_not_ready(page: str) -> set[str]:
    return {str(reason["why"]) for reason in asked(f"{page}/readyz").get("reasons", [{"why": "no page"}])}


def goes_on_and_is_ready(page: str, settings: Settings) -> None:
    """Frames come as before, and soon nothing is in the way but that there is no category."""
    seen, began_s = recorded_yet(settings), time.monotonic()
    wait_until(lambda: recorded_yet(settings) > seen + 2 * FPS, timeout_s=PATIENCE_S, every_s=0.1)
    wait_until(lambda: why_not_ready(page) == {"uncalibrated"}, timeout_s=PATIENCE_S, every_s=0.1)
    if seen:
        assert time.monotonic() - began_s < 20, "long before an hour is over"
    assert asked(f"{page}/api/v1/counts")["frames_per_s"] < 2 * FPS


@pytest.mark.timeout(240)
def test_a_clock_that_is_set_back_and_forward_an_hour_loses_delays_and_removes_nothing(
    clock: Clock, tmp_path: Path
) -> None:
    port = free_port()
    page, settings = f"http://127.0.0.1:{port}", Settings(data=tmp_path / "data")
    words = ["run", "--camera", str(numbered_folder(tmp_path / "parts", 500)), "--fps", str(FPS), "--port", str(port)]
    words += ["--data", str(settings.data), "--deadline", "60"]
    limited = clock.environment | {"EDGE_KEEP_DAYS": "1", "EDGE_KEEP_SAMPLE_DAYS": "1"}
    line = subprocess.Popen([sys.executable, "-m", "edge.cli", *words], env=limited, stderr=subprocess.DEVNULL)
    try:
        for offset_s in (0, -HOUR_S, 0):
            clock.set(offset_s)
            goes_on_and_is_ready(page, settings)
        line.send_signal(signal.SIGINT)
        assert line.wait(PATIENCE_S) == 0
    finally:
        line.kill()
        line.wait()
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    assert {row.reason for row in found} <= {"uncalibrated", "stopped"}, "no category, and the end; none was late"
    assert all(row.latency_ms >= 0 and row.picture_gone_why is None for row in found)
    assert report(settings).good_while(running=False)
    steps_s = [(after.captured_ns - before.captured_ns) / 1e9 for before, after in pairwise(found)]
    assert sorted(round(step_s, -2) for step_s in steps_s if abs(step_s) > 60) == [-HOUR_S, HOUR_S]
