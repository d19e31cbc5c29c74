"""When a process counts as hung: by its heartbeat, by what it owes, and never for what stood still with all others."""

import pytest

from edge.hang import Limits, why_hung
from edge.ledger.beats import Beat

LIMITS = Limits(start_s=30.0, silence_s=5.0, owes_s=60.0)
NOW_S = 1000.0


def why(
    beat: Beat | None, *, limits: Limits = LIMITS, started_s: float = 0.0, awake_since_s: float = 0.0
) -> str | None:
    return why_hung(beat, limits, pid=7, started_s=started_s, awake_since_s=awake_since_s, now_s=NOW_S)


def beat(*, age_s: float = 0.1, owes_s: float | None = None, pid: int = 7, held_by: str | None = None) -> Beat:
    waits_since_s = None if owes_s is None else NOW_S - owes_s
    return Beat(process="worker", pid=pid, at_s=NOW_S - age_s, waits_since_s=waits_since_s, held_by=held_by)


def test_who_beats_and_owes_nothing_for_long_is_well() -> None:
    assert why(beat()) is None
    assert why(beat(age_s=4.9, owes_s=59)) is None


def test_a_silent_process_hangs_and_the_reason_says_for_how_long() -> None:
    assert why(beat(age_s=5.5)) == "no heartbeat for 5.5 s"


def test_a_process_that_beats_and_gets_nowhere_hangs() -> None:
    assert why(beat(owes_s=61)) == "nothing has come of what it had to do for 61.0 s"
    assert why(beat(owes_s=61), limits=Limits(30.0, 5.0)) is None, "what may owe for ever"


def test_who_knows_what_holds_it_up_and_that_no_restart_mends_it_is_left_alone() -> None:
    assert why(beat(owes_s=3600, held_by="the record is locked")) is None
    assert why(beat(age_s=6, held_by="the record is locked")), "but it must go on beating"


@pytest.mark.parametrize("last", [None, beat(pid=6)])
def test_a_start_takes_as_long_as_it_may_whatever_a_predecessor_said(last: Beat | None) -> None:
    assert why(last, started_s=NOW_S - 29) is None
    assert why(last, started_s=NOW_S - 31) == "no heartbeat within 31.0 s of its start"


def test_what_stood_still_with_the_whole_machine_gets_its_time_anew() -> None:
    assert why(beat(age_s=500, owes_s=500), awake_since_s=NOW_S - 1) is None
    assert why(beat(age_s=500), awake_since_s=NOW_S - 6) == "no heartbeat for 6.0 s"
    assert why(None, awake_since_s=NOW_S - 1) is None
