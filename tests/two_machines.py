"""A worker on one machine and captures on another: real processes, TCP with CURVE, a data folder for each."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.ledger.record import open_engine
from edge.ledger.verify import Report, verify
from edge.settings import Settings
from tests.cable import WORKER_HOST, Cable

ADDRESS = f"tcp://{WORKER_HOST}:7770"
RUN = "remote"


class TwoMachines:
    """What runs at both ends of a cable; keys are exchanged with `edge keys`, as a user does it."""

    def __init__(self, cable: Cable, folder: Path, *, queue_frames: int = 4) -> None:
        self.cable, self._folder = cable, folder
        self.here = Settings(data=folder / "worker-host", address=ADDRESS)
        self.there = Settings(data=folder / "camera-host", address=ADDRESS, queue_frames=queue_frames)
        self.worker: subprocess.Popen[bytes] | None = None
        self.captures: dict[str, subprocess.Popen[bytes]] = {}
        edge_keys("trust", edge_keys("make", "worker", at=self.here), at=self.there)

    def start_worker(self) -> None:
        """Start the worker, perhaps again."""
        command = [sys.executable, "-m", "tests.number_worker", "0"]
        log = self._folder / "worker.log"
        self.worker = self.cable.start(self.cable.worker, command, self.here.child_environment(), log)

    def start_capture(self, camera: str, folder: Path, *options: str) -> None:
        """Give a camera its key and start its capture; it reads pictures from a folder."""
        edge_keys("allow", camera, edge_keys("make", camera, at=self.there), at=self.here)
        command = [sys.executable, "-m", "edge.cli", "capture", "--name", camera, "--run", RUN, "--once"]
        environment = {**self.there.child_environment(), "EDGE_CAMERA": str(folder)}
        self.captures[camera] = self.cable.start(
            self.cable.camera,
            [*command, "--category", "numbers", *options],
            environment,
            self._folder / f"{camera}.log",
        )

    def report(self) -> Report:
        """What `edge verify --journals` finds where the worker is."""
        engine = open_engine(self.here.database)
        found = verify(engine, journals=self.here.journals, media=self.here.media, elsewhere=[self.there.journals])
        engine.dispose()
        return found

    def stop(self) -> None:
        """End what still runs."""
        for process in (*self.captures.values(), self.worker):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


@contextmanager
def two_machines(folder: Path, *, queue_frames: int = 4) -> Iterator[TwoMachines]:
    """Two machines with a cable between them, and nothing running yet."""
    with Cable() as cable:
        machines = TwoMachines(cable, folder, queue_frames=queue_frames)
        try:
            yield machines
        finally:
            machines.stop()


def edge_keys(*words: str, at: Settings) -> str:
    """`edge keys` on one machine; what it printed."""
    command = [sys.executable, "-m", "edge.cli", "keys", *words, "--data", str(at.data)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def sleep_until(moment_s: float) -> None:
    """Sleep to this moment of the monotonic clock."""
    time.sleep(max(0.0, moment_s - time.monotonic()))
