"""What an epoch shows, and how four pictures become one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.adapters.mosaic import TILES, epoch_plan, mosaic, truth_at

CATEGORIES = ["bolt"] * 30 + ["nut"] * 20


def test_without_mosaics_every_sample_comes_once() -> None:
    plan = epoch_plan(CATEGORIES, mosaic_rate=0, seed=0, epoch=0)
    assert sorted(draw.samples for draw in plan) == [(index,) for index in range(50)]
    assert [draw.samples for draw in plan] != [(index,) for index in range(50)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), epoch=st.integers(0, 20), rate=st.floats(0, 1))
def test_a_mosaic_takes_a_samples_place_and_shows_one_category(seed: int, epoch: int, rate: float) -> None:
    plan = epoch_plan(CATEGORIES, mosaic_rate=rate, seed=seed, epoch=epoch)
    assert len(plan) == len(CATEGORIES)
    assert {len(draw.samples) for draw in plan} <= {1, TILES}
    assert all(len({CATEGORIES[index] for index in draw.samples}) == 1 for draw in plan)
    singles = [draw.samples[0] for draw in plan if len(draw.samples) == 1]
    assert len(set(singles)) == len(singles)


def test_a_plan_is_a_function_of_seed_and_epoch() -> None:
    def plan(seed: int, epoch: int) -> list[tuple[int, ...]]:
        return [draw.samples for draw in epoch_plan(CATEGORIES, mosaic_rate=0.2, seed=seed, epoch=epoch)]

    assert plan(1, 2) == plan(1, 2)
    assert plan(1, 2) != plan(1, 3)
    assert plan(1, 2) != plan(2, 2)


def test_the_rate_is_kept() -> None:
    draws = [draw for epoch in range(100) for draw in epoch_plan(CATEGORIES, mosaic_rate=0.2, seed=7, epoch=epoch)]
    share = np.mean([len(draw.samples) == TILES for draw in draws])
    assert share == pytest.approx(0.2, abs=0.03)  # 5000 draws: five standard deviations


def test_tiles_lie_row_by_row_with_their_masks() -> None:
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    masks = [np.full((4, 6), flag, np.bool_) for flag in (False, True, True, False)]
    picture, mask = mosaic(pictures), mosaic(masks)
    assert picture.shape == (8, 12, 3)
    assert mask.shape == (8, 12)
    corners = [(0, 0), (0, 11), (7, 0), (7, 11)]
    assert [int(picture[corner][0]) for corner in corners] == [10, 20, 30, 40]
    assert [bool(mask[corner]) for corner in corners] == [False, True, True, False]


def test_pictures_of_other_sizes_fit_the_firsts_tile() -> None:
    big, small = np.zeros((10, 8), np.bool_), np.zeros((5, 4), np.bool_)
    small[3:] = True
    mask = mosaic([big, small, small, big])
    assert mask.shape == (20, 16) and mask.dtype == np.bool_
    assert not mask[:10, :8].any() and not mask[:6, 8:].any()
    assert mask[6:10, 8:].all()
    dark, light = np.full((10, 8, 3), 9, np.uint8), np.full((5, 4, 3), 200, np.uint8)
    picture = mosaic([dark, light, light, dark])
    assert picture.shape == (20, 16, 3)
    assert (picture[:10, 8:] == 200).all() and (picture[10:, 8:] == 9).all()


def test_a_mosaic_has_four_pictures() -> None:
    with pytest.raises(ValueError, match="4"):
        mosaic([np.zeros((2, 2, 3), np.uint8)] * 3)


def test_truth_is_squashed_whole_and_marks_what_is_covered_by_more_than_half() -> None:
    mask = np.zeros((40, 80), np.bool_)
    mask[30:, 60:] = True
    truth = truth_at(mask, 8)
    assert truth.shape == (8, 8)
    assert truth[6:, 6:].all()
    assert truth.sum() == 4
