"""Heartbeats: what a process says of itself, and when that is too old to count."""

import time
from pathlib import Path

from edge.ledger.beats import EVERY_S, Beat, Heart, forget_beats, read_beats
from edge.line.at_hand import AtHand


def test_a_beat_says_who_lives_and_since_when_it_owes_something(tmp_path: Path) -> None:
    before_s = time.monotonic()
    Heart(tmp_path / "beats", "worker").beat(before_s - 3)
    beat = read_beats(tmp_path / "beats")["worker"]
    now_s = time.monotonic()
    assert 0 <= beat.age_s(now_s) <= now_s - before_s
    assert 3 <= beat.waited_s(now_s) <= 3 + now_s - before_s
    Heart(tmp_path / "beats", "supervisor").beat(restarts={"worker": 2, "page": 0})
    assert read_beats(tmp_path / "beats")["supervisor"].restarts == {"worker": 2, "page": 0}
    Heart(tmp_path / "beats", "capture-top").beat(at_hand=7)
    assert read_beats(tmp_path / "beats")["capture-top"].at_hand == 7
    assert read_beats(tmp_path / "beats")["capture-top"].waited_s(now_s) == 0
    forget_beats(tmp_path / "beats")
    assert read_beats(tmp_path / "beats") == {}


def test_a_heart_beats_a_few_times_a_second_however_often_it_is_asked(tmp_path: Path) -> None:
    heart = Heart(tmp_path, "worker")
    heart.beat()
    first = read_beats(tmp_path)["worker"]
    heart.beat(1.0)
    assert read_beats(tmp_path)["worker"] == first
    time.sleep(EVERY_S)
    heart.beat(1.0)
    assert read_beats(tmp_path)["worker"].waits_since_s == 1.0


def test_a_beat_from_before_a_reboot_is_infinitely_old_and_what_is_no_beat_is_passed_over(tmp_path: Path) -> None:
    assert Beat(process="worker", pid=1, at_s=1e6).age_s(10.0) == float("inf")
    (tmp_path / "worker").write_text('{"process": "worker"')
    (tmp_path / ".capture-top.part").write_text("")
    assert read_beats(tmp_path) == {}


def test_what_is_at_hand_counts_as_something() -> None:
    at_hand = AtHand(credits=2)
    assert not at_hand
    at_hand.add([1, 2], with_pixels=True)
    assert len(at_hand) == 2
