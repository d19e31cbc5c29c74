"""References: what is taken, what is refused and why, from cameras that implement the real protocol."""

import time
from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.references.collect import (
    MOST_REFUSED,
    SETTLING_FRAMES,
    Decision,
    References,
    collect,
    pictures_of,
    settle,
)
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.camera import open_camera
from edge.line.camera_spec import parse_camera
from edge.line.shot import Shot
from tests.patch_encoder import grey_part


class PictureCamera:
    """A camera that delivers the given pictures, in order; None is a picture that cannot be read."""

    source = "pictures"
    finite = True

    def __init__(self, pictures: Iterable[Pixels | None], *, continuous: bool = False, can_wait: bool = True) -> None:
        self.continuous = continuous
        self.can_wait = can_wait
        self.reads = 0
        self.locked_after: int | None = None
        self._pictures = iter(pictures)

    def read(self) -> Shot | None:
        for pixels in self._pictures:
            self.reads += 1
            return Shot(pixels, time.time_ns(), f"#{self.reads}")
        return None

    def lock_controls(self) -> dict[str, float]:
        self.locked_after = self.reads
        return {"exposure": 0.02}

    def close(self) -> None:
        self._pictures = iter(())


def plain_part(number: int) -> Pixels:
    """A part with plain detail of some pixels."""
    plain = np.clip(4 * (grey_part(number).astype(int) - 96), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(plain, (256, 256), interpolation=cv2.INTER_LINEAR), np.uint8)


def blurred(number: int) -> Pixels:
    pixels = np.clip(4 * (grey_part(number).astype(int) - 96), 0, 255).astype(np.uint8)  # contrast survives the blur
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2), np.uint8)


def test_the_first_pictures_are_taken_in_order() -> None:
    camera = PictureCamera(grey_part(number) for number in range(10))
    references = References(3)
    decisions = list(collect(camera, references))
    assert decisions == [Decision(f"#{n}", taken=True, why=f"{n} of 3") for n in (1, 2, 3)]
    assert camera.reads == 3
    for number, reference in enumerate(references.taken):
        assert np.array_equal(reference.pixels, grey_part(number))


def test_a_blurred_picture_is_refused_with_the_numbers() -> None:
    camera = PictureCamera([grey_part(0), blurred(1), grey_part(2)])
    decisions = list(collect(camera, References(2)))
    assert [decision.taken for decision in decisions] == [True, False, True]
    assert decisions[1].why.startswith("blurred: sharpness")


def test_a_blurred_first_picture_is_refused_once_the_others_show_it() -> None:
    camera = PictureCamera([blurred(0), *(grey_part(number) for number in range(1, 5))])
    references = References(4)
    decisions = list(collect(camera, references))
    assert [(d.source, d.taken) for d in decisions] == [
        ("#1", True), ("#2", True), ("#3", True), ("#4", True), ("#1", False), ("#5", True)
    ]  # fmt: skip
    assert [reference.source for reference in references.taken] == ["#2", "#3", "#4", "#5"]


def test_a_blank_picture_is_refused_even_as_the_first() -> None:
    camera = PictureCamera([np.full((64, 64, 3), 90, np.uint8), grey_part(1)])
    first = next(iter(collect(camera, References(1))))
    assert not first.taken
    assert "blank or out of focus" in first.why


def test_the_same_picture_is_refused_twice_by_name() -> None:
    camera = PictureCamera([grey_part(0), grey_part(0), grey_part(1)])
    decisions = list(collect(camera, References(2)))
    assert decisions[1] == Decision("#2", taken=False, why="the same picture as #1")


def test_a_part_shot_again_is_no_second_reference() -> None:
    noisy = np.clip(plain_part(0).astype(int) + np.random.default_rng(0).integers(-4, 5, (256, 256, 3)), 0, 255)
    references = References(5)
    for number in range(3):
        assert references.offer("rtsp://cam", plain_part(number))[0].taken
    (again,) = references.offer("rtsp://cam", noisy.astype(np.uint8))
    assert not again.taken
    assert again.why.startswith("the same part as reference 1 (unlikeness 0.00")
    assert references.offer("rtsp://cam", plain_part(3))[0].taken


def test_a_part_shot_twice_at_first_is_named_and_refused_once_others_show_how_parts_differ() -> None:
    noisy = np.clip(plain_part(0).astype(int) + np.random.default_rng(0).integers(-4, 5, (256, 256, 3)), 0, 255)
    references = References(4)
    references.offer("a.png", plain_part(0))
    (named,) = references.offer("b.png", noisy.astype(np.uint8))
    assert named.taken
    assert named.why.startswith("2 of 4; perhaps the same part as a.png (unlikeness 0.00")
    references.offer("c.png", plain_part(1))
    decisions = references.offer("d.png", plain_part(2))
    assert [(each.source, each.taken) for each in decisions] == [("d.png", True), ("b.png", False)]
    assert decisions[1].why.startswith("the same part as a.png")


def test_a_dark_picture_is_refused_with_its_level() -> None:
    (decision,) = References(1).offer("a.png", grey_part(0) // 10)
    assert decision.why.startswith("too dark: mean level 12 of 255, at least 20 is needed")


def test_a_reference_taken_back_makes_room_and_its_part_may_come_again() -> None:
    references = References(1)
    references.offer("a.png", plain_part(0))
    refused = references.refuse(references.taken[0], "unlike the others")
    assert refused == Decision("a.png", taken=False, why="unlike the others")
    assert not references.complete
    assert references.offer("b.png", plain_part(0))[0].taken


def test_references_on_a_shelf_are_the_same_pictures(tmp_path: Path) -> None:
    references = References(2, shelf=tmp_path)
    for number in range(2):
        references.offer(f"{number}.png", grey_part(number))
    assert [isinstance(each.kept, Path) for each in references.taken] == [True, True]
    pictures = pictures_of(references.taken)
    assert [np.array_equal(one, grey_part(number)) for number, one in enumerate(pictures)] == [True, True]
    assert np.array_equal(pictures[1:][0], grey_part(1))


def test_an_unreadable_picture_is_refused() -> None:
    decisions = list(collect(PictureCamera([None, grey_part(0)]), References(1)))
    assert decisions[0] == Decision("#1", taken=False, why="not readable as a picture")


def test_too_few_pictures_are_an_error_with_the_counts() -> None:
    camera = PictureCamera([grey_part(0), None, grey_part(1)])
    with pytest.raises(EdgeError, match=r"pictures: 2 of 4 references, 1 candidates refused, .*no more pictures"):
        list(collect(camera, References(4)))


def test_an_endless_camera_that_shows_nothing_is_given_up() -> None:
    camera = PictureCamera(repeat(np.zeros((64, 64, 3), np.uint8)))
    with pytest.raises(EdgeError, match="0 of 2 references"):
        list(collect(camera, References(2)))
    assert camera.reads == 2 * MOST_REFUSED


def test_a_moving_view_gives_one_reference_for_each_part_that_comes_to_rest() -> None:
    moving = [grey_part(100 + n) // 2 + np.uint8(20 * n) for n in range(6)]
    for n, pixels in enumerate(moving):
        pixels[:, : 10 * (n + 1)] = 255
    view = chain(moving, repeat(grey_part(1), 8), moving, repeat(grey_part(2, spot=True), 8))
    references = References(2)
    list(collect(PictureCamera(view, continuous=True), references))
    assert np.array_equal(references.taken[0].pixels, grey_part(1))
    assert np.array_equal(references.taken[1].pixels, grey_part(2, spot=True))


def test_a_live_camera_is_locked_after_it_settled() -> None:
    camera = PictureCamera((grey_part(n) for n in range(50)), can_wait=False)
    assert settle(camera) == {"exposure": 0.02}
    assert camera.locked_after == SETTLING_FRAMES


def test_a_folder_loses_no_picture_to_settling() -> None:
    camera = PictureCamera(grey_part(n) for n in range(50))
    assert settle(camera) == {}
    assert camera.reads == 0


def test_a_folder_gives_its_first_pictures_by_name(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), grey_part(ord(name)))
    references = References(2)
    list(collect(open_camera(parse_camera(str(tmp_path)), fps=None, once=True), references))
    assert [reference.source for reference in references.taken] == ["a.png", "b.png"]
