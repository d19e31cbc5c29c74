"""Regions: one if and only if the score is above the threshold, boxes inside the picture and around their cells."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edge.vision.regions import MOST_REGIONS, find_regions

maps = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 4, width=32, allow_nan=False)
)


@given(anomaly_map=maps, threshold=st.floats(0, 5), width=st.integers(1, 700), height=st.integers(1, 700))
def test_there_is_a_region_exactly_when_the_score_is_above(
    anomaly_map: np.ndarray, threshold: float, width: int, height: int
) -> None:
    regions = find_regions(anomaly_map, threshold, width=width, height=height)
    score = float(anomaly_map.max())
    assert bool(regions) == (score > threshold)
    for region in regions:
        assert 0 <= region.x0 < region.x1 <= width
        assert 0 <= region.y0 < region.y1 <= height
        assert threshold < region.peak <= score
        assert 0 < region.area <= 1
    if regions:
        assert regions[0].peak == score
        assert [region.peak for region in regions] == sorted((region.peak for region in regions), reverse=True)


@given(value=st.floats(0.0078125, 4, width=32))
def test_a_threshold_just_below_the_score_is_not_rounded_to_it(value: float) -> None:
    """The threshold is a 64-bit number between two 32-bit ones."""
    anomaly_map = np.full((3, 3), value, np.float32)
    assert find_regions(anomaly_map, math.nextafter(value, 0), width=3, height=3)
    assert not find_regions(anomaly_map, value, width=3, height=3)


def test_a_box_covers_its_cells_in_picture_pixels() -> None:
    anomaly_map = np.zeros((4, 8), np.float32)
    anomaly_map[1:3, 5] = 1, 2
    (region,) = find_regions(anomaly_map, 0.5, width=640, height=480)
    assert (region.x0, region.y0, region.x1, region.y1) == (400, 120, 480, 360)
    assert region.area == pytest.approx(2 / 32)
    assert region.peak == 2


def test_cells_that_touch_at_a_corner_are_one_region() -> None:
    assert len(find_regions(np.eye(5, dtype=np.float32), 0.5, width=50, height=50)) == 1


def test_many_regions_are_capped_to_those_with_the_largest_peaks() -> None:
    anomaly_map = np.zeros((20, 20), np.float32)
    anomaly_map[::2, ::2] = np.arange(100, dtype=np.float32).reshape(10, 10) + 1
    regions = find_regions(anomaly_map, 0.5, width=20, height=20)
    assert [region.peak for region in regions] == [float(peak) for peak in range(100, 100 - MOST_REGIONS, -1)]
