"""Which crops of a picture multi-crop takes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.crops import CROPS, crop_boxes, crops_of, mean_over_crops

SIDES = st.integers(1, 300)


@given(width=SIDES, height=SIDES)
def test_the_first_crop_is_the_picture_and_the_corners_alone_cover_it(width: int, height: int) -> None:
    whole, *parts = crop_boxes(width, height)
    assert whole == (0, 0, width, height)
    covered = np.zeros((height, width), bool)
    for left, top, right, bottom in parts[:4]:
        covered[top:bottom, left:right] = True
    assert covered.all()


@given(width=SIDES, height=SIDES)
def test_each_part_is_two_thirds_of_either_side_rounded_up_and_lies_inside(width: int, height: int) -> None:
    boxes = crop_boxes(width, height)
    assert len(boxes) == CROPS
    for left, top, right, bottom in boxes[1:]:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert 3 * (right - left) - 2 * width in (0, 1, 2)
        assert 3 * (bottom - top) - 2 * height in (0, 1, 2)


def test_the_boxes_of_a_camera_picture() -> None:
    assert crop_boxes(640, 480) == (
        (0, 0, 640, 480),
        (0, 0, 427, 320),
        (213, 0, 640, 320),
        (0, 160, 427, 480),
        (213, 160, 640, 480),
        (106, 80, 533, 400),
    )


def test_crops_are_views_picture_by_picture() -> None:
    pictures = [np.full((30, 60, 3), value, np.uint8) for value in (1, 2)]
    pictures[1][-1, -1] = 9
    crops = crops_of(pictures)
    assert [int(crop[0, 0, 0]) for crop in crops] == [1] * CROPS + [2] * CROPS
    assert all(np.shares_memory(crop, pictures[index // CROPS]) for index, crop in enumerate(crops))
    assert [9 in crop for crop in crops] == [False] * CROPS + [True, False, False, False, True, False]


def test_a_pictures_score_is_the_mean_over_its_own_crops() -> None:
    scores = torch.arange(2 * CROPS, dtype=torch.float32)
    torch.testing.assert_close(mean_over_crops(scores), torch.tensor([2.5, 8.5]))
