"""A camera that is away for minutes: `python -m tests.soak.long_absence [--away-s 120]`.

Two MJPEG servers and a real line. One server goes away; its capture is started again and again, and the time from each
end to the next start is taken from the supervisor's own log. Then it comes back. The other camera must not notice.
"""

import logging
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from edge.settings import Settings
from edge.supervisor import MOST_BACKOFF_S
from tests.lines import camera_line, recorded_by_camera, report, wait_until
from tests.mjpeg import MjpegServer, address, serving
from tests.numbered_jpeg import numbered

PERIOD_S = 0.1
START_S = 10.0  # what a start of a capture may take on a busy machine


def server(port: int = 0) -> MjpegServer:
    """A camera whose picture changes."""
    return MjpegServer(frames=10_000_000, period_s=PERIOD_S, picture=lambda number: numbered(number % 1000), port=port)


class Waits(logging.Handler):
    """The seconds that the supervisor said it would wait before it starts a capture again."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"capture-gone ended .* starting it again in ([0-9.]+) s", record.getMessage()):
            self.seconds.append(float(found[1]))


def main(away_s: Annotated[float, typer.Option()] = 120.0) -> None:
    """Print how often it was tried, the longest wait, and how soon after its return frames were recorded again."""
    waits = Waits()
    logging.getLogger("edge.supervisor").addHandler(waits)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as gone, serving(server()) as stays:
        settings = Settings(data=Path(folder) / "data")
        port = gone.enter_context(serving(server())).port
        line = camera_line(settings, {"gone": address(port), "stays": address(stays.port)})
        try:
            wait_until(lambda: min(counted(settings)) > 20, timeout_s=120, tick=line.tick)
            gone.close()
            wait_until(lambda: waits.seconds, timeout_s=60, tick=line.tick)
            began_s, (_, before) = time.monotonic(), counted(settings)
            wait_until(lambda: time.monotonic() > began_s + away_s, timeout_s=away_s + 60, tick=line.tick)
            seen, after = counted(settings)
            with serving(server(port)):
                back_s = time.monotonic()
                wait_until(lambda: counted(settings)[0] > seen, timeout_s=120, tick=line.tick)
                took_s = time.monotonic() - back_s
                line.stop()
        finally:
            line.kill()
        assert report(settings).good_while(running=False), report(settings)
    assert max(waits.seconds) <= MOST_BACKOFF_S, waits.seconds
    assert len(waits.seconds) >= away_s / (MOST_BACKOFF_S + START_S), waits.seconds
    assert line.restarts.keys() == {"capture-gone"}, (line.restarts, line.lost("capture-stays"))
    tried = f"tried {len(waits.seconds)} times, longest wait {max(waits.seconds):.1f} s"
    other = f"the other camera {(after - before) / away_s:.1f} of {1 / PERIOD_S:.0f} frames/s"
    sys.stdout.write(f"away {away_s:.0f} s: {tried}; recorded again {took_s:.1f} s after its return; {other}\n")


def counted(settings: Settings) -> tuple[int, int]:
    """Frames recorded of the camera that goes, and of the one that stays."""
    counts = recorded_by_camera(settings)
    return counts["gone"], counts["stays"]


if __name__ == "__main__":
    typer.run(main)
