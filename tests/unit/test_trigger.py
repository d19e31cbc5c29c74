"""Which frames are parts: synthetic belts with noise and flicker, and requests from threads."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.frame import NO_IDENTITY, PartIdentity, Pixels
from edge.line.trigger import (
    Every,
    PendingTrigger,
    Still,
    TriggerError,
    TriggerQueue,
    TriggerQueueFull,
    motion,
    sharpness,
)

QUIET = 4


class Belt:
    """A grey belt, 320 x 240, on which a bright part with a dark stripe lies at some x; noise and lamp as told."""

    def __init__(self, *, noise: float = 4.0, flicker: float = 0.0) -> None:
        self._rng = np.random.default_rng(1)
        self._noise, self._flicker = noise, flicker

    def seen(self, x: float | None) -> Pixels:
        view = np.full((240, 320, 3), 90.0)
        if x is not None:
            left, right = round(max(0, x)), round(min(320, max(0, x + 80)))
            view[80:160, left:right] = (190, 180, 150)
            view[110:120, left:right] = 40
        view *= 1 + self._flicker * self._rng.uniform(-1, 1)
        return np.clip(view + self._rng.normal(0, self._noise, view.shape), 0, 255).astype(np.uint8)

    def passing(self, *, rest: int) -> Iterator[Pixels]:
        """A part comes in from the left, rests in the middle, and leaves to the right."""
        for x in range(-80, 120, 20):
            yield self.seen(x)
        for _ in range(rest):
            yield self.seen(120)
        for x in range(140, 330, 20):
            yield self.seen(x)


def fired(trigger: Still, frames: Iterator[Pixels]) -> list[int]:
    return [index for index, pixels in enumerate(frames) if trigger.feed(pixels)]


def test_every_frame_is_a_part() -> None:
    assert Every().feed(np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(("noise", "flicker"), [(0.0, 0.0), (4.0, 0.0), (8.0, 0.0), (4.0, 0.05)])
def test_a_part_that_rests_is_taken_once(noise: float, flicker: float) -> None:
    trigger, belt = Still(quiet_frames=QUIET), Belt(noise=noise, flicker=flicker)
    for _ in range(3):
        # 10 frames of arrival, then the rest; the first resting frame begins the rest
        assert fired(trigger, belt.passing(rest=30)) == [10 + QUIET - 1]


def test_a_moving_belt_has_no_parts() -> None:
    assert fired(Still(quiet_frames=QUIET), Belt().passing(rest=0)) == []


def test_a_rest_that_is_too_short_is_no_part() -> None:
    trigger, belt = Still(quiet_frames=QUIET), Belt()
    assert fired(trigger, belt.passing(rest=QUIET - 1)) == []
    assert fired(trigger, belt.passing(rest=QUIET)) == [10 + QUIET - 1]


def test_a_part_that_lies_there_at_the_start_is_taken() -> None:
    belt = Belt()
    assert fired(Still(quiet_frames=QUIET), (belt.seen(120) for _ in range(50))) == [QUIET - 1]


def test_a_slow_drift_is_motion() -> None:
    belt = Belt()
    frames = (belt.seen(3.0 * step) for step in range(60))  # less than one thumbnail pixel a frame
    assert fired(Still(quiet_frames=10), frames) == []


def test_one_frame_of_motion_arms_again() -> None:
    belt = Belt()
    places = [120.0] * 10 + [200.0] + [120.0] * 10
    assert fired(Still(quiet_frames=QUIET), (belt.seen(x) for x in places)) == [QUIET - 1, 11 + QUIET - 1]


def test_daylight_that_fades_on_one_side_is_no_part() -> None:
    belt = Belt(noise=2.0)
    shade = np.linspace(0, 1, 320)[None, :, None]
    frames = ((belt.seen(120) * (1 - 0.1 * shade * step / 200)).astype(np.uint8) for step in range(200))
    assert fired(Still(quiet_frames=QUIET), frames) == [QUIET - 1]


def test_another_frame_size_begins_anew() -> None:
    trigger = Still(quiet_frames=2)
    small, large = np.zeros((48, 64, 3), np.uint8), np.zeros((96, 64, 3), np.uint8)
    assert [trigger.feed(pixels) for pixels in (small, small, large, large)] == [False, True, False, True]


def test_motion_sees_a_part_and_neither_noise_nor_flicker() -> None:
    belt = Belt(noise=4.0, flicker=0.05)
    still = [motion(belt.seen(120), belt.seen(120)) for _ in range(20)]
    assert max(still) < 0.5
    assert motion(belt.seen(120), belt.seen(160)) > 5
    assert motion(belt.seen(None), belt.seen(120)) > 5


def test_motion_of_a_picture_with_itself_is_zero() -> None:
    pixels = Belt().seen(50)
    assert motion(pixels, pixels) == 0.0


def test_sharpness_falls_with_blur() -> None:
    sharp = np.zeros((100, 100, 3), np.uint8)
    sharp[::8] = 255
    blurred = (sharp // 2 + np.roll(sharp, 1, axis=0) // 2).astype(np.uint8)
    flat = np.full((100, 100, 3), 128, np.uint8)
    assert sharpness(sharp) > sharpness(blurred) > sharpness(flat) == 0.0


# requests


def wait_for(queue: TriggerQueue) -> PendingTrigger:
    until_s = time.monotonic() + 5
    while time.monotonic() < until_s:
        if pending := queue.take():
            return pending
        time.sleep(0.002)
    raise AssertionError("no request came")


def ask(
    queue: TriggerQueue, identity: PartIdentity, answers: list[object], *, timeout_s: float = 5.0
) -> threading.Thread:
    def run() -> None:
        try:
            answers.append(queue.request(identity, timeout_s=timeout_s))
        except TriggerError as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_request_gets_the_number_of_its_frame() -> None:
    queue, answers = TriggerQueue(), list[object]()
    thread = ask(queue, PartIdentity(serial="S1"), answers)
    pending = wait_for(queue)
    assert pending.identity.serial == "S1"
    assert queue.take() is None
    pending.done(41)
    thread.join(5)
    assert answers == [41]


def test_a_frame_older_than_the_request_is_not_for_it() -> None:
    queue, answers = TriggerQueue(), list[object]()
    old_ns = time.time_ns()
    thread = ask(queue, NO_IDENTITY, answers)
    time.sleep(0.05)
    assert queue.take(captured_ns=old_ns) is None
    pending = queue.take(captured_ns=time.time_ns())
    assert pending is not None
    pending.done(7)
    thread.join(5)
    assert answers == [7]


def test_no_frame_is_said_and_the_request_is_gone() -> None:
    queue = TriggerQueue()
    with pytest.raises(TriggerError, match=r"within 0\.01 s"):
        queue.request(NO_IDENTITY, timeout_s=0.01)
    assert queue.take() is None


def test_a_frame_taken_just_before_the_timeout_still_counts() -> None:
    queue, answers = TriggerQueue(), list[object]()
    thread = ask(queue, NO_IDENTITY, answers, timeout_s=0.3)
    pending = wait_for(queue)
    time.sleep(0.4)
    pending.done(3)
    thread.join(5)
    assert answers == [3]


def test_a_full_queue_refuses_at_once() -> None:
    queue, answers = TriggerQueue(capacity=1), list[object]()
    thread = ask(queue, NO_IDENTITY, answers)
    while not queue.waiting:
        time.sleep(0.002)
    with pytest.raises(TriggerQueueFull):
        queue.request(NO_IDENTITY, timeout_s=5)
    wait_for(queue).done(1)
    thread.join(5)
    assert answers == [1]


def test_closing_fails_those_that_wait_and_those_that_come() -> None:
    queue, answers = TriggerQueue(), list[object]()
    thread = ask(queue, NO_IDENTITY, answers, timeout_s=60)
    while not queue.waiting:
        time.sleep(0.002)
    queue.close()
    thread.join(5)
    assert "stopping" in str(answers[0])
    with pytest.raises(TriggerError, match="stopping"):
        queue.request(NO_IDENTITY, timeout_s=60)


@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 20))
def test_every_request_gets_a_number_of_its_own_in_order_of_asking(count: int) -> None:
    queue, answers = TriggerQueue(capacity=20), list[object]()
    threads = []
    for number in range(count):
        threads.append(ask(queue, PartIdentity(serial=str(number)), answers))
        while queue.waiting <= number:
            time.sleep(0.001)
    for number in range(count):
        pending = wait_for(queue)
        assert pending.identity.serial == str(number)
        pending.done(number)
    for thread in threads:
        thread.join(5)
    assert sorted(answers, key=str) == sorted(range(count), key=str)
