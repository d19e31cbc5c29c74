"""Cameras whose captures are on other machines: what a worker without a supervisor makes of their reports."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from edge.ledger.beats import WORKER, Heart, capture_name, forget_beats, read_beats
from edge.ledger.camera_states import CameraNow, Doing, states, tell_states
from edge.ledger.orders import FORGET, Order, OrderState, add_order
from edge.ledger.readiness import Why
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine, unit_of_work
from edge.line.message import BadMessage, Hello, Report, decode_from_capture
from edge.remote_cameras import RemoteCameras
from tests.ledger_rows import Ledger

SESSION, CAMERA = "w1", ("run-1", "top")
HELLO = Hello(run="run-1", camera="top", source="0", category="pcb")


@contextmanager
def cameras(ledger: Ledger) -> Iterator[RemoteCameras]:
    """Those of a worker that has just been started, and beats."""
    ledger.settings.data.mkdir(exist_ok=True)
    with closing(open_engine(ledger.settings.database, writes=True).connect()) as connection:
        Heart(ledger.settings.beats, WORKER).beat(session=SESSION)
        yield RemoteCameras(ledger.settings, reads=ledger.engine, writes=connection.engine)
        connection.engine.dispose()


def report(*, noted_s: float | None = 0.0, **more: object) -> Report:
    """What a capture says that heard of the worker so long ago; None: never."""
    noted_ns = None if noted_s is None else time.monotonic_ns() - int(noted_s * 1e9)
    return Report.model_validate({"session": SESSION, "noted_ns": noted_ns, **more})


def why(ledger: Ledger) -> list[Why]:
    """What is in the way of the line; nothing if it is ready."""
    return [reason.why for reason in ready_now(ledger.settings, ledger.engine).line.reasons]


def state(ledger: Ledger) -> dict[str, str]:
    """What the record says of each camera."""
    with Session(ledger.engine) as session:
        return {row.camera: row.state for row in states(session)}


def here(remote: RemoteCameras, hello: Hello = HELLO) -> None:
    """Welcome a camera, and let its capture say that all is well."""
    remote.welcome(hello)
    remote.hear((hello.run, hello.camera), report())
    remote.tell()


def test_a_camera_is_ready_once_its_capture_has_said_so_and_not_when_it_has_only_come(ledger: Ledger) -> None:
    with cameras(ledger) as remote:
        remote.tell()
        assert why(ledger) == [Why.NO_LINE]
        remote.welcome(HELLO)
        remote.tell()
        assert why(ledger) == [Why.CAPTURE_SILENT]
        remote.hear(CAMERA, report(noted_s=None))
        assert why(ledger) == [Why.CAPTURE_SILENT], "nobody knows when that was said"
        remote.hear(CAMERA, report())
        assert why(ledger) == []
        assert state(ledger) == {"top": "starting"}
        remote.recorded(CAMERA)
        remote.tell()
        assert state(ledger) == {"top": "inspecting"}


def test_what_a_capture_says_makes_its_camera_not_ready(ledger: Ledger) -> None:
    cases: list[tuple[Callable[[], Report], Why]] = [
        (lambda: report(noted_s=1.6), Why.CAPTURE_SILENT),  # it was long under way
        (lambda: report(noted_s=-0.5), Why.CAPTURE_SILENT),  # no worker has said that yet
        (lambda: report(noted_s=0.1, ago_s=1e9), Why.CAPTURE_SILENT),
        (lambda: report(waits_s=1.6), Why.CAMERA_SILENT),
        (lambda: report(waits_s=1e9), Why.CAMERA_SILENT),
        (lambda: report(held_by="the journal cannot be written"), Why.CAPTURE_STUCK),
        (lambda: report(last="ended"), Why.ENDED),
        (lambda: report(last="stopped"), Why.STOPPED),
    ]
    with cameras(ledger) as remote:
        for said, reason in cases:
            here(remote)
            forget_beats(ledger.settings.beats)
            Heart(ledger.settings.beats, WORKER).beat(session=SESSION)
            remote.welcome(HELLO)
            remote.hear(CAMERA, said())
            remote.tell()
            assert why(ledger) == [reason]


def test_a_camera_without_a_category_is_not_ready(ledger: Ledger) -> None:
    with cameras(ledger) as remote:
        here(remote, HELLO.model_copy(update={"category": None}))
        assert why(ledger) == [Why.UNCALIBRATED]


def test_when_something_was_said_counts_and_not_when_it_came(ledger: Ledger) -> None:
    with cameras(ledger) as remote:
        remote.welcome(HELLO)
        before_s = time.monotonic()
        remote.hear(CAMERA, report(noted_s=1.0, ago_s=0.4, waits_s=0.2))
        beat = read_beats(ledger.settings.beats)[capture_name("top")]
        assert beat.age_s(before_s) == pytest.approx(0.6, abs=0.1)
        assert beat.waited_s(before_s) == pytest.approx(0.8, abs=0.1)


NUMBERS = st.sampled_from([-1, 0, 1e-300, 1e9, 1e308, 10**400, 1 << 62, (1 << 62) - 1, 1 << 64, float("nan")]) | (
    st.floats() | st.integers()
)


@example(noted_ns=0, ago_s=0.0, waits_s=0.0, at_hand=0)
@given(noted_ns=NUMBERS, ago_s=NUMBERS, waits_s=NUMBERS, at_hand=NUMBERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_numbers_of_a_hostile_capture_are_refused_or_make_nothing_ready(ledger: Ledger, **numbers: float) -> None:
    """No sentence of its own invention is as old as the worker's clock says, unless it guesses that to a second."""
    header = json.dumps({"v": 1, "type": "report", "session": SESSION, **numbers}).encode()
    with cameras(ledger) as remote:
        remote.welcome(HELLO)
        try:
            said = decode_from_capture([header], max_bytes=1 << 20)
        except BadMessage:
            return
        assert isinstance(said, Report)
        remote.hear(CAMERA, said)
        remote.tell()
        assert Why.CAPTURE_SILENT in why(ledger)


def test_a_camera_that_is_away_when_the_worker_comes_back_still_belongs_to_the_line(ledger: Ledger) -> None:
    side = HELLO.model_copy(update={"run": "run-2", "camera": "side"})
    with cameras(ledger) as remote:
        for hello in (HELLO, side):
            here(remote, hello)
        assert why(ledger) == []
        remote.end()
        assert state(ledger) == {"side": "restarting", "top": "restarting"}
    with cameras(ledger) as remote:
        here(remote)
        assert why(ledger) == [Why.CAPTURE_SILENT]
        assert state(ledger) == {"side": "restarting", "top": "starting"}
        here(remote, side)
        assert why(ledger) == []


def test_a_source_that_has_ended_is_forgotten_at_the_next_start_and_a_camera_that_was_stopped_is_not(
    ledger: Ledger,
) -> None:
    side = HELLO.model_copy(update={"run": "run-2", "camera": "side"})
    with cameras(ledger) as remote:
        here(remote)
        here(remote, side)
        remote.hear(CAMERA, report(last="ended"))
        remote.hear(("run-2", "side"), report(last="stopped"))
        remote.hear(CAMERA, report())
        remote.tell()
        assert state(ledger) == {"side": "stopped", "top": "ended"}, "a last word is the last"
        remote.end()
    with cameras(ledger) as remote:
        remote.tell()
        assert state(ledger) == {"side": "stopped"}
        here(remote, side)
        assert why(ledger) == []


def test_the_capture_that_came_last_speaks_for_its_camera(ledger: Ledger) -> None:
    with cameras(ledger) as remote:
        here(remote)
        remote.welcome(HELLO.model_copy(update={"run": "run-2"}))
        remote.hear(CAMERA, report(last="stopped"))
        remote.hear(CAMERA, report())
        remote.recorded(CAMERA)
        remote.tell()
        assert state(ledger) == {"top": "starting"}


def test_a_camera_is_forgotten_when_somebody_says_so_unless_it_is_at_work(ledger: Ledger) -> None:
    with cameras(ledger) as remote:
        here(remote)
        first, second = ordered(ledger, remote, FORGET), ordered(ledger, remote, "stop")
        assert (first.state, second.state) == (OrderState.REFUSED, OrderState.REFUSED)
        assert "at work" in str(first.answer)
        assert "on their own machines" in str(second.answer)
        remote.hear(CAMERA, report(last="stopped"))
        assert ordered(ledger, remote, FORGET).state == OrderState.DONE
        assert state(ledger) == {}
        assert capture_name("top") not in read_beats(ledger.settings.beats)


def ordered(ledger: Ledger, remote: RemoteCameras, kind: str) -> Order:
    """An order of camera `top`, with its answer."""
    with unit_of_work(ledger.engine) as session:
        order = add_order(session, kind, asked_by="anna", camera="top").id
    remote.tell()
    with Session(ledger.engine) as session:
        return session.get_one(Order, order)


def test_the_last_word_of_a_line_that_was_supervised_is_not_taken_over(ledger: Ledger) -> None:
    ended = CameraNow("demo", "demo:pcb", "pcb", Doing.ENDED, "the line was stopped")
    tell_states(ledger.engine, "night-1", [ended], now_ns=time.time_ns())
    with cameras(ledger) as remote:
        here(remote)
        assert state(ledger) == {"top": "starting"}
