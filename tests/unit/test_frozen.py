"""A live camera that repeats one picture is found, and opening it anew does not hide it."""

from pathlib import Path

import numpy as np
import pytest

from edge.frame import Pixels
from edge.line.frozen import FEWEST, FROZEN_S, Frozen
from edge.line.shot import CameraError


def picture(level: int) -> Pixels:
    return np.full((12, 16, 3), level, np.uint8)


def test_the_same_picture_for_long_enough_is_a_frozen_camera(tmp_path: Path) -> None:
    frozen = Frozen("rtsp://cam", tmp_path / "note")
    for step in range(10):
        frozen.see(picture(1), at_s=step * FROZEN_S / 10)
    with pytest.raises(CameraError, match="rtsp://cam is frozen: 11 times"):
        frozen.see(picture(1), at_s=FROZEN_S)


def test_one_pixel_that_differs_by_one_level_begins_anew(tmp_path: Path) -> None:
    frozen = Frozen("rtsp://cam", tmp_path / "note")
    for step in range(100):
        noisy = picture(1)
        noisy[step % 12, step % 16, 0] += step // 8 % 2  # each picture comes up to eight times
        frozen.see(noisy, at_s=step * FROZEN_S / 10)


def test_a_slow_camera_needs_several_pictures(tmp_path: Path) -> None:
    frozen = Frozen("rtsp://cam", tmp_path / "note")
    for step in range(FEWEST - 1):
        frozen.see(picture(1), at_s=step * 60.0)
    with pytest.raises(CameraError):
        frozen.see(picture(1), at_s=(FEWEST - 1) * 60.0)


def test_opened_anew_its_first_picture_tells_until_it_shows_another_one(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_bytes(b"of another picture")
    first = Frozen("rtsp://cam", note)
    with pytest.raises(CameraError):
        for step in range(100):
            first.see(picture(1), at_s=step)
    for _ in range(2):
        with pytest.raises(CameraError, match="opened anew"):
            Frozen("rtsp://cam", note).see(picture(1), at_s=0.0)
    back = Frozen("rtsp://cam", note)
    back.see(picture(2), at_s=0.0)
    back.see(picture(1), at_s=1.0)
    assert not note.exists()


def test_another_resolution_is_another_picture(tmp_path: Path) -> None:
    frozen = Frozen("rtsp://cam", tmp_path / "note")
    for step in range(100):
        frozen.see(np.zeros((8 + step // 3 % 2, 8, 3), np.uint8), at_s=float(step))
