"""The heatmap's scale is fixed: a value's colour never depends on the rest of its picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.overlay import LONGEST_SIDE, HeatScale, colour, heatmap, png, scale_strip

SCALE = HeatScale(low=0.2, high=1.2, mark=0.5)
UNITS = st.floats(0, 2, width=32)


def flat(value: float) -> np.ndarray:
    return np.full((10, 14), value, np.float32)


@given(value=UNITS, other=UNITS)
def test_same_value_has_same_colour_in_two_different_maps(value: float, other: float) -> None:
    mixed = flat(value)
    mixed[:, 7:] = other
    alone = heatmap(flat(value), SCALE, width=140, height=100)
    beside = heatmap(mixed, SCALE, width=140, height=100)
    assert np.array_equal(alone[50, 10], beside[50, 10])


@given(value=st.floats(0, 0.2))
def test_at_and_below_low_is_fully_transparent(value: float) -> None:
    assert heatmap(flat(value), SCALE, width=140, height=100)[..., 3].max() == 0


def test_threshold_lies_half_way_and_high_is_the_brightest() -> None:
    positions = SCALE.position(np.array([[0.2, 0.35, 0.5, 0.85, 1.2, 9.0]], np.float32))
    assert positions[0].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1], abs=1e-6)


@given(low=UNITS, high=UNITS)
def test_higher_value_is_never_darker_nor_more_transparent(low: float, high: float) -> None:
    lower, higher = colour(SCALE.position(np.array([[min(low, high), max(low, high)]], np.float32)))[0]
    assert lower[3] <= higher[3]
    luma = np.array([0.299, 0.587, 0.114])
    assert luma @ lower[:3] <= luma @ higher[:3] + 1


@pytest.mark.parametrize("mark", [None, 0.1, 0.2, 1.2, 3.0])
def test_scale_without_usable_threshold_is_a_straight_line(mark: float | None) -> None:
    scale = HeatScale(low=0.2, high=1.2, mark=mark)
    assert not scale.marked
    assert scale.position(np.array([[0.7]], np.float32))[0, 0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (4000, 1000), (1, 5000), (30, 20)])
def test_heatmap_has_the_pictures_aspect_and_at_most_its_size(width: int, height: int) -> None:
    drawn_height, drawn_width, channels = heatmap(flat(0.7), SCALE, width=width, height=height).shape
    assert channels == 4
    assert max(drawn_width, drawn_height) == min(max(width, height), LONGEST_SIDE)
    assert abs(drawn_width - width * max(drawn_width, drawn_height) / max(width, height)) <= 1


def test_hot_corner_of_the_map_lies_on_the_same_corner_of_the_picture() -> None:
    values = flat(0.0)
    values[0, -1] = 1.2
    alpha = heatmap(values, SCALE, width=140, height=100)[..., 3]
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    assert row < 10
    assert column >= 130
    assert alpha[20:].max() == 0


def test_enlarging_invents_no_value_above_the_maps_own() -> None:
    values = flat(0.3)
    values[5, 5] = 0.5
    assert (
        heatmap(values, SCALE, width=600, height=400)[..., 3].max() <= colour(np.full((1, 1), 0.5, np.float32))[0, 0, 3]
    )


def test_png_keeps_every_channel() -> None:
    strip = scale_strip(width=64)
    decoded = cv2.imdecode(np.frombuffer(png(strip), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA), strip)
