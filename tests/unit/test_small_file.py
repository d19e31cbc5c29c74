"""Notes in memory are replaced even while that is full."""

import time
from pathlib import Path

import pytest

from edge.ledger.beats import EVERY_S, Heart, read_beats
from edge.small_file import replace_note
from tests.small_disk import small_disk


def test_a_note_is_replaced_whole(tmp_path: Path) -> None:
    for text in ("one", "a longer one", "2"):
        replace_note(tmp_path / "note", text)
        assert (tmp_path / "note").read_text() == text
    assert list(tmp_path.iterdir()) == [tmp_path / "note"]


def test_hearts_beat_on_where_no_room_is_left_for_a_second_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "memory", size_bytes=1 << 16) as memory:
        heart = Heart(memory / "beats", "worker")
        heart.beat(at_hand=1000)
        with pytest.raises(OSError, match="No space left"):
            (memory / "rest").write_bytes(bytes(1 << 20))
        time.sleep(2 * EVERY_S)
        heart.beat(at_hand=7)
        assert read_beats(memory / "beats")["worker"].at_hand == 7


def test_a_heart_that_cannot_beat_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heart = Heart(tmp_path / "beats", "worker")
    (tmp_path / "beats").rmdir()
    heart.beat()
    assert read_beats(tmp_path / "beats") == {}
    assert f"the heartbeat {tmp_path}/beats/worker cannot be written" in caplog.text
