"""Drawn defects lie where their masks say, can be seen, and are the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lite.pictures import Known, cut, demo_pictures, lit
from calibration.lite.procedural_defects import KINDS, LEAST_CHANGE, change, with_defect
from calibration.lite.procedural_surfaces import RELIEFS, surface
from edge.frame import Pixels
from edge.line.opencv import cv2
from tests.patch_encoder import grey_part


def colourful(seed: int, height: int = 120, width: int = 90) -> Pixels:
    coarse = np.random.default_rng(seed).integers(40, 220, (6, 5, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(32, 200), width=st.integers(32, 200), grey=st.booleans())
def test_a_defect_is_seen_where_its_mask_is(seed: int, height: int, width: int, grey: bool) -> None:
    part = grey_part(seed, size=(height, width)) if grey else colourful(seed, height, width)
    before = part.copy()
    painted, mask = with_defect(part, colourful(seed + 1), np.random.default_rng(seed))
    assert np.array_equal(part, before)
    assert painted.shape == part.shape and painted.dtype == np.uint8
    assert mask.shape == part.shape[:2] and mask.any()
    assert change(part, painted, mask) >= LEAST_CHANGE


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    draws = [with_defect(colourful(0), colourful(1), np.random.default_rng(seed)) for seed in (4, 4, 5)]
    assert np.array_equal(draws[0][0], draws[1][0]) and np.array_equal(draws[0][1], draws[1][1])
    assert not np.array_equal(draws[0][0], draws[2][0])


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_changes_what_it_covers_and_little_else(kind: str) -> None:
    part, other = colourful(3), grey_part(4, size=(80, 80))
    seen = []
    for seed in range(12):
        painted, cover = KINDS[kind](part, other, np.random.default_rng(seed))
        assert cover.shape == part.shape[:2] and cover.min() >= 0 and cover.max() <= 1
        difference = cv2.absdiff(painted, part).max(axis=2)
        near = cv2.dilate((cover > 0).astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
        assert difference[~near].sum() == 0
        seen.append(bool((cover >= 0.5).any()) and difference[cover >= 0.5].mean() > 1)
    assert np.mean(seen) >= 0.6


@pytest.mark.parametrize("kind", list(RELIEFS))
def test_reliefs_are_around_zero(kind: str) -> None:
    relief = RELIEFS[kind]((90, 70), np.random.default_rng(1))
    assert relief.shape == (90, 70)
    assert abs(float(relief.mean())) < 0.1
    assert float(relief.std()) < 1.2


def test_surfaces_differ() -> None:
    drawn = [surface((64, 80), np.random.default_rng(seed)) for seed in range(6)]
    assert all(each.shape == (64, 80, 3) for each in drawn)
    assert len({each.tobytes() for each in drawn}) == 6
    assert np.std([each.mean() for each in drawn]) > 10


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_cutting_and_lighting_keep_a_mask_on_its_defect(seed: int) -> None:
    pixels = np.full((200, 300, 3), 90, np.uint8)
    mask = np.zeros((200, 300), np.bool_)
    mask[60:140, 90:210] = True
    pixels[mask] = 230
    seen = lit(cut(Known(pixels, mask), np.random.default_rng(seed)), np.random.default_rng(seed + 1))
    assert seen.pixels.shape[:2] == seen.mask.shape
    inner = cv2.erode(seen.mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    outer = cv2.dilate(seen.mask.astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    if inner.sum() > 50 and outer.sum() > 50:
        assert seen.pixels[inner].mean() > seen.pixels[outer].mean()


def test_the_demos_masks_lie_on_its_defects() -> None:
    good, bad = demo_pictures(8)
    for fine, faulty in zip(good, bad, strict=True):
        share = faulty.mask.mean()
        assert 1e-4 < share < 0.05
        assert cv2.absdiff(fine, faulty.pixels).max(axis=2)[~faulty.mask].max() < 8
