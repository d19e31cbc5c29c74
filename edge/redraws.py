"""Areas drawn on the page become bundles: one `calibrate redraw` at a time, beside the running line."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Engine

from edge.ledger.drawn_areas import DrawnArea, answer_area, waiting_areas

COMMAND = (sys.executable, "-m", "calibration.cli", "redraw", "--category")
NICENESS = 10  # the line goes first


class Redraws:
    """Starts the command for each drawing that waits, oldest first. Used by one thread; call `tick` now and then."""

    def __init__(
        self,
        *,
        reads: Engine,
        writes: Engine,
        logs: Path,
        environment: Mapping[str, str],
        command: Sequence[str] = COMMAND,
    ) -> None:
        """writes: opened with `writes=True`;  command: what makes the bundle, without the category at its end."""
        self._reads, self._writes, self._command = reads, writes, command
        self._log = logs / "redraw.log"
        self._environment = {**os.environ, **environment}
        self._at: tuple[DrawnArea, subprocess.Popen[bytes]] | None = None

    def tick(self) -> None:
        """Begin the next one, or see whether the one at work has ended; an end without an answer is answered here."""
        if self._at is not None and self._at[1].poll() is not None:
            self._ended(*self._at)
            self._at = None
        if self._at is None and (waiting := waiting_areas(self._reads)):
            self._at = waiting[0], self._begin(waiting[0])

    def stop(self) -> None:
        """End the one at work; its drawing stays for the next line."""
        if self._at is not None:
            self._at[1].terminate()
            self._at[1].wait()
            self._at = None

    def _begin(self, drawn: DrawnArea) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*self._command, drawn.category],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        return process

    def _ended(self, drawn: DrawnArea, process: subprocess.Popen[bytes]) -> None:
        answer = f"`calibrate redraw` ended with exit code {process.returncode}; its words are in {self._log}"
        answer_area(self._writes, drawn, done=False, answer=answer, only_unanswered=True)
