"""Heartbeats of a line's processes: one small file each, replaced at every beat, in memory rather than on the disk.

A beat says more than that a process runs: `waits_since_s` is since when it owes something and nothing has come of it.
Times are of this machine's monotonic clock, which nobody sets back. Whoever reads them decides what is too old.
"""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.private_folder import private_folder
from edge.small_file import replace_note

log = logging.getLogger(__name__)

EVERY_S = 0.25
WARN_EVERY_S = 10.0
WORKER, OUTPUTS = "worker", "outputs"
SUPERVISOR = "supervisor"


class Beat(BaseModel):
    """What a process said of itself last.

    at_s:          when, seconds of CLOCK_MONOTONIC
    waits_since_s: worker: since when frames are at hand and none was recorded; capture: since when the camera is
                   asked for its next picture. None: nothing is owed
    session:       worker: its own; capture: that of the worker which welcomed it. Equal: the two know each other
    at_hand:       worker: frames received and not recorded yet; capture: frames that it holds until they are recorded;
                   outputs: results that wait to be told
    failing:       outputs: by output, why it cannot tell now; None: it can
    restarts:      supervisor: by process, how often it was started again in this run
    held_by:       what it waits for that no restart of it would mend, such as a locked record; None: nothing like that
    unjudged_since_s: worker: by camera, since when its frames are recorded without a look at them (late, overload, ...)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    process: str
    pid: int
    at_s: float
    waits_since_s: float | None = None
    session: str | None = None
    at_hand: int = 0
    restarts: dict[str, int] = {}
    held_by: str | None = None
    unjudged_since_s: dict[str, float] = {}
    failing: dict[str, str | None] = {}

    def age_s(self, now_s: float) -> float:
        """How old it is; one from before a reboot may lie in the future and is infinitely old."""
        return now_s - self.at_s if self.at_s <= now_s else float("inf")

    def waited_s(self, now_s: float) -> float:
        """How long the process has owed something by now; 0 if it owes nothing."""
        return 0.0 if self.waits_since_s is None else max(0.0, now_s - self.waits_since_s)


class Heart:
    """Beats for one process. For one thread: the one whose progress it is."""

    def __init__(self, folder: Path, process: str) -> None:
        self._path, self._process = folder / process, process
        self._told_s = 0.0
        self._warned_s = float("-inf")
        private_folder(folder.parent)
        private_folder(folder)

    def beat(
        self,
        waits_since_s: float | None = None,
        *,
        at_s: float | None = None,
        session: str | None = None,
        at_hand: int = 0,
        restarts: Mapping[str, int] | None = None,
        held_by: str | None = None,
        unjudged_since_s: Mapping[str, float] | None = None,
        failing: Mapping[str, str | None] | None = None,
    ) -> None:
        """Say that this process lives, a few times a second however often it is called.

        Where that cannot be written it is logged: who is not heard counts as hung.

        at_s: when this was so; None: now
        """
        now_s = time.monotonic()
        if now_s - self._told_s < EVERY_S:
            return
        self._told_s = now_s
        beat = Beat(
            process=self._process, pid=os.getpid(), at_s=now_s if at_s is None else at_s, waits_since_s=waits_since_s,
            session=session, at_hand=at_hand, restarts=dict(restarts or {}), held_by=held_by,
            unjudged_since_s=dict(unjudged_since_s or {}), failing=dict(failing or {}),
        )  # fmt: skip
        try:
            replace_note(self._path, beat.model_dump_json())
        except OSError as error:
            self._warn(error, now_s)

    def _warn(self, error: OSError, now_s: float) -> None:
        if now_s - self._warned_s > WARN_EVERY_S:
            self._warned_s = now_s
            log.warning("the heartbeat %s cannot be written, so this process counts as hung: %s", self._path, error)


def read_beats(folder: Path) -> dict[str, Beat]:
    """The last beat of every process that ever beat here, by name; what is no beat is passed over."""
    found = {}
    for path in sorted(folder.glob("[!.]*")):
        try:
            beat = Beat.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        found[beat.process] = beat
    return found


def forget_beats(folder: Path) -> None:
    """Remove the beats of an earlier run."""
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)


def capture_name(camera: str) -> str:
    """What the process of a camera is called."""
    return f"capture-{camera}"
