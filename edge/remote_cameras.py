"""The cameras of a worker that no supervisor started: what each is doing, from what its capture says over the wire.

Heartbeats of captures on other machines stay there, so they beat here by their reports; and what a supervisor would
tell the record of them is told here. A camera belongs to the line from the first time that it comes. It is forgotten
when somebody says so (`edge forget`), or at a start of the worker after its source has ended: not because it is away.
"""

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from edge.ledger.beats import Heart, capture_name
from edge.ledger.camera_states import AT_WORK, BEAT_S, CameraNow, CameraState, Doing, states, tell_cameras
from edge.ledger.categories import tell_categories
from edge.ledger.orders import FORGET, OF_CAMERAS, Order, OrderState, answer_order, waiting_orders
from edge.line.message import Hello, Report
from edge.settings import Settings
from edge.vision.bundle_promotion import at_hand

log = logging.getLogger(__name__)

GONE_S = 10.0  # a capture that was not heard for so long has hung up, and says hello before all else
MUTE_S = 5.0  # with frames, and without a report
NOT_HEARD = "its capture is not heard of (one of an older version never is)"
WORKER_STOPPED = "the worker was stopped"
LAST_WORDS = {
    "ended": (Doing.ENDED, "its source came to its end"),
    "stopped": (Doing.STOPPED, "its capture was stopped on its own machine"),
}
ELSEWHERE = (
    "only `edge run` does that, and this line's worker runs by itself. Cameras are started, stopped and changed over "
    "on their own machines (edge/line/WIRE.md)."
)


@dataclass(slots=True)
class _Remote:
    """One camera.

    heart:   None: it has not come since the worker was started
    heard_s: when it reported last, or was welcomed, by this machine's monotonic clock
    works:   frames were recorded since it was welcomed;  last: its last word, and why
    mute:    it has not reported, and nobody was told of that yet
    """

    run: str
    source: str
    category: str | None
    heart: Heart | None = None
    heard_s: float = -float("inf")
    works: bool = False
    mute: bool = True
    last: tuple[Doing, str] | None = None


class RemoteCameras:
    """All of them. `welcome`, `hear` and `recorded` are for the thread of the link, `tell` and `end` for another."""

    def __init__(self, settings: Settings, *, reads: Engine, writes: Engine) -> None:
        """Those that the worker before this one had, unless their sources have ended, still belong to the line."""
        self._settings, self._reads, self._writes = settings, reads, writes
        self._silent_s = settings.ready_limit_s
        self._lock = threading.Lock()
        self._told: list[tuple[str, CameraNow]] | None = None
        self._told_s = 0.0
        with Session(reads) as session:
            self._cameras = {row.camera: _taken_over(row) for row in states(session) if row.state in AT_WORK}

    def welcome(self, hello: Hello) -> None:
        """A capture was welcomed: it is this camera from now on."""
        heart = Heart(self._settings.beats, capture_name(hello.camera))
        came = _Remote(hello.run, hello.source, hello.category, heart, time.monotonic())
        with self._lock:
            self._cameras[hello.camera] = came

    def hear(self, camera: tuple[str, str], report: Report) -> None:
        """Let the camera's heart beat as its capture says; what cannot be true is passed over."""
        run, name = camera
        known, now_s = self._cameras.get(name), time.monotonic()
        if known is None or known.heart is None or known.run != run or known.last is not None:
            return
        if report.last is not None:
            known.last = LAST_WORDS[report.last]
            return
        if report.noted_ns is None or (said_s := report.noted_ns / 1e9 + report.ago_s) > now_s:
            return
        known.heard_s, known.mute = max(known.heard_s, said_s), False
        known.heart.beat(
            None if report.waits_s is None else said_s - report.waits_s,
            at_s=said_s,
            session=report.session,
            at_hand=report.at_hand,
            held_by=report.held_by,
        )

    def recorded(self, camera: tuple[str, str]) -> None:
        """Frames of this camera were recorded."""
        run, name = camera
        known = self._cameras.get(name)
        if known is None or known.run != run:
            return
        known.works = True
        if known.mute and known.heart is not None and time.monotonic() - known.heard_s > MUTE_S:
            known.mute = False
            log.warning("camera %s is inspected and never ready: its capture is of an older version", name)

    def tell(self) -> None:
        """Let the record know, at once what has changed, and every two seconds that this process lives; do orders."""
        asked = self._asked()
        done = [(order, *self._do(order)) for order in asked]
        now = self.now()
        due = time.monotonic() - self._told_s > BEAT_S
        if due or now != self._told:
            tell_cameras(self._writes, now, now_ns=time.time_ns())
            self._told = now
        if due:
            tell_categories(self._writes, at_hand(self._settings.bundles))
            self._told_s = time.monotonic()
        for order, state, answer in done:
            answer_order(self._writes, order.id, state, answer)

    def now(self) -> list[tuple[str, CameraNow]]:
        """What each camera is doing, and in which run."""
        now_s = time.monotonic()
        with self._lock:
            known = sorted(self._cameras.items())
        return [
            (one.run, CameraNow(name, one.source, one.category, *_doing(one, now_s - one.heard_s > self._silent_s)))
            for name, one in known
        ]

    def end(self) -> None:
        """Say that the worker was stopped in order; the cameras still belong to the line when it is started again."""
        for name, one in self._cameras.items():
            one.last = one.last or (Doing.RESTARTING, WORKER_STOPPED)
            (self._settings.beats / capture_name(name)).unlink(missing_ok=True)
        tell_cameras(self._writes, self.now(), now_ns=time.time_ns())

    def _asked(self) -> list[Order]:
        with Session(self._reads, expire_on_commit=False) as session:
            return waiting_orders(session, OF_CAMERAS)

    def _do(self, order: Order) -> tuple[OrderState, str]:
        """Forget a camera that is not here, and refuse all else."""
        name = order.camera
        if order.kind != FORGET or name is None:
            return OrderState.REFUSED, ELSEWHERE
        with self._lock:
            known = self._cameras.get(name)
            if known is not None and known.last is None and time.monotonic() - known.heard_s < GONE_S:
                return (
                    OrderState.REFUSED,
                    f"camera {name} is at work, or was {GONE_S:.0f} s ago. Stop its capture first, there.",
                )
            self._cameras.pop(name, None)
        (self._settings.beats / capture_name(name)).unlink(missing_ok=True)
        return OrderState.DONE, f"camera {name} is forgotten"


def _taken_over(row: CameraState) -> _Remote:
    """A camera that the worker before this one had."""
    last = (Doing.STOPPED, row.reason or "") if row.state == Doing.STOPPED else None
    return _Remote(row.run, row.source, row.category, last=last)


def _doing(one: _Remote, silent: bool) -> tuple[Doing, str | None]:
    if one.last is not None:
        return one.last
    if silent:
        return Doing.RESTARTING, NOT_HEARD
    return Doing.INSPECTING if one.works else Doing.STARTING, None
