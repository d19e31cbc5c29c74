import threading

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.batch import Batcher


def test_cameras_take_turns_and_the_one_left_out_comes_first_next_time() -> None:
    batcher: Batcher[str] = Batcher(batch_size=2)
    for item in ("a1", "a2", "a3", "b1", "b2", "c1"):
        batcher.put(item[0], item)
    assert [batcher.take() for _ in range(3)] == [["a1", "b1"], ["c1", "a2"], ["b2", "a3"]]


def test_a_batch_does_not_wait_to_be_full() -> None:
    batcher: Batcher[str] = Batcher(batch_size=8)
    batcher.put("a", "a1")
    assert batcher.take() == ["a1"]


def test_take_waits_for_the_first_item() -> None:
    batcher: Batcher[str] = Batcher(batch_size=8)
    threading.Timer(0.05, batcher.put, ("a", "a1")).start()
    assert batcher.take() == ["a1"]


def test_a_closed_batcher_gives_what_is_left_and_then_nothing() -> None:
    batcher: Batcher[str] = Batcher(batch_size=8)
    batcher.put("a", "a1")
    batcher.close()
    assert [batcher.take(), batcher.take()] == [["a1"], []]


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(1, 7))
def test_nothing_is_lost_doubled_or_out_of_order_within_a_camera(cameras: list[int], batch_size: int) -> None:
    batcher: Batcher[tuple[int, int]] = Batcher(batch_size=batch_size)
    for number, camera in enumerate(cameras):
        batcher.put(camera, (camera, number))
    batcher.close()
    taken = []
    while batch := batcher.take():
        assert len(batch) <= batch_size
        taken += batch
    for camera in set(cameras):
        assert [n for c, n in taken if c == camera] == [n for n, c in enumerate(cameras) if c == camera]
    assert len(taken) == len(cameras)


@given(st.integers(2, 6), st.integers(1, 5))
def test_a_busy_camera_cannot_push_the_others_aside(cameras: int, batch_size: int) -> None:
    batcher: Batcher[int] = Batcher(batch_size=batch_size)
    for camera in range(cameras):
        for _ in range(100 if camera == 0 else 10):
            batcher.put(camera, camera)
    rounds = [item for _ in range(cameras * 5) for item in batcher.take()][: cameras * 5]
    counts = [rounds.count(camera) for camera in range(cameras)]
    assert max(counts) - min(counts) <= 1
