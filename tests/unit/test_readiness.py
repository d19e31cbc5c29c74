"""Readiness: nothing is ready by default, and each thing that is missing, old or said against it is a reason."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from edge.ledger.beats import Beat, Heart
from edge.ledger.bundles import record_bundle
from edge.ledger.camera_states import CameraNow, Doing, tell_states
from edge.ledger.categories import tell_categories
from edge.ledger.checks import record_check
from edge.ledger.readiness import (
    LEAST_FREE_BYTES,
    SUPERVISOR_LIMIT_S,
    CameraFacts,
    Limits,
    LineFacts,
    Readiness,
    Why,
    readiness,
)
from edge.ledger.ready_now import ready_now
from tests.ledger_rows import Ledger

NOW_S, NOW_NS = 1000.0, 1_700_000_000_000_000_000
LIMITS = Limits(inspection_s=2.0, camera_s=2.0)
TOP = CameraFacts("top", Doing.INSPECTING, None, "pcb", NOW_NS)
SIDE = replace(TOP, camera="side")


def beat(process: str, *, age_s: float = 0.1, waits_s: float | None = None, session: str | None = "w1") -> Beat:
    waits_since_s = None if waits_s is None else NOW_S - waits_s
    return Beat(process=process, pid=1, at_s=NOW_S - age_s, waits_since_s=waits_since_s, session=session)


def held(one: Beat) -> Beat:
    return one.model_copy(update={"held_by": "the journal cannot be written: No space left on device"})


def unjudged(one: Beat, **for_s: float) -> Beat:
    return one.model_copy(update={"unjudged_since_s": {name: NOW_S - waited_s for name, waited_s in for_s.items()}})


def beats(**changed: Beat | None) -> dict[str, Beat]:
    """Those of a healthy line with two cameras, but for some; by process, with _ for -."""
    healthy = {name: beat(name) for name in ("worker", "capture-top", "capture-side")}
    given = {name.replace("_", "-"): one for name, one in changed.items()}
    return {name: one for name, one in (healthy | given).items() if one is not None}


GOOD = LineFacts(beats(), [TOP, SIDE], {}, 10 << 30, NOW_S, NOW_NS)


def why(found: Readiness, camera: str | None = None) -> list[Why]:
    return [reason.why for reason in (found.cameras[camera] if camera else found.line).reasons]


def test_a_line_on_which_all_is_well_is_ready() -> None:
    found = readiness(GOOD, LIMITS)
    assert found.line.ready
    assert {name: one.ready for name, one in found.cameras.items()} == {"top": True, "side": True}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: {"beats": beats(worker=None)}, Why.WORKER_SILENT),
        (lambda: {"beats": beats(worker=beat("worker", age_s=1.6))}, Why.WORKER_SILENT),
        (lambda: {"beats": beats(worker=beat("worker", age_s=-5.0))}, Why.WORKER_SILENT),  # from before a reboot
        (lambda: {"beats": beats(worker=beat("worker", waits_s=1.6))}, Why.INSPECTION_STUCK),
        (lambda: {"free_bytes": LEAST_FREE_BYTES - 1}, Why.DISK_FULL),
        (lambda: {"now_ns": NOW_NS + round((SUPERVISOR_LIMIT_S + 1) * 1e9)}, Why.SUPERVISOR_SILENT),
        (lambda: {"now_ns": NOW_NS - 3600 * 10**9}, Why.SUPERVISOR_SILENT),  # the clock was set back
    ],
)
def test_what_is_wrong_with_the_line_is_wrong_with_each_camera(
    change: Callable[[], dict[str, object]], reason: Why
) -> None:
    found = readiness(replace(GOOD, **change()), LIMITS)  # type: ignore[arg-type]
    assert reason in why(found)
    assert reason in why(found, "top")
    assert reason in why(found, "side")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: {"beats": beats(capture_top=None)}, Why.CAPTURE_SILENT),
        (lambda: {"beats": beats(capture_top=beat("capture-top", age_s=1.6))}, Why.CAPTURE_SILENT),
        (lambda: {"beats": beats(capture_top=beat("capture-top", waits_s=1.6))}, Why.CAMERA_SILENT),
        (lambda: {"beats": beats(capture_top=beat("capture-top", session=None))}, Why.NOT_CONNECTED),
        (lambda: {"beats": beats(capture_top=beat("capture-top", session="w0"))}, Why.NOT_CONNECTED),
        (lambda: {"beats": beats(capture_top=held(beat("capture-top")))}, Why.CAPTURE_STUCK),
        (lambda: {"beats": beats(worker=unjudged(beat("worker"), top=1.6))}, Why.NOT_JUDGED),
        (lambda: {"cameras": [replace(TOP, category=None), SIDE]}, Why.UNCALIBRATED),
        (lambda: {"cameras": [replace(TOP, state=Doing.STOPPED), SIDE]}, Why.STOPPED),
        (lambda: {"cameras": [replace(TOP, state=Doing.FAILED), SIDE]}, Why.FAILED),
        (lambda: {"cameras": [replace(TOP, state=Doing.ENDED), SIDE]}, Why.ENDED),
        (
            lambda: {"failed_checks": {"pcb": "too dark"}, "cameras": [TOP, replace(SIDE, category="cap")]},
            Why.CHECK_FAILED,
        ),
    ],
)
def test_what_is_wrong_with_one_camera_leaves_the_other_ready_and_the_line_not(
    change: Callable[[], dict[str, object]], reason: Why
) -> None:
    found = readiness(replace(GOOD, **change()), LIMITS)  # type: ignore[arg-type]
    assert why(found, "top") == [reason]
    assert why(found, "side") == []
    assert [(one.why, one.camera) for one in found.line.reasons] == [(reason, "top")]


def test_a_line_that_nobody_started_is_not_ready() -> None:
    assert why(readiness(replace(GOOD, cameras=[]), LIMITS)) == [Why.NO_LINE]


def test_a_camera_that_waits_for_its_first_part_is_ready() -> None:
    """Where the plant begins when the line is ready, none would ever come otherwise."""
    assert readiness(replace(GOOD, cameras=[replace(TOP, state=Doing.STARTING)]), LIMITS).line.ready


@pytest.mark.parametrize("process", ["worker", "capture_top"])
def test_a_slow_line_has_limits_of_its_own(process: str) -> None:
    slow = replace(GOOD, beats=beats(**{process: beat(process.replace("_", "-"), waits_s=8.0)}))
    assert not readiness(slow, LIMITS).line.ready
    assert readiness(slow, Limits(10.0, 10.0)).line.ready


def test_readiness_is_found_in_the_record_and_the_heartbeats(ledger: Ledger) -> None:
    settings = ledger.settings
    settings.data.mkdir(exist_ok=True)
    assert Why.NO_LINE in why(ready_now(settings, ledger.engine))
    top = CameraNow("top", "demo:pcb", "pcb", Doing.INSPECTING)
    tell_states(ledger.engine, "night-1", [top], now_ns=time.time_ns())
    for process in ("worker", "capture-top"):
        Heart(settings.beats, process).beat(session="w1")
    assert ready_now(settings, ledger.engine).line.ready


def test_a_failed_check_counts_until_one_passes_or_another_bundle_is_in_use(ledger: Ledger) -> None:
    ledger.settings.data.mkdir(exist_ok=True)
    tell_states(ledger.engine, "night-1", [CameraNow("top", "", "pcb", Doing.INSPECTING)], now_ns=time.time_ns())
    for version in (1, 2):
        record_bundle(
            ledger.engine, sha256=str(version) * 64, name=f"pcb@{version}", category="pcb", encoder="lite", folder=""
        )
    tell_categories(ledger.engine, {"pcb": "pcb@1"})
    check = {"category": "pcb", "bundle": "1" * 64, "reason": "too dark", "details": []}
    record_check(ledger.engine, passed=False, **check)  # type: ignore[arg-type]
    assert Why.CHECK_FAILED in why(ready_now(ledger.settings, ledger.engine))
    tell_categories(ledger.engine, {"pcb": "pcb@2"})
    assert Why.CHECK_FAILED not in why(ready_now(ledger.settings, ledger.engine))
    tell_categories(ledger.engine, {"pcb": "pcb@1"})
    record_check(ledger.engine, passed=True, **check)  # type: ignore[arg-type]
    assert Why.CHECK_FAILED not in why(ready_now(ledger.settings, ledger.engine))


def test_a_record_that_cannot_be_read_is_a_reason(ledger: Ledger) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(text("DROP TABLE camera_state"))
    assert why(ready_now(ledger.settings, ledger.engine)) == [Why.RECORD_UNREADABLE]
