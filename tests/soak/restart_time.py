"""How long a death costs: `python -m tests.soak.restart_time [--kills 20] [--encoder lite|numpy]`.

A real line (two processes, real sockets) whose worker is killed again and again while frames come; measured from the
SIGKILL to the first row that is written after it. The captures hold their frames meanwhile.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from edge.ledger.beats import WORKER
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.lines import camera_line, recorded, report, wait_until
from tests.soak.folders import long_folder

BETWEEN = 30  # frames recorded between two deaths


def main(
    kills: Annotated[int, typer.Option()] = 20,
    encoder: Annotated[str, typer.Option(help="numpy: the scorer of the tests; else as of `edge worker`.")] = "numpy",
    victim: Annotated[str, typer.Option(help="worker or capture-parts.")] = "worker",
) -> None:
    """Print p50, p95 and the longest."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", encoder="lite" if encoder == "numpy" else encoder)
        parts = long_folder(Path(folder) / "parts", 100_000)
        worker = ["-m", "tests.number_worker", "0.005"] if encoder == "numpy" else ["-m", "edge.cli", "worker"]
        line = camera_line(settings, {"parts": str(parts)}, worker=worker)
        try:
            gaps_s = [gap_s(settings, line, victim) for _ in range(kills)]
        finally:
            line.stop()
        p50, p95 = statistics.median(gaps_s), statistics.quantiles(gaps_s, n=20)[-1]
        times = f"p50 {p50:.1f} s, p95 {p95:.1f} s, longest {max(gaps_s):.1f} s"
        sys.stdout.write(f"{encoder}, {victim}, {kills} kills: {times}; load {os.getloadavg()[0]:.0f}\n")
        assert not report(settings).missing_files


def gap_s(settings: Settings, line: Supervisor, victim: str) -> float:
    """Kill once, in the middle of work; seconds to a row of a frame that was not at the worker then."""
    seen = recorded(settings)
    wait_until(lambda: recorded(settings) > seen + BETWEEN, timeout_s=300, tick=line.tick)
    pid = line.pid(victim)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    began_s, at_death = time.monotonic(), recorded(settings)
    still_there = settings.credits if victim != WORKER else 0
    wait_until(lambda: recorded(settings) > at_death + still_there, timeout_s=300, tick=line.tick)
    return time.monotonic() - began_s


if __name__ == "__main__":
    typer.run(main)
