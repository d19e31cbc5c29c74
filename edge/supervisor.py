"""The line's processes: started, watched, started again, and stopped in order."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from edge.errors import EdgeError
from edge.hang import why_hung
from edge.ledger.beats import Beat
from edge.log_files import last_words
from edge.process import CONFIG_EXIT, LOST_EXIT, PARENT, STOPPED_EXIT
from edge.process_table import Child, LineStopped, Program, Role, Status

log = logging.getLogger(__name__)

MOST_RESTARTS = 5  # in a row without a single new row in the record
BACKOFF_S = 0.2
MOST_BACKOFF_S = 5.0
LOOK_S = 0.5  # at heartbeats
STOP_TICK_S = 0.25
ASLEEP_S = 2.0  # between two ticks: then this process stood still, and perhaps the whole machine
PAGE_NICENESS = 10  # whoever watches the line must not slow it


class Supervisor:
    """Keeps a process table running. Used by one thread; call `tick` a few times a second."""

    def __init__(
        self,
        table: Sequence[Program],
        *,
        logs: Path,
        rows: Callable[[str], int],
        beats: Callable[[], Mapping[str, Beat]] = dict,
    ) -> None:
        """Nothing is started before the first `tick`.

        rows:  how many frames are recorded that the program of this name had a part in; a restart after which they grow
               was not in vain
        beats: the last heartbeat of each program that has limits
        """
        self._children = [Child(program) for program in sorted(table, key=lambda program: -program.role)]
        self._logs, self._rows, self._beats = logs, rows, beats
        self._looked_s = 0.0  # at the heartbeats
        self._ticked_s = self._awake_since_s = time.monotonic()
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def captures_done(self) -> bool:
        """Whether every capture has come to the end of its source and its frames are recorded."""
        return all(child.done for child in self._children if child.program.role is Role.CAPTURE)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again, if it was."""
        return {name: times for name, times in self.restarts_of_all.items() if times}

    @property
    def restarts_of_all(self) -> dict[str, int]:
        """How often each process was started again, also those that never were."""
        return {child.program.name: child.restarts for child in self._children}

    def pid(self, name: str) -> int | None:
        """The process id of a running program."""
        child = self._child(name)
        return child.process.pid if child.process and child.process.poll() is None else None

    def status(self, name: str) -> Status:
        """What a program is doing."""
        child = self._child(name)
        if child.done:
            return Status.DONE
        if child.held:
            still = Status.HELD if child.failure is None else Status.FAILED
            return still if child.process is None else Status.STOPPING
        return Status.WAITING if child.process is None else Status.RUNNING

    def starts(self, name: str) -> int:
        """How often a program was started."""
        return self._child(name).starts

    def failure(self, name: str) -> str | None:
        """The last words of a program that could not work after a `release`."""
        return self._child(name).failure

    def lost(self, name: str) -> str | None:
        """Why a capture's camera was lost when its process ended last; None if that is not why, or it never ended."""
        return self._child(name).lost

    def hold(self, name: str) -> None:
        """Stop one program politely, and do not start it again; later ticks see it end, or kill it."""
        child = self._child(name)
        child.held, child.failure, child.given_up = True, None, False
        child.kill_at_s = time.monotonic() + child.program.patience_s
        if child.process is not None:
            child.process.terminate()

    def release(self, program: Program) -> None:
        """Start a program that was held, perhaps with other arguments, at the next tick."""
        child = self._child(program.name)
        child.program = program
        child.held, child.failure, child.given_up, child.released = False, None, False, True
        child.in_vain, child.start_at_s = 0, 0.0

    def tick(self) -> None:
        """Start what should run and does not; kill what hangs. Raises LineStopped or EdgeError if that is hopeless."""
        self._kill_hung()
        for child in self._children:
            if child.process is not None:
                if (code := child.process.poll()) is not None:
                    self._ended(child, code)
                elif child.held and time.monotonic() > child.kill_at_s:
                    log.warning("%s did not stop in time; killing it", child.program.name)
                    _kill(child.process)
            elif not child.done and not child.held and time.monotonic() >= child.start_at_s:
                self._start(child)
        self._stop_if_hopeless()

    def stop(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stop captures, then the worker, the outputs and the page, each politely first.

        meanwhile: called a few times a second, as nothing else is done here until all have ended
        """
        for role in Role:
            mine = [(child.program, child.process) for child in self._children
                    if child.program.role is role and child.process]  # fmt: skip
            for _, process in mine:
                process.terminate()
            asked_s = time.monotonic()
            for program, process in mine:
                while process.poll() is None and time.monotonic() < asked_s + program.patience_s:
                    meanwhile()
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(STOP_TICK_S)
                if process.poll() is None:
                    log.warning("%s did not stop within %s s; killing it", program.name, program.patience_s)
                    _kill(process)

    def kill(self) -> None:
        """End at once whatever still runs."""
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                _kill(child.process)

    def _child(self, name: str) -> Child:
        return next(child for child in self._children if child.program.name == name)

    def _kill_hung(self) -> None:
        """Kill what runs and gives no sign of life or progress; that it has ended is seen later, as of any other."""
        now_s = time.monotonic()
        if now_s - self._ticked_s > ASLEEP_S:
            self._awake_since_s = now_s
        self._ticked_s = now_s
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s, beats = now_s, self._beats()
        for child in self._children:
            process, limits = child.process, child.program.limits
            if process is None or limits is None or child.held or child.hung:
                continue
            child.hung = why_hung(
                beats.get(child.program.name),
                limits,
                pid=process.pid,
                started_s=child.started_s,
                awake_since_s=self._awake_since_s,
                now_s=now_s,
            )
            if child.hung:
                log.error("%s hangs (%s); killing it", child.program.name, child.hung)
                process.kill()

    def _start(self, child: Child) -> None:
        program = child.program
        child.starts += 1
        child.started_s = time.monotonic()
        child.rows_at_start = self._rows(program.name)
        try:
            with self._log_file(program) as output:
                child.process = subprocess.Popen(
                    [sys.executable, *program.arguments],
                    env={**os.environ, **program.environment, PARENT: str(os.getpid())},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone, which stops in order
                )
        except OSError as error:  # no memory, no more processes or open files: others run, and it may pass
            child.start_at_s = time.monotonic() + MOST_BACKOFF_S
            log.error("%s cannot be started now (%s); trying again in %.1f s", program.name, error, MOST_BACKOFF_S)
            return
        if program.role is Role.PAGE:
            os.setpriority(os.PRIO_PROCESS, child.process.pid, PAGE_NICENESS)
        log.info("started %s (process %d)", program.name, child.process.pid)

    def _ended(self, child: Child, code: int) -> None:
        name, hung = child.program.name, child.hung
        child.process = child.hung = None
        if child.held:
            return
        if code == 0 and child.program.role is Role.CAPTURE:
            child.done = True
            return
        how = f"hung: {hung}" if hung else _how(code)
        if code == CONFIG_EXIT and child.released:
            child.held, child.failure = True, self._last_words(child.program)
            log.error("%s cannot work: %s", name, child.failure)
            return
        if code == CONFIG_EXIT and not child.restarts:  # later it may be a camera that cannot be opened again yet
            raise EdgeError(f"{name} cannot work: {self._last_words(child.program)}")
        child.restarts += 1
        child.lost = self._last_words(child.program) if code == LOST_EXIT else None
        child.in_vain = child.in_vain + 1 if self._rows(name) == child.rows_at_start else 0
        if child.in_vain >= MOST_RESTARTS and not _may_come_back(child.program, code):
            self._give_up(child, how)
            return
        wait_s = min(MOST_BACKOFF_S, BACKOFF_S * 2**child.in_vain)
        child.start_at_s = time.monotonic() + wait_s
        log.warning("%s ended (%s); starting it again in %.1f s", name, how, wait_s)

    def _give_up(self, child: Child, how: str) -> None:
        """Hold a capture that fails again and again, and let the others go on. Raises LineStopped for the worker."""
        child.failure = (
            f"{child.program.name} ended {child.in_vain} times without a frame recorded in between (last: {how}): "
            f"{self._last_words(child.program)} The whole log: {self._log_path(child.program)}"
        )
        if child.program.role is not Role.CAPTURE:
            raise LineStopped(child.failure)
        log.error("%s", child.failure)
        child.held = child.given_up = True

    def _stop_if_hopeless(self) -> None:
        """Raise LineStopped if no capture is left that may still deliver, and not because all came to their end."""
        captures = [child for child in self._children if child.program.role is Role.CAPTURE]
        failures = [str(child.failure) for child in captures if child.given_up]
        if failures and all(child.done or child.given_up for child in captures):
            raise LineStopped(" ".join(failures))

    def _log_path(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    def _log_file(self, program: Program) -> BinaryIO:
        """Where it says things; nowhere if that cannot be had: what inspects matters more."""
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
            return self._log_path(program).open("ab")
        except OSError as error:
            log.error("what %s says is lost: %s", program.name, error)
            return Path(os.devnull).open("ab")

    def _last_words(self, program: Program) -> str:
        return last_words(self._log_path(program))


def _may_come_back(program: Program, code: int) -> bool:
    """Whether to try for ever: a camera that is gone, or outputs and page, without which the line still inspects."""
    lost_camera = program.role is Role.CAPTURE and code in (CONFIG_EXIT, LOST_EXIT)
    return lost_camera or program.role in (Role.OUTPUTS, Role.PAGE)


def _how(code: int) -> str:
    if code == STOPPED_EXIT:
        return "somebody else stopped it"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
