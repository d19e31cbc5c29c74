"""Watching a line: what is measured of a picture, when it is an alarm, and when it is none any more."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm import Alarm, Kind, State
from edge.frame import FrameInfo, Pixels
from edge.verdict import Outcome, Reason, Verdict, not_inspected
from edge.vision.drift import UNPLACED, Standard, Watch, Watches, look
from edge.vision.normal import Band, Normal
from edge.vision.view import place, small_grey, thumbnail
from tests.unit.test_normal import board

BAND = Band(count=8, mean=100, spread=2, reach=10, least=1, students_t=5)
LIGHT = {"brightness": BAND}
RAISED, CLEARED = {"brightness": State.RAISED}, {"brightness": State.CLEARED}


def seen(watch: Watch, *values: float) -> list[dict[str, State]]:
    """What each value of the brightness brought about."""
    return [watch.see({"brightness": value}) for value in values]


def large_board() -> Pixels:
    return cv2.resize(board(1), (1280, 960), interpolation=cv2.INTER_CUBIC)


def test_ten_wild_parts_in_a_row_are_no_drift_and_the_eleventh_is() -> None:
    for wild in (0.0, 255.0, 1e6):
        assert seen(Watch(LIGHT), *[wild] * 11) == [{}] * 10 + [RAISED]


def test_every_second_part_may_look_like_anything_for_ever() -> None:
    assert not any(seen(Watch(LIGHT), *[255.0, 100.0] * 1000))


def test_a_lasting_small_change_is_an_alarm_once_and_clears_halfway_back() -> None:
    watch = Watch(LIGHT)
    changes = seen(watch, *[113.0] * 50)
    assert changes.count(RAISED) == 1 and changes.count({}) == 49
    assert not any(seen(watch, *[108.0] * 200)), "back within the band, but not by half"
    assert seen(watch, *[103.0] * 40).count(CLEARED) == 1


def test_a_change_within_the_band_is_no_alarm() -> None:
    assert not any(seen(Watch(LIGHT), *[109.5] * 1000))


def test_only_a_rising_score_level_is_drift() -> None:
    band = Band(count=8, mean=0.5, spread=0.1, reach=0.2, least=0.0, students_t=5, upward_only=True)
    assert not any(Watch({"score": band}).see({"score": 0.0}) for _ in range(100))
    rising = Watch({"score": band})
    assert [rising.see({"score": 0.9}) for _ in range(30)].count({"score": State.RAISED}) == 1


def test_a_measure_without_a_band_is_not_watched() -> None:
    assert Watch({}).see({"brightness": 0.0}) == {}


def values(pixels: Pixels) -> dict[str, float]:
    return look(pixels, Standard(Normal(), place(thumbnail(small_grey(board(1))))))


def test_less_light_is_less_brightness_and_not_less_focus() -> None:
    good, dark = values(board(2)), values(cv2.convertScaleAbs(board(2), alpha=0.7))
    assert dark["brightness"] == pytest.approx(0.7 * good["brightness"], rel=0.02)
    assert dark["focus"] == pytest.approx(good["focus"], abs=0.15)
    assert dark["right"] == pytest.approx(good["right"], abs=0.005)


def test_blur_is_less_focus_and_nothing_else() -> None:
    good, blurred = values(large_board()), values(cv2.GaussianBlur(large_board(), (0, 0), 8))
    assert blurred["focus"] < good["focus"] - 0.5
    assert blurred["brightness"] == pytest.approx(good["brightness"], abs=1)
    assert blurred["right"] == pytest.approx(good["right"], abs=0.01)


@pytest.mark.parametrize("share", [-0.1, 0.025, 0.15])
def test_a_part_that_lies_elsewhere_is_measured_there(share: float) -> None:
    moved = values(board(2, right=round(share * 160)))
    assert moved["right"] == pytest.approx(share, abs=0.01)
    assert moved["down"] == pytest.approx(0, abs=0.01)


def test_white_is_clipped() -> None:
    white = board(1).copy()
    white[:60] = 255
    assert values(white)["clipping"] == pytest.approx(0.5, abs=0.01)


def test_a_camera_of_another_resolution_sees_the_same() -> None:
    large, small = values(large_board()), values(cv2.resize(large_board(), (640, 480), interpolation=cv2.INTER_AREA))
    assert large["focus"] == pytest.approx(small["focus"], abs=0.1)
    assert large["brightness"] == pytest.approx(small["brightness"], abs=1)


# a camera's frames


def info(seq: int, *, camera: str = "top") -> FrameInfo:
    return FrameInfo("run", camera, seq, seq * 1_000_000_000, "test")


def verdict(bundle: str = "a" * 64) -> Verdict:
    return Verdict(Outcome.OK, score=0.5, category="pcb", bundle=bundle)


def dark_line(watches: Watches, frames: int, *, bundle: str = "a" * 64, level: int = 30) -> list[Alarm]:
    picture = np.full((48, 64, 3), level, np.uint8)
    return [alarm for seq in range(1, frames + 1) for alarm in watches.see(info(seq), picture, verdict(bundle))]


STANDARD = Standard(Normal(LIGHT), None)


def test_an_alarm_says_what_changed_and_where_to_look() -> None:
    (alarm,) = dark_line(Watches(lambda _: STANDARD, lambda *_: []), 30)
    assert (alarm.kind, alarm.state, alarm.category, alarm.bundle) == (Kind.LIGHT, State.RAISED, "pcb", "a" * 64)
    assert (alarm.centre, alarm.low, alarm.high) == (100, 90, 110)
    assert alarm.value < 90
    assert alarm.sentence == (
        f"Brightness 30 of 255, mean of the newest 10 parts; the moving average is {alarm.value:.1f} of 255, good "
        "parts had 100.0 of 255, allowed is 90.0 of 255 to 110.0 of 255. "
        "Look at the lamp, the exposure and light from outside."
    )


def test_a_frame_that_was_not_inspected_says_nothing_about_the_light() -> None:
    watches = Watches(lambda _: STANDARD, lambda *_: [])
    picture = np.zeros((48, 64, 3), np.uint8)
    assert not any(watches.see(info(seq), picture, not_inspected(Reason.LATE)) for seq in range(50))
    unjudged = Verdict(Outcome.UNSURE, Reason.UNCALIBRATED)
    assert not any(watches.see(info(seq), picture, unjudged) for seq in range(50))


PLACED = Standard(Normal({"unplaced": UNPLACED}), None)
OUT_OF_PLACE = replace(not_inspected(Reason.POSE), category="pcb", bundle="a" * 64)
EMPTY = replace(not_inspected(Reason.NO_PART), category="pcb", bundle="a" * 64)


def said(watches: Watches, *verdicts: Verdict) -> list[list[Alarm]]:
    picture = np.full((48, 64, 3), 90, np.uint8)
    return [list(watches.see(info(seq), picture, one)) for seq, one in enumerate(verdicts, 1)]


def test_a_knocked_camera_whose_parts_are_all_out_of_place_is_an_alarm_of_position() -> None:
    watches = Watches(lambda _: PLACED, lambda *_: [])
    *before, (alarm,) = said(watches, *[OUT_OF_PLACE] * 11)
    assert not any(before), "ten parts in a row may look like anything"
    assert (alarm.kind, alarm.measure, alarm.state) == (Kind.POSITION, "unplaced", State.RAISED)
    assert alarm.sentence.startswith(
        "Share of the parts that are not found where they may lie 100.0 %, mean of the newest 10 parts; the moving "
        "average is 68.6 %, good parts had 0"
    )
    *before, (alarm,) = said(watches, *[verdict()] * 7)
    assert not any(before) and alarm.state is State.CLEARED


def test_parts_out_of_place_now_and_then_are_no_drift() -> None:
    assert not any(said(Watches(lambda _: PLACED, lambda *_: []), *[OUT_OF_PLACE, verdict()] * 300))


def test_an_empty_view_says_nothing_of_position_either_way() -> None:
    watches = Watches(lambda _: PLACED, lambda *_: [])
    assert not any(said(watches, *[OUT_OF_PLACE, EMPTY, EMPTY, EMPTY] * 10))
    assert said(watches, EMPTY, OUT_OF_PLACE)[1], "the eleventh part"


def test_a_part_out_of_place_says_nothing_of_the_light() -> None:
    standard = Standard(Normal(LIGHT | {"unplaced": UNPLACED}), None)
    alarms = [
        alarm for each in said(Watches(lambda _: standard, lambda *_: []), *[OUT_OF_PLACE] * 30) for alarm in each
    ]
    assert [alarm.measure for alarm in alarms] == ["unplaced"]


# what counts


@given(st.integers(0, 2**32 - 1))
def test_what_does_not_count_changes_neither_light_nor_focus(seed: int) -> None:
    mask = np.zeros((48, 64), bool)
    mask[:, :40] = True
    standard = Standard(Normal(), None, mask)
    other = board(1).copy()
    other[:, 100:] = np.random.default_rng(seed).integers(0, 256, (120, 60, 3), np.uint8)
    assert look(other, standard) == pytest.approx(look(board(1), standard), abs=1e-6)


def test_what_counts_still_changes_them() -> None:
    mask = np.zeros((120, 160), bool)
    mask[:, :100] = True
    standard = Standard(Normal(), None, mask)
    good, dark = look(large_board(), standard), look(cv2.convertScaleAbs(large_board(), alpha=0.7), standard)
    assert dark["brightness"] == pytest.approx(0.7 * good["brightness"], rel=0.02)
    assert look(cv2.GaussianBlur(large_board(), (0, 0), 8), standard)["focus"] < good["focus"] - 0.5
    white = board(1).copy()
    white[:60] = 255
    assert look(white, standard)["clipping"] == pytest.approx(0.5, abs=0.02)


def test_cameras_are_watched_apart() -> None:
    watches = Watches(lambda _: STANDARD, lambda *_: [])
    dark, good = np.full((48, 64, 3), 30, np.uint8), np.full((48, 64, 3), 100, np.uint8)
    for seq in range(1, 31):
        watches.see(info(seq, camera="dark"), dark, verdict())
        assert watches.see(info(seq, camera="good"), good, verdict()) == ()


def test_another_bundle_ends_the_alarms_of_the_one_before_and_begins_anew() -> None:
    watches = Watches(lambda _: STANDARD, lambda *_: [])
    dark_line(watches, 20)
    alarms = dark_line(watches, 20, bundle="b" * 64)
    assert [(alarm.state, alarm.bundle[0]) for alarm in alarms] == [(State.CLEARED, "a"), (State.RAISED, "b")]


def test_a_worker_that_came_back_clears_what_the_one_before_it_raised() -> None:
    raised = dark_line(Watches(lambda _: STANDARD, lambda *_: []), 20)
    alarms = dark_line(Watches(lambda _: STANDARD, lambda *_: raised), 30, level=100)
    assert [alarm.state for alarm in alarms] == [State.CLEARED]
    assert dark_line(Watches(lambda _: STANDARD, lambda *_: raised), 30) == [], "still in force, and said already"


def test_a_bundle_that_holds_nothing_normal_is_not_watched() -> None:
    assert dark_line(Watches(lambda _: None, lambda *_: []), 50) == []
