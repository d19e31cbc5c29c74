"""When frames go by that nobody looks at."""

from edge.line.unjudged import Unjudged
from edge.verdict import Reason


def recorded(*reasons: Reason | None) -> Unjudged:
    found = Unjudged()
    for second, reason in enumerate(reasons):
        found.recorded("top", reason, now_s=float(second))
    return found


def test_it_counts_from_the_first_of_several_frames_without_a_look() -> None:
    assert recorded(None, Reason.LATE, Reason.OVERLOAD, Reason.NO_MEMORY).since_s == {"top": 1.0}
    assert recorded(Reason.TOO_LARGE, Reason.TOO_LARGE).since_s == {"top": 0.0}


def test_one_alone_says_nothing_as_the_next_part_may_come_in_an_hour() -> None:
    assert recorded(None, Reason.LATE).since_s == {}


def test_a_look_ends_it_also_one_that_found_no_part() -> None:
    for reason in (None, Reason.ABOVE_THRESHOLD, Reason.UNCALIBRATED, Reason.POSE, Reason.NO_PART):
        assert recorded(Reason.LATE, Reason.LATE, reason).since_s == {}
        assert recorded(Reason.LATE, Reason.LATE, reason, Reason.LATE, Reason.LATE).since_s == {"top": 3.0}


def test_what_is_told_of_the_past_neither_begins_nor_ends_it() -> None:
    assert recorded(Reason.CAPTURE_DIED, Reason.STOPPED, Reason.CAPTURE_DIED).since_s == {}
    assert recorded(Reason.LATE, Reason.LATE, Reason.CAPTURE_DIED).since_s == {"top": 0.0}


def test_each_camera_has_its_own() -> None:
    found = recorded(Reason.LATE, Reason.LATE)
    found.recorded("side", None, now_s=2.0)
    assert found.since_s == {"top": 0.0}
