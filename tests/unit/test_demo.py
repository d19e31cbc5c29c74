"""demo:pcb: boards that repeat, that start good, and whose defects are where they are."""

from itertools import islice

import numpy as np
import pytest

from edge.line.demo import DEFECT_RATE, FIRST_GOOD, NOISE, demo_boards, draw_look, noise_tiles, render
from edge.line.demo_board import draw_board
from edge.line.demo_defects import DEFECTS


def test_boards_are_pictures_of_one_size() -> None:
    board = next(demo_boards())
    assert board.pixels.shape == (480, 640, 3)
    assert board.pixels.dtype == np.uint8


def test_the_same_seed_gives_the_same_boards() -> None:
    for one, other in zip(islice(demo_boards(seed=5), 12), islice(demo_boards(seed=5), 12), strict=True):
        assert one.truth == other.truth
        assert np.array_equal(one.pixels, other.pixels)


def test_another_seed_gives_other_boards() -> None:
    assert not np.array_equal(next(demo_boards(seed=1)).pixels, next(demo_boards(seed=2)).pixels)


def test_one_board_differs_from_the_next_by_more_than_noise() -> None:
    first, second = islice(demo_boards(), 2)
    assert np.abs(first.pixels.astype(int) - second.pixels).mean() > NOISE


@pytest.mark.parametrize("seed", range(5))
def test_the_shift_starts_with_good_boards(seed: int) -> None:
    assert [board.truth for board in islice(demo_boards(seed=seed), FIRST_GOOD)] == [None] * 8


def test_later_some_boards_are_defective_and_every_kind_comes() -> None:
    truths = [board.truth for board in islice(demo_boards(), 600)]
    bad = [truth for truth in truths if truth is not None]
    assert len(bad) / (600 - FIRST_GOOD) == pytest.approx(DEFECT_RATE, abs=0.04)
    assert set(bad) == set(DEFECTS)


@pytest.mark.parametrize("kind", sorted(DEFECTS))
@pytest.mark.parametrize("seed", range(12))
def test_a_defect_is_visible_and_confined(kind: str, seed: int) -> None:
    drawing = draw_board()
    rng = np.random.default_rng(seed)
    look = draw_look(rng, noise_tiles(np.random.default_rng(0)), parts=len(drawing.parts))
    good = render(drawing, look, truth=None, rng=rng)
    bad = render(drawing, look, truth=kind, rng=rng)
    y, x = np.nonzero(np.abs(good.astype(int) - bad).max(axis=2) > 12)
    size = max(np.ptp(x), np.ptp(y)) + 1
    assert 12 <= size <= 64
    assert len(x) >= 60
