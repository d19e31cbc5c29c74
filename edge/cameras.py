"""The cameras of a running line: what each is doing, told to the record; each can be held, released, changed over."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from edge.ledger.beats import WORKER, capture_name
from edge.ledger.camera_states import BEAT_S, CameraNow, Doing, tell_states
from edge.ledger.categories import tell_categories
from edge.ledger.counts import highest_number
from edge.line.capture_options import CaptureOptions
from edge.process_table import Status
from edge.programs import capture_program
from edge.settings import Settings
from edge.supervisor import Supervisor
from edge.vision.bundle import load_bundle
from edge.vision.bundle_promotion import at_hand


@dataclass(slots=True)
class _Line:
    """One camera of the line.

    starts:   of its process and of the worker, when its frames were counted last
    recorded: frames that it had in the record then;  works: it has more by now
    """

    options: CaptureOptions
    index: int
    asked_by: str | None = None
    reason: str | None = None
    starts: int = -1
    recorded: int = 0
    works: bool = False


class Cameras:
    """The cameras of one run. For one thread; call `tell` a few times a second."""

    def __init__(
        self,
        settings: Settings,
        captures: Sequence[CaptureOptions],
        supervisor: Supervisor,
        *,
        run: str,
        reads: Engine,
        writes: Engine,
    ) -> None:
        self._settings, self._supervisor, self._run = settings, supervisor, run
        self._reads, self._writes = reads, writes
        self._cameras = {options.spec.name: _Line(options, index) for index, options in enumerate(captures)}
        self._told: object = None
        self._told_s = 0.0
        self._stopping = False

    @property
    def names(self) -> list[str]:
        """The cameras' names."""
        return list(self._cameras)

    def category(self, name: str) -> str | None:
        """What a camera inspects, or will when it is released."""
        return self._cameras[name].options.spec.category

    def status(self, name: str) -> Status:
        """What a camera's process is doing."""
        return self._supervisor.status(capture_name(name))

    def hold(self, name: str, *, asked_by: str, reason: str | None) -> None:
        """Stop a camera's process in order; what is in flight is recorded first."""
        self._cameras[name].asked_by, self._cameras[name].reason = asked_by, reason
        self._supervisor.hold(capture_name(name))

    def release(self, name: str) -> None:
        """Start a camera's process again."""
        camera = self._cameras[name]
        camera.asked_by = camera.reason = None
        self._supervisor.release(capture_program(self._settings, camera.options, index=camera.index))

    def change_over(self, name: str, category: str) -> None:
        """Let a camera that is held inspect another category once it is released."""
        camera = self._cameras[name]
        camera.options = replace(camera.options, spec=replace(camera.options.spec, category=category))

    def now(self, name: str) -> CameraNow:
        """What a camera is doing."""
        camera, spec = self._cameras[name], self._cameras[name].options.spec
        state, reason = self._doing(camera)
        asked_by = camera.asked_by if state in (Doing.STOPPING, Doing.STOPPED) else None
        return CameraNow(name, spec.redacted, spec.category, state, reason, asked_by)

    def tell(self) -> None:
        """Let the record know: at once what has changed, and every two seconds that this process lives."""
        now = [self.now(name) for name in self._cameras]
        due = time.monotonic() - self._told_s > BEAT_S
        if due or now != self._told:
            tell_states(self._writes, self._run, now, now_ns=time.time_ns())
            self._told = now
        if due:
            tell_categories(self._writes, at_hand(self._settings.bundles))
            self._told_s = time.monotonic()

    def stop(self) -> None:
        """Say, as long as that takes, that the line is being stopped: only what is in flight is inspected still."""
        if self._stopping and time.monotonic() - self._told_s < BEAT_S:
            return
        now = [replace(self.now(name), state=Doing.STOPPING, reason="the line is stopped") for name in self._cameras]
        tell_states(self._writes, self._run, now, now_ns=time.time_ns())
        self._stopping, self._told_s = True, time.monotonic()

    def end(self, failure: str | None) -> None:
        """Say the last word of the run. failure: why the line stopped by itself; None: it did not."""
        ended = [self.now(name) for name in self._cameras]
        last = Doing.ENDED if failure is None else Doing.FAILED
        why = "the line was stopped" if failure is None else failure
        words = [one if one.state is Doing.ENDED else replace(one, state=last, reason=why) for one in ended]
        tell_states(self._writes, self._run, words, now_ns=time.time_ns())

    def _doing(self, camera: _Line) -> tuple[Doing, str | None]:
        name = capture_name(camera.options.spec.name)
        match self._supervisor.status(name):
            case Status.DONE:
                return Doing.ENDED, "its source came to its end"
            case Status.STOPPING:
                return Doing.STOPPING, camera.reason
            case Status.HELD:
                return Doing.STOPPED, camera.reason
            case Status.FAILED:
                return Doing.FAILED, self._supervisor.failure(name)
        if self._works(camera, name):
            return Doing.INSPECTING, None
        died = [process for process in (name, WORKER) if process in self._supervisor.restarts]
        if died:
            return Doing.RESTARTING, self._supervisor.lost(name) or f"{' and '.join(died)} died and was started again"
        return Doing.STARTING, None

    def _works(self, camera: _Line, name: str) -> bool:
        """Whether frames have been recorded since camera and worker were started last."""
        starts = self._supervisor.starts(name) + self._supervisor.starts(WORKER)
        if starts != camera.starts:
            camera.starts, camera.works = starts, False
            camera.recorded = self._recorded(camera.options.spec.name)
        if not camera.works:
            camera.works = self._recorded(camera.options.spec.name) > camera.recorded
        running = (self._supervisor.status(program) is Status.RUNNING for program in (name, WORKER))
        return camera.works and all(running)

    def _recorded(self, name: str) -> int:
        return highest_number(self._reads, self._run, name)


def check_bundle(settings: Settings, category: str) -> None:
    """Raise EdgeError if there is no bundle, or it is for another encoder; its weights are compared by the worker."""
    bundle = load_bundle(settings.bundles, category)
    bundle.check_fits(
        encoder=settings.encoder, weights_sha256=None, input_size=settings.input_size, precision=settings.precision
    )
